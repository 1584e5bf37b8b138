#include "engine/host/srun_options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "model/host_list.h"

namespace mohona::host {
namespace {

// As many as a gang has nodes; each task is a process of this machine.
constexpr std::int64_t tasks_max = 10'000;

// What an option does here. `nothing`: it is about placement, accounting or output that srun does
// not have here. `refused`: ignoring it would run something else than was asked for.
enum Effect : int {
  nothing = 1'000,
  refused,
  tasks,
  nodes,
  per_node,
  label,
  kill,
  input,
  output,
  error,
  chdir_to,
  exported,
  cpus,
  jobid,
  nodelist,
};

constexpr int no = no_argument, yes = required_argument, maybe = optional_argument;

// srun(1) of Slurm 23.11.
const option long_options[] = {
    {"ntasks", yes, nullptr, tasks},
    {"nodes", yes, nullptr, nodes},
    {"ntasks-per-node", yes, nullptr, per_node},
    {"tasks-per-node", yes, nullptr, per_node},
    {"label", no, nullptr, label},
    {"kill-on-bad-exit", maybe, nullptr, kill},
    {"input", yes, nullptr, input},
    {"output", yes, nullptr, output},
    {"error", yes, nullptr, error},
    {"chdir", yes, nullptr, chdir_to},
    {"export", yes, nullptr, exported},
    {"cpus-per-task", yes, nullptr, cpus},
    {"jobid", yes, nullptr, jobid},
    {"nodelist", yes, nullptr, nodelist},
    {"account", yes, nullptr, nothing},
    {"accel-bind", yes, nullptr, nothing},
    {"acctg-freq", yes, nullptr, nothing},
    {"bind", yes, nullptr, nothing},
    {"comment", yes, nullptr, nothing},
    {"compress", maybe, nullptr, nothing},
    {"constraint", yes, nullptr, nothing},
    {"contiguous", no, nullptr, nothing},
    {"core-spec", yes, nullptr, nothing},
    {"cores-per-socket", yes, nullptr, nothing},
    {"cpu-bind", yes, nullptr, nothing},
    {"cpu-freq", yes, nullptr, nothing},
    {"cpus-per-gpu", yes, nullptr, nothing},
    {"disable-status", no, nullptr, nothing},
    {"distribution", yes, nullptr, nothing},
    {"exact", no, nullptr, nothing},
    {"exclusive", maybe, nullptr, nothing},
    {"gpu-bind", yes, nullptr, nothing},
    {"gpu-freq", yes, nullptr, nothing},
    {"gpus", yes, nullptr, nothing},
    {"gpus-per-node", yes, nullptr, nothing},
    {"gpus-per-socket", yes, nullptr, nothing},
    {"gpus-per-task", yes, nullptr, nothing},
    {"gres", yes, nullptr, nothing},
    {"gres-flags", yes, nullptr, nothing},
    {"hint", yes, nullptr, nothing},
    {"immediate", maybe, nullptr, nothing},
    {"interactive", no, nullptr, nothing},
    {"job-name", yes, nullptr, nothing},
    {"mail-type", yes, nullptr, nothing},
    {"mail-user", yes, nullptr, nothing},
    {"mem", yes, nullptr, nothing},
    {"mem-bind", yes, nullptr, nothing},
    {"mem-per-cpu", yes, nullptr, nothing},
    {"mem-per-gpu", yes, nullptr, nothing},
    {"mincpus", yes, nullptr, nothing},
    {"mpi", yes, nullptr, nothing},
    {"msg-timeout", yes, nullptr, nothing},
    {"network", yes, nullptr, nothing},
    {"nice", maybe, nullptr, nothing},
    {"no-kill", maybe, nullptr, nothing},
    {"ntasks-per-core", yes, nullptr, nothing},
    {"ntasks-per-gpu", yes, nullptr, nothing},
    {"ntasks-per-socket", yes, nullptr, nothing},
    {"open-mode", yes, nullptr, nothing},
    {"overcommit", no, nullptr, nothing},
    {"overlap", no, nullptr, nothing},
    {"oversubscribe", no, nullptr, nothing},
    {"partition", yes, nullptr, nothing},
    {"preserve-env", no, nullptr, nothing},
    {"priority", yes, nullptr, nothing},
    {"profile", yes, nullptr, nothing},
    {"propagate", maybe, nullptr, nothing},
    {"qos", yes, nullptr, nothing},
    {"quiet", no, nullptr, nothing},
    {"quit-on-interrupt", no, nullptr, nothing},
    {"relative", yes, nullptr, nothing},
    {"reservation", yes, nullptr, nothing},
    {"resv-ports", maybe, nullptr, nothing},
    {"send-libs", maybe, nullptr, nothing},
    {"share", no, nullptr, nothing},
    {"slurmd-debug", yes, nullptr, nothing},
    {"sockets-per-node", yes, nullptr, nothing},
    {"spread-job", no, nullptr, nothing},
    {"switches", yes, nullptr, nothing},
    {"thread-spec", yes, nullptr, nothing},
    {"threads", yes, nullptr, nothing},
    {"threads-per-core", yes, nullptr, nothing},
    {"time", yes, nullptr, nothing},
    {"time-min", yes, nullptr, nothing},
    {"tmp", yes, nullptr, nothing},
    {"tres-bind", yes, nullptr, nothing},
    {"tres-per-task", yes, nullptr, nothing},
    {"unbuffered", no, nullptr, nothing},
    {"use-min-nodes", no, nullptr, nothing},
    {"verbose", no, nullptr, nothing},
    {"wait", yes, nullptr, nothing},
    {"wckey", yes, nullptr, nothing},
    {"bcast", maybe, nullptr, refused},
    {"container", yes, nullptr, refused},
    {"epilog", yes, nullptr, refused},
    {"exclude", yes, nullptr, refused},
    {"het-group", yes, nullptr, refused},
    {"multi-prog", no, nullptr, refused},
    {"no-allocate", no, nullptr, refused},
    {"prolog", yes, nullptr, refused},
    {"pty", maybe, nullptr, refused},
    {"task-epilog", yes, nullptr, refused},
    {"task-prolog", yes, nullptr, refused},
    {"test-only", no, nullptr, refused},
    {"x11", maybe, nullptr, refused},
    {nullptr, 0, nullptr, 0},
};

// "+": options end where the command begins. ":": we say ourselves what is wrong.
constexpr const char* short_options =
    "+:A:B:c:C:D:e:EG:i:I::J:kK::lL:m:M:n:N:o:Op:q:Qr:sS:t:T:uvw:W:x:XZ";

int effect_of_letter(int letter) {
  switch (letter) {
    case 'n':
      return tasks;
    case 'N':
      return nodes;
    case 'l':
      return label;
    case 'K':
      return kill;
    case 'i':
      return input;
    case 'o':
      return output;
    case 'e':
      return error;
    case 'D':
      return chdir_to;
    case 'c':
      return cpus;
    case 'w':
      return nodelist;
    case 'x':
    case 'Z':
      return refused;
    default:
      return nothing;
  }
}

std::optional<std::int64_t> count(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value >= 1 && value <= tasks_max ? std::optional(value) : std::nullopt;
}

Failure wrong(const std::string& what) { return fail(Code::invalid, "srun: " + what); }

struct Given {
  std::optional<std::int64_t> tasks, nodes, per_node;
};

Result<void> read_count(const char* option, std::string_view text,
                        std::optional<std::int64_t>& into) {
  // "-N 2-4": the least; there are as many as there are.
  into = count(text.substr(0, text.find('-')));
  if (into) return {};
  return wrong(fmt::format("{} is '{}'; expected a number from 1 to {}", option, text, tasks_max));
}

Result<void> check_nodes(std::string_view wanted, Lookup variable) {
  const auto names = parse_host_list(wanted);
  const auto ours = parse_host_list(variable("SLURM_JOB_NODELIST"));
  if (!names) return wrong(fmt::format("'{}' is not a list of nodes", wanted));
  for (const std::string& name : *names) {
    if (name == "localhost" || !ours) continue;
    if (std::find(ours->begin(), ours->end(), name) == ours->end()) {
      return wrong(fmt::format("{} is not a node of this job", name));
    }
  }
  return {};
}

Result<void> take(int effect, const std::string& name, const std::string& value, SrunOptions& out,
                  Given& given, Lookup variable) {
  switch (effect) {
    case tasks:
      return read_count("--ntasks", value, given.tasks);
    case nodes:
      return read_count("--nodes", value, given.nodes);
    case per_node:
      return read_count("--ntasks-per-node", value, given.per_node);
    case label:
      out.label = true;
      return {};
    case kill:
      out.end_others = value != "0";
      return {};
    case input:
      out.input = value;
      return {};
    case output:
      out.output = value;
      return {};
    case error:
      out.error = value;
      return {};
    case chdir_to:
      out.directory = value;
      return {};
    case exported:
      out.exported = value;
      return {};
    case cpus:
      out.cpus_per_task = value;
      return {};
    case jobid:
      if (value == variable("SLURM_JOB_ID")) return {};
      return wrong(
          fmt::format("job {} is not this one; steps of other jobs cannot be started here", value));
    case nodelist:
      return check_nodes(value, variable);
    case refused:
      return wrong(fmt::format("{} cannot be done here", name));
    default:
      return {};
  }
}

// The option as the author wrote it, for a message.
std::string written(int argc, char** argv, int letter, int index) {
  if (letter >= nothing) return fmt::format("--{}", long_options[index].name);
  if (letter != '?' && letter != ':') return fmt::format("-{}", static_cast<char>(letter));
  if (optopt > 0 && optopt < nothing) return fmt::format("-{}", static_cast<char>(optopt));
  return optind - 1 < argc ? argv[optind - 1] : "";
}

}  // namespace

Result<SrunOptions> parse_srun(int argc, char** argv, Lookup variable) {
  SrunOptions out;
  Given given;
  ::optind = 0;  // starts over, also for a second call
  ::opterr = 0;
  int index = 0;
  for (int letter;
       (letter = ::getopt_long(argc, argv, short_options, long_options, &index)) >= 0;) {
    const std::string name = written(argc, argv, letter, index);
    if (letter == ':') return wrong(fmt::format("{} needs a value", name));
    if (letter == '?') {
      return wrong(fmt::format("{} is not an option that is known here", name));
    }
    const int effect = letter >= nothing ? letter : effect_of_letter(letter);
    if (auto ok = take(effect, name, ::optarg ? ::optarg : "", out, given, variable); !ok) {
      return fail(ok.error());
    }
  }
  for (int i = ::optind; i < argc; ++i) out.command.emplace_back(argv[i]);
  if (out.command.empty()) return wrong("no command");
  out.nodes = given.nodes.value_or(count(variable("SLURM_NNODES")).value_or(1));
  const std::int64_t usual = count(variable("SLURM_NTASKS")).value_or(out.nodes);
  out.tasks = given.tasks      ? *given.tasks
              : given.per_node ? std::min(tasks_max, out.nodes * *given.per_node)
                               : std::max(usual, out.nodes);
  out.nodes = std::min(out.nodes, out.tasks);
  return out;
}

}  // namespace mohona::host
