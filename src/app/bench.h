// mohona bench: what the scheduler takes, in virtual time, without a control plane.
#pragma once

#include <CLI/CLI.hpp>

namespace mohona {

void add_bench(CLI::App& app);

}  // namespace mohona
