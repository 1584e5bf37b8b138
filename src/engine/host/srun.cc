#include "engine/host/srun.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "engine/host/processes.h"
#include "engine/host/srun_options.h"

namespace mohona::host {
namespace {

using Steady = std::chrono::steady_clock;

// How long the others may take to end after a task has failed.
constexpr std::chrono::seconds others_end_within{10};
// Of input that a task has not read yet; then srun reads no more until it has.
constexpr std::size_t input_bytes_max = 65'536;
// A line that is longer is written in parts.
constexpr std::size_t line_bytes_max = 65'536;
// Signals that scripts pass on to their srun.
constexpr std::array passed_on = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

// One of a task's streams on its way through srun, line by line.
struct Stream {
  Fd pipe;
  std::string line;
};

struct Task {
  pid_t pid = 0;
  bool running = false;
  Fd input;             // the task's standard input, when srun passes its own on
  std::string pending;  // of it, not taken yet
  std::array<Stream, 2> streams;
};

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value ? value : "";
}

class Step {
 public:
  explicit Step(SrunOptions options) : options_(std::move(options)) {}
  int run();

 private:
  void listen();
  bool start(std::int64_t rank);
  [[noreturn]] void become(std::int64_t rank, int in, const std::array<int, 2>& out);
  void choose_environment(std::int64_t rank);
  Fd open_output(const std::string& pattern, std::int64_t rank);
  std::string expand(const std::string& pattern, std::int64_t rank) const;
  void open_pipes(Task& task, std::array<Fd, 2>& ends, Fd& input);
  bool passes_input_on() const { return options_.input == "all" && options_.tasks > 1; }
  void loop();
  void reap();
  void signalled();
  void signal_tasks(int number);
  void read_input();
  void feed(Task& task);
  void read_stream(std::int64_t rank, std::size_t which);
  void write_lines(std::int64_t rank, std::size_t which, bool all);
  bool any_running() const {
    return std::any_of(tasks_.begin(), tasks_.end(), [](const Task& t) { return t.running; });
  }

  SrunOptions options_;
  std::vector<Task> tasks_;
  Fd signals_;
  std::map<std::string, Fd> outputs_;  // by name: tasks may share a file
  bool input_open_ = false;
  int worst_ = 0;
  bool ending_ = false;  // a task has failed, and the others are being ended
  bool stopping_ =
      false;  // the supervisor stops the step: it is over when its last process is gone
  bool childless_ = false;
  std::optional<Steady::time_point> kill_at_;
};

void Step::listen() {
  sigset_t set;
  sigemptyset(&set);
  for (const int n : passed_on) sigaddset(&set, n);
  sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what tasks leave behind ends with the step
}

// srun's names in files: %t task, %n node, %j job, %x its name, %s step, %u user, %% itself.
std::string Step::expand(const std::string& pattern, std::int64_t rank) const {
  const std::int64_t per_node = (options_.tasks + options_.nodes - 1) / options_.nodes;
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      out += pattern[i];
      continue;
    }
    // A width, as in %3t: filled with zeros.
    std::size_t width = 0;
    while (i + 1 < pattern.size() && std::isdigit(static_cast<unsigned char>(pattern[i + 1]))) {
      width = std::min<std::size_t>(width * 10 + static_cast<std::size_t>(pattern[++i] - '0'), 10);
    }
    const char letter = i + 1 < pattern.size() ? pattern[++i] : '%';
    std::string text;
    if (letter == 't') text = std::to_string(rank);
    if (letter == 'n') text = std::to_string(rank / per_node);
    if (letter == 'j' || letter == 'A' || letter == 'J') text = variable("SLURM_JOB_ID");
    if (letter == 'a') text = variable("SLURM_ARRAY_TASK_ID");
    if (letter == 's') text = "0";
    if (letter == 'x') text = variable("SLURM_JOB_NAME");
    if (letter == 'u') text = variable("USER");
    if (letter == 'N') text = variable("MOHONA_POOL");
    if (letter == '%') text = "%";
    out += std::string(text.size() < width ? width - text.size() : 0, '0') + text;
  }
  return out;
}

