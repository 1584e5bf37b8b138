#include "app/machine.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "base/text.h"

namespace mohona {
namespace {

// One product name a GPU; none where there is no nvidia-smi.
std::vector<std::string> nvidia_gpus() {
  std::vector<std::string> gpus;
  const std::unique_ptr<FILE, int (*)(FILE*)> output(
      ::popen("timeout 5 nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null", "r"),
      ::pclose);
  char line[256];
  while (output && std::fgets(line, sizeof line, output.get())) {
    if (const auto product = trim(line); !product.empty()) gpus.emplace_back(product);
  }
  return gpus;
}

}  // namespace

std::string accelerator_name(const std::string& product) {
  // The model is the word with a digit that is not a size, a bus or a generation of memory.
  for (const std::string_view part : split(product, ' ')) {
    const std::string word = lower(part.substr(0, part.find('-')));
    const bool digits = word.find_first_of("0123456789") != std::string::npos;
    if (digits && !word.ends_with("gb") && !word.starts_with("hbm")) return word;
  }
  return lower(product);
}

Pool this_machine() {
  Pool pool;
  pool.name = pool.cloud = "local";
  pool.region = "here";
  pool.purchase = Purchase::reserved;
  pool.nodes = 1;
  pool.share_nodes = true;
  pool.shape.name = "machine";
  pool.shape.cpus_milli = std::max(1u, std::thread::hardware_concurrency()) * 1'000;
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) {
    pool.shape.memory_mib = static_cast<std::int64_t>(info.totalram * info.mem_unit / 1'048'576);
  }
  const auto gpus = nvidia_gpus();
  if (!gpus.empty()) {
    pool.shape.gpu = accelerator_name(gpus.front());
    pool.shape.gpus = std::ssize(gpus);
  }
  return pool;
}

}  // namespace mohona
