// What this machine is, as a pool: the fleet of someone who has none.
#pragma once

#include "base/result.h"
#include "model/resources.h"

namespace mohona {

// Cores, memory and whatever GPUs `nvidia-smi` lists; free of charge.
Pool this_machine();

// "NVIDIA H100 80GB HBM3" -> "h100", as job files ask for it.
std::string accelerator_name(const std::string& product);

}  // namespace mohona