// The file of a task, or nothing: it writes where srun writes.
Fd Step::open_output(const std::string& pattern, std::int64_t rank) {
  if (pattern.empty() || pattern == "all") return {};
  const bool number = std::all_of(pattern.begin(), pattern.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c));
  });
  if (number && pattern == std::to_string(rank)) return {};
  const std::string name = number || pattern == "none" ? "/dev/null" : expand(pattern, rank);
  Fd& file = outputs_[name];
  if (!file) {
    file = Fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  }
  return Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3));
}

void Step::open_pipes(Task& task, std::array<Fd, 2>& ends, Fd& input) {
  std::array<int, 2> fds{};
  if (passes_input_on() && ::pipe2(fds.data(), O_CLOEXEC) == 0) {
    input = Fd(fds[0]);
    task.input = Fd(fds[1]);
    ::fcntl(fds[1], F_SETFL, O_NONBLOCK);
  }
  for (std::size_t i = 0; options_.label && i < ends.size(); ++i) {
    if (ends[i] || ::pipe2(fds.data(), O_CLOEXEC) != 0) continue;
    task.streams[i].pipe = Fd(fds[0]);
    ends[i] = Fd(fds[1]);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
  }
}

void Step::choose_environment(std::int64_t rank) {
  if (options_.exported != "ALL") {
    std::map<std::string, std::string> kept;
    bool all = false;
    for (const std::string_view item : split(options_.exported, ',')) {
      const std::string name(item.substr(0, item.find('=')));
      if (item == "ALL") all = true;
      if (item.find('=') != std::string_view::npos) {
        kept[name] = item.substr(name.size() + 1);
      } else if (::getenv(name.c_str())) {
        kept[name] = variable(name.c_str());
      }
    }
    for (char** entry = environ; *entry; ++entry) {
      const std::string_view text = *entry;
      const std::string name(text.substr(0, text.find('=')));
      const bool ours = name.starts_with("SLURM") || name.starts_with("MOHONA_") ||
                        name == "PATH" || name == "HOME" || name == "USER" || name == "LOGNAME";
      if (all || ours) kept.emplace(name, text.substr(std::min(text.size(), name.size() + 1)));
    }
    ::clearenv();
    for (const auto& [name, value] : kept) ::setenv(name.c_str(), value.c_str(), 1);
  }
  const std::int64_t per_node = (options_.tasks + options_.nodes - 1) / options_.nodes;
  const auto set = [](const char* name, std::int64_t value) {
    ::setenv(name, std::to_string(value).c_str(), 1);
  };
  for (const char* name : {"SLURM_NTASKS", "SLURM_NPROCS", "SLURM_STEP_NUM_TASKS", "WORLD_SIZE"}) {
    set(name, options_.tasks);
  }
  for (const char* name : {"SLURM_NNODES", "SLURM_STEP_NUM_NODES"}) set(name, options_.nodes);
  for (const char* name : {"SLURM_PROCID", "RANK"}) set(name, rank);
  for (const char* name : {"SLURM_NODEID", "GROUP_RANK"}) set(name, rank / per_node);
  for (const char* name : {"SLURM_LOCALID", "LOCAL_RANK"}) set(name, rank % per_node);
  set("LOCAL_WORLD_SIZE", per_node);
  set("SLURM_STEP_ID", 0);
  set("SLURM_STEPID", 0);
  set("SLURM_TASK_PID", ::getpid());
  set(step_variable, 1);
  if (!options_.cpus_per_task.empty()) {
    ::setenv("SLURM_CPUS_PER_TASK", options_.cpus_per_task.c_str(), 1);
  }
}

