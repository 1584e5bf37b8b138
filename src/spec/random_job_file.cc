#include "spec/random_job_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "spec/random_yaml.h"

namespace mohona {
namespace {

using Value = RandomValue;

// --- one YAML document --------------------------------------------------------------------------

class RandomJob {
 public:
  RandomJob(FileDice& dice, const RandomJobFileOptions& options) : dice_(dice), options_(options) {}

  // `earlier`: the names of the jobs before it.
  Value document(const std::string& name, const std::vector<std::string>& earlier);

 private:
  bool rarely() { return dice_.one_in(6); }
  Value number(std::int64_t least, std::int64_t most, std::int64_t small_most) {
    return Value::number(dice_.between(least, options_.small ? small_most : most));
  }
  Value duration();
  std::string accelerator() { return dice_.pick(options_.accelerators); }
  // A value that means the default, under a key that may be left out.
  Value nothing() {
    return dice_.one_in(2) ? Value::null() : dice_.one_in(2) ? Value::list() : Value::map();
  }

  void add_kind(Value& job);
  void add_nodes(Value& job);
  void add_work(Value& job);
  void add_limits(Value& job);
  void add_files(Value& job);
  void add_variables(Value& job, const std::vector<std::string>& earlier);
  Value service();
  Value probe();
  Value shards();
  Value resources();
  Value choice(bool nested);
  void add_place(Value& choice);
  void add_rented(Value& out);
  Value mount();
  Value accelerators(std::vector<std::string>& asked);
  Value ports();
  Value hooks();

