#include "engine/slurm/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/file.h"

namespace mohona::slurm {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t printed_max = 256u << 20;  // a line for each of a million tasks

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("make", "a pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A file without a name that holds `text`: no pipe can fill up then.
Result<Fd> input_file(const std::string& text) {
  Fd file(::memfd_create("input", MFD_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != std::ssize(text) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0) {
    return system_failure("hand over", "a script");
  }
  return file;
}

Result<pid_t> start(const std::vector<std::string>& words, const Variables& variables, int in,
                    int out, int err) {
  std::vector<std::string> texts;
  for (const auto& [key, value] : variables) texts.push_back(key + "=" + value);
  std::vector<char*> environment, arguments;
  for (std::string& text : texts) environment.push_back(text.data());
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  environment.push_back(nullptr);
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, in, 0);
  ::posix_spawn_file_actions_adddup2(&files, out, 1);
  ::posix_spawn_file_actions_adddup2(&files, err, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // The controller's threads block signals; a command must be able to be interrupted.
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, arguments[0], &files, &attributes, arguments.data(), environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error == ENOENT) {
    return fail(Code::not_found, fmt::format("there is no program '{}' here", words[0]));
  }
  if (error != 0) {
    errno = error;
    return system_failure("start", words[0]);
  }
  return pid;
}

// Until both pipes are closed. False: it took too long, or printed too much.
bool drain(Pipe& out, Pipe& err, Printed& printed, Steady::time_point until) {
  std::array<char, 65'536> buffer;
  std::array<pollfd, 2> polls = {{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
  const std::array<std::string*, 2> texts = {&printed.out, &printed.err};
  while (polls[0].fd >= 0 || polls[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
    if (left <= 0) return false;
    if (::poll(polls.data(), polls.size(), static_cast<int>(left)) < 0 && errno != EINTR) {
      return false;
    }
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].fd < 0 || polls[i].revents == 0) continue;
      const ssize_t n = ::read(polls[i].fd, buffer.data(), buffer.size());
      if (n <= 0) {
        polls[i].fd = -1;
      } else {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(n));
      }
      if (texts[i]->size() > printed_max) return false;
    }
  }
  return true;
}

}  // namespace

Result<Printed> run(const std::vector<std::string>& words, const Variables& environment,
                    const std::string& input, std::chrono::milliseconds within) {
  const auto until = Steady::now() + within;
  auto out = make_pipe();
  if (!out) return fail(out.error());
  auto err = make_pipe();
  if (!err) return fail(err.error());
  auto in = input_file(input);
  if (!in) return fail(in.error());
  const auto pid = start(words, environment, in->get(), out->write.get(), err->write.get());
  if (!pid) return fail(pid.error());
  out->write.close();
  err->write.close();
  Printed printed;
  const bool ended = drain(*out, *err, printed, until);
  if (!ended) ::kill(-*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return fail(Code::unavailable,
                fmt::format("{} did not answer within {} s", words[0],
                            std::chrono::ceil<std::chrono::seconds>(within).count()),
                Retry::outcome_unknown);
  }
  printed.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return printed;
}

}  // namespace mohona::slurm