// In the child.
void Step::become(std::int64_t rank, int in, const std::array<int, 2>& out) {
  ::setpgid(0, 0);
  for (const int n : {SIGPIPE, SIGXFSZ}) ::signal(n, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (in >= 0) ::dup2(in, 0);
  if (out[0] >= 0) ::dup2(out[0], 1);
  if (out[1] >= 0) ::dup2(out[1], 2);
  ::close_range(3, ~0U, 0);
  choose_environment(rank);
  if (!options_.directory.empty() && ::chdir(options_.directory.c_str()) != 0) {
    fmt::print(stderr, "srun: cannot enter {}: {}\n", options_.directory, std::strerror(errno));
    std::fflush(stderr);
    ::_exit(2);
  }
  std::vector<char*> words;
  for (std::string& word : options_.command) words.push_back(word.data());
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  fmt::print(stderr, "srun: cannot run {}: {}\n", options_.command[0], std::strerror(errno));
  std::fflush(stderr);
  ::_exit(2);  // as Slurm's tasks do
}

bool Step::start(std::int64_t rank) {
  Task& task = tasks_[static_cast<std::size_t>(rank)];
  std::array<Fd, 2> ends = {open_output(options_.output, rank), open_output(options_.error, rank)};
  // Standard error follows the output into its file.
  if (!options_.output.empty() && options_.error.empty() && ends[0]) {
    ends[1] = Fd(::fcntl(ends[0].get(), F_DUPFD_CLOEXEC, 3));
  }
  Fd input;
  open_pipes(task, ends, input);
  const bool inherits = options_.input == "all" || options_.input == std::to_string(rank);
  const bool number = std::all_of(options_.input.begin(), options_.input.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c));
  });
  if (!inherits) {
    const std::string from =
        options_.input == "none" || number ? "/dev/null" : expand(options_.input, rank);
    input = Fd(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input) {
      fmt::print(stderr, "srun: cannot read {}: {}\n", from, std::strerror(errno));
      return false;
    }
  }
  std::fflush(stdout);
  task.pid = ::fork();
  if (task.pid == 0) become(rank, input.get(), {ends[0].get(), ends[1].get()});
  if (task.pid < 0) {
    fmt::print(stderr, "srun: cannot start task {}: {}\n", rank, std::strerror(errno));
    return false;
  }
  ::setpgid(task.pid, task.pid);
  task.running = true;
  return true;
}

int Step::run() {
  listen();
  tasks_.resize(static_cast<std::size_t>(options_.tasks));
  input_open_ = passes_input_on();
  for (std::int64_t rank = 0; rank < options_.tasks; ++rank) {
    if (start(rank)) continue;
    worst_ = 1;
    ending_ = true;
    kill_at_ = Steady::now();
    break;
  }
  outputs_.clear();
  loop();
  kill_descendants();
  for (std::int64_t rank = 0; rank < options_.tasks; ++rank) {
    for (std::size_t which : {0, 1}) {
      read_stream(rank, which);
      write_lines(rank, which, true);
    }
  }
  return worst_;
}

void Step::loop() {
  while (true) {
    reap();
    if (!any_running() && (!stopping_ || childless_)) return;
    if (kill_at_ && Steady::now() >= *kill_at_) {
      signal_tasks(SIGKILL);
      kill_at_ = Steady::now() + std::chrono::seconds(1);
    }
    std::vector<pollfd> polls = {{signals_.get(), POLLIN, 0}};
    const bool full = std::any_of(tasks_.begin(), tasks_.end(), [](const Task& t) {
      return t.pending.size() >= input_bytes_max;
    });
    if (input_open_ && !full) polls.push_back({0, POLLIN, 0});
    for (const Task& task : tasks_) {
      if (task.input && !task.pending.empty()) polls.push_back({task.input.get(), POLLOUT, 0});
      for (const Stream& stream : task.streams) {
        if (stream.pipe) polls.push_back({stream.pipe.get(), POLLIN, 0});
      }
    }
    const auto wait =
        kill_at_ ? std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - Steady::now()).count()
                 : std::int64_t{60'000};
    ::poll(polls.data(), polls.size(), static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000)));
    signalled();
    if (input_open_ && !full && polls.size() > 1 && polls[1].fd == 0 && polls[1].revents != 0) {
      read_input();
    }
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      feed(tasks_[i]);
      for (std::size_t which : {0, 1}) read_stream(static_cast<std::int64_t>(i), which);
    }
  }
}

