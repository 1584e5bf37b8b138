// SkyPilot's `resources`: what one node must be and where.
#include <fmt/format.h>

#include "base/text.h"
#include "spec/draft.h"

namespace mohona {
namespace {

constexpr std::int64_t choices_max = 256;
constexpr std::int64_t ports_max = 256;
constexpr std::int64_t speed_milli_max = 1'000'000;

struct ChoiceDraft {
  Draft& job;
  Choice choice = {};
  std::vector<Gpus> gpus = {};
  std::map<std::string, std::int64_t> speeds = {};  // of single accelerators, in thousandths
  bool limit_cpus = false, limit_memory = false;
  const SpecNode* infra = nullptr;
  const SpecNode* cloud = nullptr;

  Problems& problems() { return job.problems; }
};

// "aws", "aws/us-east-1", "aws/*/us-east-1a", "k8s/context". "*" is anywhere.
void read_infra(const SpecNode& node, ChoiceDraft& draft) {
  draft.infra = &node;
  auto parts = split(node.text, '/');
  const std::string cloud = canonical_cloud(parts[0]);
  // A cluster's context may hold slashes itself.
  const bool is_cluster = cloud == "kubernetes" || cloud == "ssh" || cloud == "slurm";
  std::string context;
  if (is_cluster && parts.size() > 1) {
    context = node.text.substr(parts[0].size() + 1);
    parts = {parts[0], context};
  }
  const bool empty_part = std::find(parts.begin(), parts.end(), "") != parts.end();
  if (!node.is_scalar() || parts.size() > 3 || empty_part) {
    wrong(node, "expected CLOUD, CLOUD/REGION or CLOUD/REGION/ZONE, where * is any",
          draft.problems());
    return;
  }
  const auto part = [&](std::size_t i) {
    return i < parts.size() && parts[i] != "*" ? std::string(parts[i]) : std::string();
  };
  draft.choice.cloud = part(0).empty() ? "" : cloud;
  draft.choice.region = part(1);
  draft.choice.zone = part(2);
}

void read_place(const SpecNode& node, std::string& out, ChoiceDraft& draft) {
  draft.cloud = &node;
  if (read_text(node, out, draft.problems()) && out == "*") out.clear();
}

void read_cpus(const SpecNode& node, ChoiceDraft& draft) {
  const auto amount = node.is_scalar() ? parse_cpus(node.text, Round::up) : std::nullopt;
  if (!amount) {
    wrong(node, "expected a number of cores, such as 4, 0.5 or 4+", draft.problems());
    return;
  }
  draft.choice.demand.cpus_milli = amount->value;
  draft.limit_cpus = !amount->or_more;
}

void read_memory(const SpecNode& node, ChoiceDraft& draft) {
  const auto amount = node.is_scalar() ? parse_memory(node.text, Round::up) : std::nullopt;
  if (!amount) {
    wrong(node, "expected an amount of memory, such as 16 (in GB), 16+, 16GB or 512MB",
          draft.problems());
    return;
  }
  draft.choice.demand.memory_mib = amount->value;
  draft.limit_memory = !amount->or_more;
}

void read_port(const SpecNode& node, Draft& job) {
  constexpr std::string_view expected =
      "expected a port from 1 to 65535, a range such as 8000-8010, "
      "or a list of those";
  const auto parts = split(node.text, '-');
  SpecNode bound = node;
  std::int64_t previous = 1;
  Problems inside;
  for (const std::string_view part : parts) {
    bound.text = part;
    std::int64_t port = 0;
    if (parts.size() > 2 || !read_whole(bound, {previous, 65'535}, port, inside)) {
      wrong(node, std::string(expected), job.problems);
      return;
    }
    previous = port;
  }
  auto& ports = job.spec().resources.ports.edit();
  if (std::find(ports.begin(), ports.end(), node.text) == ports.end()) ports.push_back(node.text);
}

void read_ports(const SpecNode& node, ChoiceDraft& draft) {
  if (std::ssize(node.children) > ports_max) {
    draft.problems().add(node.place, fmt::format("'ports' has {} items", node.children.size()),
                         fmt::format("expected at most {}", ports_max));
    return;
  }
  if (!node.is_list()) read_port(node, draft.job);
  if (node.is_list()) {
    for (const SpecNode& item : node.children) read_port(item, draft.job);
  }
}

// Both of SkyPilot's strategies are what Mohona does after a loss: wait for the best place that is
// left, wherever it is.
void read_strategy(const SpecNode& node, Draft& job) {
  constexpr std::array<std::string_view, 2> strategies = {"FAILOVER", "EAGER_NEXT_REGION"};
  for (const std::string_view strategy : strategies) {
    if (node.is_scalar() && lower(node.text) == lower(strategy)) return;
  }
  wrong(node, suggestion(node.text, {strategies.begin(), strategies.end()}), job.problems);
}

constexpr std::array<Key<Draft>, 2> recovery_keys = {{
    {"strategy", read_strategy},
    {"max_restarts_on_errors",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {0, 1'000'000}, d.spec().retries.max, d.problems);
     }},
}};

void read_job_recovery(const SpecNode& node, ChoiceDraft& draft) {
  if (node.is_map()) {
    read_keys(node, recovery_keys, {"recover_on_exit_codes"}, draft.job, draft.problems());
  } else {
    read_strategy(node, draft.job);
  }
}

// What a machine that is rented for the job should be like.
void ignore_rented(const SpecNode& node, ChoiceDraft& draft) {
  draft.problems().no_effect(node.key_place, node.key, "Mohona rents no machines");
}

bool read_factor(const SpecNode& node, std::int64_t& out, Problems& problems) {
  const auto milli = node.is_scalar() ? parse_scaled(node.text, 1'000) : std::nullopt;
  if (milli && *milli >= 1 && *milli <= speed_milli_max) return out = *milli, true;
  wrong(node, "expected a factor from 0.001 to 1000 with at most 3 decimals, such as 0.5",
        problems);
  return false;
}

// One factor for the choice, or one for each accelerator: {H100: 1, A100: 0.5}.
void read_speed(const SpecNode& node, ChoiceDraft& draft) {
  if (!node.is_map()) {
    read_factor(node, draft.choice.speed_milli, draft.problems());
    return;
  }
  for (const SpecNode& one : node.children) {
    std::int64_t milli = 0;
    if (read_factor(one, milli, draft.problems())) draft.speeds[lower(one.key)] = milli;
  }
}

// A factor for an accelerator that no choice asks for is a slip of the pen.
void check_speed(const SpecNode& node, const Resources& resources, Problems& problems) {
  const SpecNode* speed = node.find("speed");
  if (!speed || !speed->is_map()) return;
  std::vector<std::string_view> known;
  for (const Choice& choice : resources.choices) {
    if (!choice.demand.gpu.empty()) known.push_back(choice.demand.gpu);
  }
  if (known.empty() && node.find("accelerators")) return;  // what is wrong with them is noted
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (const SpecNode& one : speed->children) {
    if (std::find(known.begin(), known.end(), lower(one.key)) != known.end()) continue;
    problems.add(one.key_place,
                 fmt::format("no choice asks for the accelerator {}", in_quotes(one.key)),
                 known.empty() ? "expected one factor, such as speed: 0.5"
                               : suggestion(lower(one.key), known));
  }
}

constexpr std::array<Key<ChoiceDraft>, 19> choice_keys = {{
    {"infra", read_infra},
    {"cloud",
     [](const SpecNode& n, ChoiceDraft& d) {
       read_place(n, d.choice.cloud.edit(), d);
       d.choice.cloud = canonical_cloud(*d.choice.cloud);
     }},
    {"region", [](const SpecNode& n, ChoiceDraft& d) { read_place(n, d.choice.region.edit(), d); }},
    {"zone", [](const SpecNode& n, ChoiceDraft& d) { read_place(n, d.choice.zone.edit(), d); }},
    {"accelerators",
     [](const SpecNode& n, ChoiceDraft& d) {
       d.gpus = read_accelerators(n, Parts::allowed, d.problems());
     }},
    {"speed", read_speed},
    {"cpus", read_cpus},
    {"memory", read_memory},
    {"instance_type",
     [](const SpecNode& n, ChoiceDraft& d) {
       read_text(n, d.choice.instance_type.edit(), d.problems());
     }},
    {"use_spot",
     [](const SpecNode& n, ChoiceDraft& d) { read_flag(n, d.choice.use_spot, d.problems()); }},
    {"ports", read_ports},
    {"job_recovery", read_job_recovery},
    {"spot_recovery", read_job_recovery},  // its older name
    {"labels", ignore_rented},
    {"disk_size", ignore_rented},
    {"disk_tier", ignore_rented},
    {"network_tier", ignore_rented},
    {"accelerator_args", ignore_rented},
    {"autostop", ignore_rented},
}};

// One set of keys gives one choice, or one for each accelerator that would do.
void add_choices(const SpecNode& keys, Draft& job) {
  ChoiceDraft draft{job};
  read_keys(
      keys, choice_keys,
      {"image_id", "ephemeral_storage", "max_hourly_cost", "volumes", "priority", "local_disk"},
      draft, draft.problems());
  if (draft.infra && draft.cloud) {
    draft.problems().add(draft.cloud->key_place,
                         fmt::format("'{}' stands beside 'infra'", draft.cloud->key),
                         "expected one of the two: infra: CLOUD/REGION/ZONE says it all");
  }
  Resources& resources = job.spec().resources;
  resources.limit_cpus |= draft.limit_cpus;
  resources.limit_memory |= draft.limit_memory;
  if (draft.gpus.empty()) draft.gpus.emplace_back();
  for (const Gpus& gpus : draft.gpus) {
    Choice choice = draft.choice;
    choice.demand.gpu = gpus.name;
    choice.demand.gpus = gpus.count;
    choice.demand.gpu_milli = gpus.milli;
    const auto speed = draft.speeds.find(gpus.name);
    if (speed != draft.speeds.end()) choice.speed_milli = speed->second;
    if (std::ssize(resources.choices) < choices_max) resources.choices.push_back(choice);
  }
}

bool is_place(std::string_view key) {
  return key == "infra" || key == "cloud" || key == "region" || key == "zone";
}

// The outer keys, with those of `over` in their stead.
SpecNode merged(const SpecNode& outer, const SpecNode& over) {
  SpecNode out = over;
  const bool says_infra = over.find("infra") != nullptr;
  for (const SpecNode& value : outer.children) {
    const bool replaced = over.find(value.key) || (says_infra && is_place(value.key));
    if (!replaced && value.key != "any_of" && value.key != "ordered") out.children.push_back(value);
  }
  return out;
}

}  // namespace

void read_resources(const SpecNode& node, Draft& draft) {
  if (!is_map(node, "a map such as {cpus: 4, accelerators: H100:8}", draft.problems)) return;
  Resources& resources = draft.spec().resources;
  resources.choices.clear();
  const SpecNode* any_of = node.find("any_of");
  const SpecNode* ordered = node.find("ordered");
  if (any_of && ordered) {
    draft.problems.add(ordered->key_place, "'ordered' stands beside 'any_of'",
                       "expected one of the two");
  }
  resources.ordered = ordered != nullptr;
  const SpecNode* choices = ordered ? ordered : any_of;
  if (!choices || !is_list(*choices, "a list of maps", draft.problems)) {
    add_choices(merged(node, SpecNode{}), draft);
  } else {
    if (std::ssize(choices->children) > choices_max) {
      draft.problems.add(choices->place, fmt::format("'{}' is too long", choices->key),
                         fmt::format("expected at most {} choices", choices_max));
    }
    for (const SpecNode& over : choices->children) {
      if (!is_map(over, "a map such as {cpus: 4, accelerators: H100:8}", draft.problems)) continue;
      if (resources.choices.size() < choices_max) add_choices(merged(node, over), draft);
    }
  }
  check_speed(node, resources, draft.problems);
  for (const SpecNode& over : choices ? choices->children : std::vector<SpecNode>{}) {
    check_speed(over, resources, draft.problems);
  }
  if (resources.choices.empty()) resources.choices.emplace_back();
}

}  // namespace mohona
