#include "engine/host/slurm_step.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "model/json_text.h"

namespace mohona::host {
namespace {

constexpr const char* ranks_file = "ranks.json";
constexpr const char* failed_file = "failed";

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// The first rank to say so is believed: what Slurm then ends is no failure of its own.
void say_failed(const std::string& directory, const std::string& rank, int code) {
  const std::string path = fmt::format("{}/{}", directory, failed_file);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return;
  const std::string text = fmt::format("{} {}\n", rank, code);
  [[maybe_unused]] const ssize_t n = ::write(fd.get(), text.data(), text.size());
}

}  // namespace

Variables slurms_variables() {
  constexpr std::array<std::string_view, 4> devices = {
      "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"};
  // Work that asked for no GPU must not see one, where Slurm does not keep it from them.
  Variables out = {{"CUDA_VISIBLE_DEVICES", ""}};
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    const bool device = std::find(devices.begin(), devices.end(), name) != devices.end();
    const bool slurm = (name.starts_with("SLURM_") && !name.starts_with("SLURM_ARRAY_")) ||
                       name.starts_with("SLURMD_");
    if (device || slurm)
      out.emplace_back(name, text.substr(std::min(text.size(), name.size() + 1)));
  }
  return out;
}

Result<std::string> write_step(const std::string& directory, const Order& order,
                               const std::string& script) {
  const std::string ranks = fmt::format("{}/{}", directory, ranks_file);
  if (auto ok = write_file(ranks, json_text::to_text(order), false); !ok) return fail(ok.error());
  ::unlink(fmt::format("{}/{}", directory, failed_file).c_str());
  std::string self(4'096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
  if (size < 0) return system_failure("read", "/proc/self/exe");
  self.resize(static_cast<std::size_t>(size));
  const std::size_t n = order.ranks.size();
  const std::string program = directory + "/step.sh";
  // Overlap: hooks may want the node beside it. Slurm waits for the others no longer than we do.
  const std::string text = fmt::format(
      "#!/bin/sh\nexec srun --nodes={0} --ntasks={0} --ntasks-per-node=1 --export=ALL --overlap "
      "--kill-on-bad-exit=1 --wait=10 --unbuffered {1} --rank {2} {3}\n",
      n, single_quoted(self), single_quoted(directory), single_quoted(script));
  if (auto ok = write_file(program, text, false); !ok) return fail(ok.error());
  if (::chmod(program.c_str(), 0700) != 0) return system_failure("make executable", program);
  return program;
}

std::optional<RankFailure> first_failure(const std::string& directory) {
  const auto text = read_file(fmt::format("{}/{}", directory, failed_file));
  RankFailure failure;
  if (!text || std::sscanf(text->c_str(), "%ld %ld", &failure.rank, &failure.code) != 2) {
    return std::nullopt;
  }
  return failure;
}

void kill_steps() {
  const char* job = ::getenv("SLURM_JOB_ID");
  if (!job) return;
  std::string id = job;
  std::array<char*, 4> words = {const_cast<char*>("scancel"), const_cast<char*>("--signal=KILL"),
                                id.data(), nullptr};
  pid_t pid = 0;
  (void)::posix_spawnp(&pid, "scancel", nullptr, nullptr, words.data(), environ);
}

int run_rank(const std::string& directory, const std::string& script) {
  const char* number = ::getenv("SLURM_PROCID");
  const auto order = json_text::from_file<Order>(fmt::format("{}/{}", directory, ranks_file));
  const auto index = static_cast<std::size_t>(number ? std::atoll(number) : 0);
  if (!number || !order || index >= order->ranks.size()) {
    fmt::print(stderr, "mohona: a rank without its order in {}\n", directory);
    return 125;
  }
  const RankOrder& rank = order->ranks[index];
  std::map<std::string, std::string> variables;
  for (const auto& [key, value] : slurms_variables()) variables[key] = value;
  for (const auto& [key, value] : order->environment) variables[key] = value;
  for (const auto& [key, value] : rank.environment) variables[key] = value;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int flags = O_WRONLY | O_CREAT | O_APPEND;
    const int out = ::open(rank.log.c_str(), flags, 0600);
    const int err = rank.error_log.empty() ? out : ::open(rank.error_log.c_str(), flags, 0600);
    const int in = ::open("/dev/null", O_RDONLY);
    if (::chdir(order->directory.c_str()) != 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 ||
        ::dup2(err, 2) < 0) {
      ::_exit(125);
    }
    ::close_range(3, ~0U, 0);
    ::umask(022);
    ::clearenv();
    for (const auto& [key, value] : variables) ::setenv(key.c_str(), value.c_str(), 1);
    ::execl(script.c_str(), script.c_str(), nullptr);
    ::_exit(126);
  }
  if (pid < 0) return 125;
  // Slurm signals the rank as well as us; how it takes that is its own business.
  for (const int n : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::signal(n, SIG_IGN);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (code != 0) say_failed(directory, number, code);
  return code;
}

}  // namespace mohona::host