  FileDice& dice_;
  const RandomJobFileOptions& options_;
};

Value RandomJob::duration() {
  if (options_.small) return Value::of(dice_.pick({"30s", "1m", "1h", "45s"}));
  return Value::of(dice_.pick({"90s", "10m", "1h30m", "2d", "1s"}));
}

void RandomJob::add_kind(Value& job) {
  const std::string kind = dice_.pick({"task", "task", "train", "data", "serve"});
  const bool follows = kind != "train";
  if (!follows || rarely()) job.add("kind", Value::of(kind));
  const auto& commands = kind == "serve" ? options_.service_commands : options_.commands;
  std::string run = dice_.pick(commands);
  if (rarely()) run = "#!/bin/sh\n" + run + "\n";
  job.add("run", Value::of(run));
  if (kind == "serve") job.add("service", service());
  if (kind == "data") job.add("shards", shards());
  if (kind == "task" || kind == "train") add_nodes(job);
  if (kind != "task" && kind != "train" && rarely()) job.add("num_nodes", Value::number(1));
}

void RandomJob::add_nodes(Value& job) {
  if (!dice_.one_in(3)) return;
  const std::int64_t segment = options_.small ? dice_.between(1, 2) : dice_.between(1, 64);
  const std::int64_t segments = options_.small ? dice_.between(1, 2) : dice_.between(1, 150);
  job.add(dice_.pick({"num_nodes", "max_nodes"}), Value::number(segment * segments));
  if (dice_.one_in(2)) {
    job.add("min_nodes", Value::number(segment * dice_.between(1, segments)));
  }
  if (!dice_.one_in(3)) return;
  Value topology = Value::map();
  if (dice_.one_in(2)) topology.add("within", Value::of(dice_.pick({"block", "fabric"})));
  if (dice_.one_in(2)) topology.add("prefer", Value::of(dice_.pick({"leaf", "rack", "block"})));
  if (dice_.one_in(2)) topology.add("segment", Value::number(segment));
  job.add("topology", topology);
}

Value RandomJob::service() {
  Value service = Value::map({{"readiness_probe", probe()}});
  if (dice_.one_in(2)) {
    service.add("replicas", number(1, 10'000, 2));
  } else if (dice_.one_in(2)) {
    const Value replicas = number(1, 10'000, 2);
    Value policy = Value::map({{"min_replicas", replicas}});
    if (dice_.one_in(2)) policy.add("max_replicas", replicas);
    service.add("replica_policy", policy);
  }
  return service;
}

Value RandomJob::probe() {
  if (dice_.one_in(2)) return Value::of(dice_.pick({"/", "/health", "/v1/models?a=b"}));
  Value probe = Value::map({{"path", Value::of("/v1/completions")}});
  if (dice_.one_in(2)) {
    probe.add("post_data", dice_.one_in(2) ? Value::of(R"({"model": "$MODEL", "n": 1})")
                                           : Value::map({{"prompt", Value::of("hi there")},
                                                         {"max_tokens", Value::number(1)},
                                                         {"stop", Value::list({Value::null()})}}));
  }
  if (dice_.one_in(2)) probe.add("initial_delay_seconds", number(1, 86'400, 20));
  if (rarely()) probe.add("timeout_seconds", number(1, 86'400, 5));
  if (rarely()) probe.add("endpoint_probe_interval_seconds", number(1, 86'400, 2));
  if (rarely()) probe.add("consecutive_failure_threshold_timeout", number(1, 86'400, 5));
  return probe;
}

Value RandomJob::shards() {
  Value shards = Value::map();
  switch (dice_.between(0, 2)) {
    case 0:
      shards.add("count", number(1, 1'000'000, 6));
      break;
    case 1: {
      Value items = Value::list();
      const std::int64_t count = dice_.between(1, options_.small ? 6 : 40);
      for (std::int64_t i = 0; i < count; ++i) {
        items.add(Value::of(dice_.pick({"a", "b c", "d:e", "$x", "\"q\"", "17", "#x"})));
      }
      shards.add("items", items);
      break;
    }
    default:
      shards.add("inputs", dice_.one_in(2) ? Value::of("*.txt")
                                           : Value::list({Value::of("data/**/*.json"),
                                                          Value::of("~/data/[ab]?.csv")}));
  }
  if (rarely()) shards.add("at_once", number(1, 1'000'000, 3));
  return shards;
}

Value RandomJob::accelerators(std::vector<std::string>& asked) {
  asked = {accelerator()};
  if (dice_.one_in(3)) {
    const std::string part = dice_.one_in(8) ? "0.5" : std::to_string(dice_.between(1, 8));
    return Value::of(asked[0] + ":" + part);
  }
  if (dice_.one_in(3)) return Value::map({{asked[0], Value::number(dice_.between(1, 8))}});
  if (dice_.one_in(3)) return Value::of(asked[0]);
  const std::string second = accelerator();
  if (second != asked[0]) asked.push_back(second);
  const auto counted = [&](const std::string& gpu) {
    return fmt::format("{}:{}", gpu, dice_.between(1, 8));
  };
  if (dice_.one_in(2) || asked.size() == 1) {
    return Value::list({Value::of(counted(asked[0])), Value::of(counted(second))});
  }
  if (dice_.one_in(3)) {  // {A100:8, H100:8}
    return Value::map({{counted(asked[0]), Value::null()}, {counted(second), Value::null()}});
  }
  return Value::map({{asked[0], Value::number(dice_.between(1, 8))},
                     {second, Value::number(dice_.between(1, 8))}});
}

void RandomJob::add_place(Value& choice) {
  const std::string cloud = dice_.pick(options_.clouds);
  if (dice_.one_in(2)) {
    const std::string rest = dice_.pick({"", "/us-east-1", "/us-east-1/us-east-1a", "/*"});
    choice.add("infra", Value::of(dice_.one_in(10) ? "*" : cloud + rest));
    return;
  }
  choice.add("cloud", Value::of(cloud));
  if (dice_.one_in(2)) choice.add("region", Value::of(dice_.pick({"us-east-1", "*"})));
  if (dice_.one_in(2)) choice.add("zone", Value::of(dice_.pick({"us-east-1a", "*"})));
}

Value RandomJob::ports() {
  if (dice_.one_in(2)) return Value::number(dice_.between(1, 65'535));
  const std::int64_t first = dice_.between(1, 60'000);
  return Value::list({Value::number(dice_.between(1, 65'535)),
                      Value::of(fmt::format("{}-{}", first, first + dice_.between(0, 100)))});
}

Value RandomJob::choice(bool nested) {
  Value out = Value::map();
  if (dice_.one_in(2)) out.add("cpus", Value::of(dice_.pick({"1", "0.5", "1+", "0.25+", "2"})));
  if (dice_.one_in(2)) {
    out.add("memory", Value::of(dice_.pick({"1", "0.5+", "512MB", "0.1", "2GB", "1 GB"})));
  }
  std::vector<std::string> asked;
  if (dice_.one_in(3)) out.add("accelerators", accelerators(asked));
  if (dice_.one_in(4)) {
    if (asked.empty() || nested || dice_.one_in(2)) {
      out.add("speed", Value::of(dice_.pick({"0.001", "1", "2.5", "1000"})));
    } else {
      out.add("speed", Value::map({{asked[0], Value::of("0.4")}}));
    }
  }
  if (dice_.one_in(3)) out.add("use_spot", Value::flag(dice_.one_in(2)));
  if (dice_.one_in(3)) add_place(out);
  if (dice_.one_in(6)) out.add("instance_type", Value::of("p5.48xlarge"));
  return out;
}

Value RandomJob::resources() {
  Value out = choice(false);
  if (dice_.one_in(4)) {
    Value choices = Value::list();
    const std::int64_t count = dice_.between(1, 3);
    for (std::int64_t i = 0; i < count; ++i) {
      Value one = choice(true);
      // Beside an outer `infra`, an inner cloud would be a contradiction, and the other way round.
      std::erase_if(one.entries, [](const auto& entry) {
        return entry.first == "infra" || entry.first == "cloud" || entry.first == "region" ||
               entry.first == "zone" || entry.first == "accelerators";
      });
      choices.add(one);
    }
    out.add(dice_.pick({"any_of", "ordered"}), choices);
  }
  if (rarely()) out.add("ports", ports());
  if (rarely()) {
    const std::string strategy = dice_.pick({"FAILOVER", "EAGER_NEXT_REGION", "failover"});
    out.add("job_recovery", dice_.one_in(2)
                                ? Value::of(strategy)
                                : Value::map({{"strategy", Value::of(strategy)},
                                              {"max_restarts_on_errors", number(0, 9, 1)}}));
  }
  if (rarely()) out.add("labels", Value::map({{"team", Value::of("a b")}}));
  add_rented(out);
  return out;
}

// Keys about machines that are rented; they have no effect.
void RandomJob::add_rented(Value& out) {
  if (rarely()) out.add("disk_size", Value::number(100));
  if (rarely()) out.add("disk_tier", Value::of(dice_.pick({"best", "low"})));
  if (rarely()) out.add("network_tier", Value::of("best"));
  if (rarely()) out.add("autostop", Value::map({{"idle_minutes", Value::number(10)}}));
  if (rarely()) out.add("accelerator_args", Value::map({{"tpu_vm", Value::flag(true)}}));
}

// SkyPilot's two forms of a mount.
Value RandomJob::mount() {
  const Value path = Value::of(dice_.pick(options_.paths));
  if (!dice_.one_in(3)) return path;
  return Value::map({{"source", path}, {"mode", Value::of(dice_.pick({"COPY", "MOUNT"}))}});
}

Value RandomJob::hooks() {
  Value hook = Value::map({{"run", Value::of("echo $SKYPILOT_HOOK_EVENT")}});
  if (dice_.one_in(2)) {
    hook.add("events", Value::list({Value::of(dice_.pick({"stop", "preemption", "down"}))}));
  }
  if (dice_.one_in(2)) hook.add("timeout", duration());
  return Value::map({{"hooks", Value::list({hook})}});
}

void RandomJob::add_work(Value& job) {
  if (dice_.one_in(3)) job.add("setup", dice_.one_in(5) ? nothing() : Value::of("true\ntrue\n"));
  if (dice_.one_in(4)) {
    Value checkpoint = Value::map({{"path", Value::of(dice_.pick({"ckpt", "a/b", "c d"}))}});
    if (dice_.one_in(2)) {
      checkpoint.add("signal", Value::of(dice_.pick({"TERM", "SIGUSR1", "usr2", "INT"})));
    }
    if (dice_.one_in(2)) {
      checkpoint.add("grace", options_.small ? Value::of("1s") : duration());
    }
    job.add("checkpoint", checkpoint);
  }
  if (dice_.one_in(4)) {
    job.add("retries", dice_.one_in(2) ? number(0, 1'000'000, 2)
                                       : Value::map({{"max", number(0, 1'000'000, 2)},
                                                     {"backoff", Value::of("1s")}}));
  }
  if (rarely()) {
    job.add("progress", dice_.one_in(2) ? number(1, 1'000'000, 100)
                                        : Value::map({{"steps", number(1, 1'000'000, 100)},
                                                      {"log", Value::flag(dice_.one_in(2))}}));
  }
  if (rarely()) job.add("config", hooks());
}

void RandomJob::add_limits(Value& job) {
  if (dice_.one_in(4)) job.add("max_duration", duration());
  if (dice_.one_in(4)) job.add("estimate", duration());
  if (rarely()) {
    job.add("deadline", Value::of(options_.small ? "2999-12-01T00:00:00Z"
                                                 : dice_.pick({"2026-12-01T00:00:00Z",
                                                               "2031-01-31T23:59:59+02:00"})));
  }
  if (rarely()) job.add("budget", Value::of(dice_.pick({"12.50", "100000", "0.000001"})));
  if (dice_.one_in(4)) job.add("queue", Value::of(dice_.pick(options_.queues)));
  if (dice_.one_in(4)) job.add("priority", number(-1'000'000, 1'000'000, 5));
  if (rarely()) {
    job.add("inputs", Value::map({{dice_.pick({"s3://bucket", "gs://b", "azure://c", "oci://d",
                                               "r2://e", "aws/us-east-1"}),
                                   Value::of(dice_.pick({"150", "0.5", "20"}))}}));
  }
  if (rarely()) job.add("reservation", Value::of(dice_.pick(options_.reservations)));
  if (rarely()) {
    job.add("features", dice_.one_in(2) ? Value::of(dice_.pick(options_.features))
                                        : Value::list({Value::of(dice_.pick(options_.features)),
                                                       Value::of(dice_.pick(options_.features))}));
  }
}

void RandomJob::add_files(Value& job) {
  if (dice_.one_in(5)) job.add("workdir", Value::of(dice_.pick(options_.paths)));
  if (!dice_.one_in(5)) return;
  Value mounts = Value::map();
  if (!dice_.one_in(5)) {
    mounts.add(dice_.pick({"input", "a/b", "deep/er/c"}), mount());
  }
  job.add("file_mounts", mounts);
}

void RandomJob::add_variables(Value& job, const std::vector<std::string>& earlier) {
  if (dice_.one_in(3)) {
    Value envs = Value::map();
    if (!dice_.one_in(6)) envs.add("MODEL", Value::of(dice_.pick({"small", "", "a\nb", "$HOME"})));
    if (dice_.one_in(2)) envs.add("_n1", Value::number(dice_.between(-5, 5)));
    job.add("envs", envs);
  }
  if (rarely()) job.add("secrets", Value::map({{"TOKEN", Value::of("s3cr\xc3\xa9t")}}));
  if (earlier.empty() || !dice_.one_in(2)) return;
  job.add("needs", dice_.one_in(2) ? Value::of(dice_.pick(earlier))
                                   : Value::list({Value::of(dice_.pick(earlier))}));
}

Value RandomJob::document(const std::string& name, const std::vector<std::string>& earlier) {
  Value job = Value::map();
  job.add("name", Value::of(name));
  add_kind(job);
  if (dice_.one_in(2)) job.add("resources", resources());
  add_work(job);
  add_limits(job);
  add_files(job);
  add_variables(job, earlier);
  for (const char* key : {"workdir", "queue", "envs", "features", "retries", "service", "shards"}) {
    const auto is_it = [&](const auto& entry) { return entry.first == key; };
    if (std::none_of(job.entries.begin(), job.entries.end(), is_it) && dice_.one_in(20)) {
      job.add(key, nothing());
    }
  }
  // Keys come in any order.
  for (std::size_t i = job.entries.size(); i > 1; --i) {
    const auto other = static_cast<std::size_t>(dice_.between(0, static_cast<std::int64_t>(i) - 1));
    std::swap(job.entries[i - 1], job.entries[other]);
  }
  return job;
}

// --- a batch script -----------------------------------------------------------------------------

class RandomScript {
 public:
  RandomScript(FileDice& dice, const RandomJobFileOptions& options)
      : dice_(dice), options_(options) {}

  std::string text() {
    add_size();
    add_devices();
    add_rest();
    std::string out = "#!/bin/bash\n";
    std::string line;
    for (const std::string& option : options_said_) {
      line += line.empty() ? "#SBATCH " + option : " " + option;
      if (dice_.one_in(3)) continue;
      out += line + (dice_.one_in(10) ? "   # as last week\n" : "\n");
      line.clear();
      if (dice_.one_in(10)) out += "\n# a remark\n";
    }
    if (!line.empty()) out += line + "\n";
    return out + "\n" + dice_.pick(options_.commands) + "\n";
  }

 private:
  bool rarely() { return dice_.one_in(6); }
  // In any of the ways in which an option can be written. `letter`: 0 for none.
  void say(const std::string& name, char letter, const std::string& value) {
    const bool quote = value.find_first_of(" #") != value.npos;
    const std::string shown = quote ? "\"" + value + "\"" : value;
    if (letter != 0 && dice_.one_in(2)) {
      options_said_.push_back(fmt::format("-{}{}{}", letter, dice_.one_in(2) ? " " : "", shown));
    } else {
      options_said_.push_back(fmt::format("--{}{}{}", name, dice_.one_in(3) ? " " : "=", shown));
    }
  }
  void say_number(const std::string& name, char letter, std::int64_t least, std::int64_t most) {
    say(name, letter, std::to_string(dice_.between(least, most)));
  }

  void add_size();
  void add_devices();
  void add_rest();
  void add_ignored();

  FileDice& dice_;
  const RandomJobFileOptions& options_;
  std::vector<std::string> options_said_;
  bool array_ = false, range_ = false;
  std::int64_t nodes_ = 1;
};

void RandomScript::add_size() {
  array_ = dice_.one_in(4);
  if (array_) say("array", 'a', dice_.pick({"0-3", "1,3,5", "0-5:2", "0-5%2", "7"}));
  const std::int64_t most = options_.small ? 4 : 10'000;
  if (!array_ && dice_.one_in(2)) {
    nodes_ = dice_.between(1, most);
    range_ = nodes_ > 1 && dice_.one_in(4);
    say("nodes", 'N',
        range_ ? fmt::format("{}-{}", dice_.between(1, nodes_ - 1), nodes_)
               : std::to_string(nodes_));
    const std::int64_t segment = dice_.between(1, 3);
    if (!range_ && nodes_ % segment == 0 && rarely()) say_number("segment", 0, segment, segment);
    if (rarely()) say("switches", 0, "1");
  }
  const std::int64_t each = dice_.between(1, 4);
  if (dice_.one_in(3)) {
    say(dice_.pick({"ntasks-per-node", "tasks-per-node"}), 0, std::to_string(each));
  } else if (!range_ && dice_.one_in(3)) {
    say("ntasks", 'n', std::to_string(each * nodes_));
  }
  if (dice_.one_in(3)) say_number("cpus-per-task", 'c', 1, 2);
}

void RandomScript::add_devices() {
  if (dice_.one_in(2)) {
    const std::string amount = dice_.pick({"400", "512M", "1G", "2048K"});
    say(dice_.pick({"mem", "mem-per-cpu"}), 0, amount);
  }
  if (!dice_.one_in(3)) return;
  const std::string gpu = dice_.pick(options_.accelerators);
  switch (dice_.between(0, 2)) {
    case 0:
      say("gres", 0, dice_.one_in(2) ? "gpu:" + gpu + ":2" : "gpu:1");
      break;
    case 1:
      say("gpus-per-node", 0, gpu + ":1");
      break;
    default:
      if (range_) break;
      say("gpus", 'G', fmt::format("{}:{}", gpu, nodes_));
  }
}

void RandomScript::add_rest() {
  if (dice_.one_in(2)) say("job-name", 'J', dice_.pick({"sim", "sim_1.x", "a-b"}));
  if (dice_.one_in(2)) say("time", 't', dice_.pick({"10", "10:30", "1:00:00", "1-0", "0"}));
  if (!options_.small && rarely()) say("dependency", 'd', "afterok:1");
  if (rarely()) say("signal", 0, dice_.pick({"USR1@10", "B:TERM@60", "10", "SIGUSR2"}));
  if (rarely()) options_said_.push_back(dice_.pick({"--requeue", "--no-requeue"}));
  if (rarely()) say("chdir", 'D', dice_.pick(options_.paths));
  if (rarely()) say("partition", 'p', dice_.pick(options_.queues));
  if (rarely()) say_number("priority", 0, -5, 5);
  if (dice_.one_in(3)) say("output", 'o', dice_.pick({"out-%j.txt", "%x-%A_%a.out", "a%%b"}));
  if (rarely()) say("error", 'e', dice_.pick({"err-%j.txt", "%u.%N.err"}));
  if (rarely()) say("constraint", 'C', dice_.pick(options_.features));
  if (rarely()) say("reservation", 0, dice_.pick(options_.reservations));
  add_ignored();
}

// Options that change nothing about what the job does.
void RandomScript::add_ignored() {
  while (dice_.one_in(3)) {
    const std::string name =
        dice_.pick({"account", "acctg-freq", "comment", "cpu-freq", "delay-boot", "extra",
                    "gpu-freq", "gres-flags", "hint", "mail-type", "mail-user", "mcs-label",
                    "mem-bind", "open-mode", "power", "profile", "qos", "wait-all-nodes", "wckey"});
    say(name, name == "account" ? 'A' : name == "qos" ? 'q' : 0, dice_.pick({"lab", "a b"}));
  }
  if (rarely()) {
    options_said_.push_back(dice_.pick({"--ignore-pbs", "--parsable", "--quiet", "--verbose"}));
  }
}

}  // namespace

RandomJobFile random_job_file(std::uint64_t seed, const RandomJobFileOptions& options) {
  FileDice dice(seed);
  RandomJobFile file;
  file.damaged = options.may_be_damaged && dice.one_in(3);
  if (dice.one_in(4)) {
    file.name = fmt::format("random-{}.sbatch", seed);
    file.text = RandomScript(dice, options).text();
    file.jobs = 1;
    if (file.damaged) damage_text(file.text, dice);
    return file;
  }
  file.name = fmt::format("random-{}.yaml", seed);
  file.jobs = dice.one_in(3) ? static_cast<std::size_t>(dice.between(2, 4)) : 1;
  std::vector<RandomValue> documents;
  std::vector<std::string> names;
  if (file.jobs > 1 && dice.one_in(3)) {  // SkyPilot's header
    documents.push_back(Value::map({{"name", Value::of("pipeline")}}));
  }
  RandomJob job(dice, options);
  for (std::size_t i = 0; i < file.jobs; ++i) {
    const std::string name =
        fmt::format("{}-{}", dice.pick({"a", "some.job", "Train_x", "9"}), i + 1);
    documents.push_back(job.document(name, names));
    names.push_back(name);
  }
  const bool in_bytes = file.damaged && dice.one_in(2);
  if (file.damaged && !in_bytes) {
    const auto which = static_cast<std::size_t>(dice.between(0, std::ssize(documents) - 1));
    damage_value(documents[which], dice);
  }
  file.text = write_yaml(documents, dice);
  if (in_bytes) damage_text(file.text, dice);
  return file;
}

}  // namespace mohona
