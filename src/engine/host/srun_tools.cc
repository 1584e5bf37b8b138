#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.h"
#include "engine/host/srun.h"
#include "model/host_list.h"

namespace mohona::host {
namespace {

constexpr std::size_t program_bytes_max = 65'536;

Result<void> install(const std::string& path, const std::string& supervisor, const char* tool) {
  std::string quoted;
  for (const char c : supervisor) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  const std::string script = fmt::format(
      "#!/bin/sh\n# Mohona's {0}, for batch scripts where there is no Slurm.\nexec '{1}' --{0} "
      "\"$@\"\n",
      tool, quoted);
  const auto known = read_regular_file(path, program_bytes_max);
  if (known && *known == script) return {};
  if (auto ok = write_file(path, script, false); !ok) return ok;
  if (::chmod(path.c_str(), 0700) != 0) return system_failure("make executable", path);
  return {};
}

}  // namespace

Result<std::string> install_slurm_tools(const std::string& directory,
                                        const std::string& supervisor) {
  if (auto ok = make_directory(directory); !ok) return fail(ok.error());
  for (const char* tool : {"srun", "scontrol"}) {
    if (auto ok = install(directory + "/" + tool, supervisor, tool); !ok) return fail(ok.error());
  }
  return directory;
}

int run_scontrol(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "", what = argc > 2 ? argv[2] : "";
  if (verb != "show" || (what != "hostnames" && what != "hostname") || argc > 4) {
    std::fputs("scontrol: only 'scontrol show hostnames [LIST]' is known here\n", stderr);
    return 1;
  }
  const char* own = ::getenv("SLURM_JOB_NODELIST");
  const std::string list = argc > 3 ? argv[3] : own ? own : "";
  const auto names = parse_host_list(list);
  if (!names) {
    fmt::print(stderr, "scontrol: '{}' is not a list of nodes\n", list);
    return 1;
  }
  for (const std::string& name : *names) fmt::print("{}\n", name);
  return 0;
}

}  // namespace mohona::host