void Step::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    const auto task = std::find_if(tasks_.begin(), tasks_.end(),
                                   [&](const Task& t) { return t.running && t.pid == pid; });
    if (task == tasks_.end()) continue;
    task->running = false;
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    // Of tasks that we end because another has failed the code says nothing.
    if (!ending_) worst_ = std::max(worst_, code);
    if (code == 0 || ending_ || !options_.end_others) continue;
    ending_ = true;
    if (!any_running()) continue;
    fmt::print(stderr, "srun: task {} exited with {}; the others are ended\n",
               task - tasks_.begin(), code);
    std::fflush(stderr);
    kill_at_ = Steady::now() + others_end_within;
    signal_tasks(SIGTERM);
  }
  childless_ = pid < 0 && errno == ECHILD;
}

void Step::signalled() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    // The supervisor signals every process itself; from a namespace's outside it has no number.
    const auto sender = static_cast<pid_t>(info.ssi_pid);
    if (sender == 0 || is_called(sender, supervisor_name)) {
      stopping_ = true;
      continue;
    }
    signal_tasks(static_cast<int>(info.ssi_signo));
  }
}

void Step::signal_tasks(int number) {
  for (const Task& task : tasks_) {
    if (task.running) ::kill(-task.pid, number);
  }
}

void Step::read_input() {
  std::array<char, 16'384> buffer;
  const ssize_t n = ::read(0, buffer.data(), buffer.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) input_open_ = false;
  for (Task& task : tasks_) {
    if (!task.input) continue;
    if (n > 0) task.pending.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

void Step::feed(Task& task) {
  if (!task.input) return;
  while (!task.pending.empty()) {
    const ssize_t n = ::write(task.input.get(), task.pending.data(), task.pending.size());
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {  // it does not want any
      task.pending.clear();
      task.input.close();
      return;
    }
    task.pending.erase(0, static_cast<std::size_t>(n));
  }
  if (!input_open_) task.input.close();
}

void Step::read_stream(std::int64_t rank, std::size_t which) {
  Stream& stream = tasks_[static_cast<std::size_t>(rank)].streams[which];
  std::array<char, 16'384> buffer;
  while (stream.pipe) {
    const ssize_t n = ::read(stream.pipe.get(), buffer.data(), buffer.size());
    if (n < 0) return;
    if (n == 0) stream.pipe.close();
    stream.line.append(buffer.data(), static_cast<std::size_t>(n));
    write_lines(rank, which, !stream.pipe);
  }
}

// Whole lines, each with its task's number; with `all` also the rest.
void Step::write_lines(std::int64_t rank, std::size_t which, bool all) {
  std::string& line = tasks_[static_cast<std::size_t>(rank)].streams[which].line;
  const auto width = std::to_string(options_.tasks - 1).size();
  std::string out;
  for (std::size_t end; !line.empty();) {
    end = line.find('\n');
    if (end == std::string::npos && !all && line.size() < line_bytes_max) break;
    end = std::min(end, line.size());
    out += fmt::format("{:>{}}: {}\n", rank, width, line.substr(0, end));
    line.erase(0, end + 1);
  }
  for (std::string_view left = out; !left.empty();) {
    const ssize_t n = ::write(which == 0 ? 1 : 2, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    left.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

int run_srun(int argc, char** argv) {
  auto options = parse_srun(argc, argv, variable);
  if (!options) {
    fmt::print(stderr, "{}\n", options.error().message);
    return 2;
  }
  return Step(std::move(*options)).run();
}

}  // namespace mohona::host
