#include "engine/host/start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/open_files.h"

namespace mohona::host {
namespace {

enum class Step { parent, group, directory, standard_files, interpreter };

// What a process that cannot begin writes into the pipe, in one piece.
struct Complaint {
  pid_t pid = 0;
  Step step = Step::parent;
  int error = 0;
};

[[noreturn]] void give_up(int complaining, Step step, int status) {
  const Complaint complaint{::getpid(), step, errno};
  [[maybe_unused]] const ssize_t n = ::write(complaining, &complaint, sizeof complaint);
  ::_exit(status);
}

void reset_signals() {
  for (int n = 1; n < NSIG; ++n) ::signal(n, SIG_DFL);  // not of KILL and STOP: they have no other
  // Two that glibc keeps to itself, and leaves ignored in what posix_spawn starts.
  const std::array<std::uint64_t, 4> to_default{};  // as the kernel has it: all of it zero
  for (const int n : {32, 33}) {
    ::syscall(SYS_rt_sigaction, n, to_default.data(), nullptr, sizeof(std::uint64_t));
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child, after fork of a process with threads: nothing here may allocate.
[[noreturn]] void become(const NewProcess& what, char* const* environment, int complaining,
                         const rlimit& files, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) give_up(complaining, Step::parent, 125);
  for (const int entrance : what.entrances) {
    if (::write(entrance, "0", 1) != 1) give_up(complaining, Step::group, 125);
  }
  reset_signals();
  ::umask(022);
  if (::chdir(what.directory.c_str()) != 0) give_up(complaining, Step::directory, 125);
  const int in = ::open("/dev/null", O_RDONLY);
  if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(what.out, 1) < 0 || ::dup2(what.err, 2) < 0 ||
      ::dup2(complaining, 3) < 0) {
    give_up(complaining, Step::standard_files, 125);
  }
  ::fcntl(3, F_SETFD, FD_CLOEXEC);
  ::close_range(4, ~0U, 0);
  ::setrlimit(RLIMIT_NOFILE, &files);
  char* const arguments[] = {const_cast<char*>(what.program.c_str()), nullptr};
  ::execve(what.program.c_str(), arguments, environment);
  give_up(3, Step::interpreter, 126);
}

std::string describe(const Complaint& complaint) {
  const char* why = std::strerror(complaint.error);
  switch (complaint.step) {
    case Step::parent:
      return "its supervisor was gone";
    case Step::group:
      return fmt::format("it cannot enter its control group: {}", why);
    case Step::directory:
      return fmt::format("it cannot enter its working directory: {}", why);
    case Step::standard_files:
      return fmt::format("it cannot open its standard files: {}", why);
    case Step::interpreter:
      return fmt::format("the script's interpreter cannot be started: {}", why);
  }
  return {};
}

// What the engine says, or else what this process was started with.
rlimit open_files_of_work() {
  rlimit limit = open_files_at_start();
  const char* said = ::getenv(Starter::open_files_variable);
  if (const auto soft = said ? std::strtoull(said, nullptr, 10) : 0; soft > 0) {
    limit.rlim_cur = std::min<rlim_t>(soft, limit.rlim_max);
  }
  return limit;
}

}  // namespace

Starter::Starter() : files_(open_files_of_work()) {
  std::array<int, 2> ends{-1, -1};
  (void)::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK);
  complaints_ = Fd(ends[0]);
  complaining_ = Fd(ends[1]);
}

pid_t Starter::start(const NewProcess& what) {
  std::vector<std::string> variables;
  for (const auto& [key, value] : what.environment) variables.push_back(key + "=" + value);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(what, environment.data(), complaining_.get(), files_, parent);
  if (pid > 0) ::setpgid(pid, pid);  // both sides, so that neither can be late
  return pid;
}

std::string Starter::why_not(pid_t pid) {
  Complaint complaint;
  while (::read(complaints_.get(), &complaint, sizeof complaint) == sizeof complaint) {
    known_.emplace_back(complaint.pid, describe(complaint));
  }
  for (const auto& [who, why] : known_) {
    if (who == pid) return why;
  }
  return {};
}

}  // namespace mohona::host
