#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "spec/draft.h"
#include "spec/fleet_draft.h"
#include "spec/fleet_file.h"
#include "spec/yaml.h"

namespace mohona {

constexpr auto names(Tag<Know>) {
  return std::array<std::string_view, 3>{"nothing", "progress", "all"};
}

namespace {

constexpr std::int64_t repeats_max = 100'000;
constexpr std::int64_t arrivals_max = 1'000'000;
constexpr std::array<std::string_view, 10> policy_names = {"default",
                                                           "fifo",
                                                           "las",
                                                           "srtf",
                                                           "srsf",
                                                           "age",
                                                           "learned",
                                                           "cheapest-sticker",
                                                           "reservation-is-free",
                                                           "reservation-near-free"};

struct ScenarioDraft {
  const Source& source;
  Problems& problems;
  std::string other_trace;  // instead of what the file says arrives
  Scenario out = {};
  std::optional<Error> in_other_file = {};  // the first
  Duration until{0};
  bool is_cluster = false;  // the fleet is one that says nothing of order

  void other_file(const Error& error) {
    if (!in_other_file) in_other_file = error;
  }
};

// Like a duration, but it may be nothing: "0s".
bool read_offset(const SpecNode& node, Duration& out, Problems& problems) {
  const auto value = parse_duration(node.text);
  if (node.is_scalar() && value) return out = *value, true;
  wrong(node, "expected a length of time, such as 0s, 90s, 10m or 1h30m", problems);
  return false;
}

// A file beside the scenario. The name is for messages, as its author wrote it.
std::optional<Source> open_file(const SpecNode& node, ScenarioDraft& draft) {
  std::string path;
  if (!read_text(node, path, draft.problems)) return std::nullopt;
  const std::string whole = absolute_path(path, draft.source);
  auto text = read_file(whole);
  if (!text) {
    draft.problems.add(node.place, fmt::format("there is no file {}", in_quotes(path)),
                       "expected a path, from where this file is");
    return std::nullopt;
  }
  return Source{path, std::move(*text), whole.substr(0, whole.rfind('/')), false};
}

void read_fleet_key(const SpecNode& node, ScenarioDraft& draft) {
  if (node.is_map()) {
    draft.out.fleet_name = "in the scenario";
    draft.out.fleet = read_fleet(node, draft.source, draft.problems);
    return;
  }
  if (!read_text(node, draft.out.fleet_name, draft.problems)) return;
  const std::string& name = draft.out.fleet_name;
  Result<Fleet> fleet;
  if (name.ends_with(".yaml") || name.ends_with(".yml")) {
    const auto file = open_file(node, draft);
    if (!file) return;
    fleet = parse_fleet_file(*file);
  } else {
    draft.is_cluster = true;
    const bool written_out = name.find_first_not_of("0123456789xc") == std::string::npos;
    fleet = read_cluster(written_out ? name : absolute_path(name, draft.source));
  }
  if (!fleet) return draft.other_file(fleet.error());
  draft.out.fleet = std::move(*fleet);
}

void read_trace_key(const SpecNode& node, ScenarioDraft& draft) {
  std::string text;
  if (!read_text(node, text, draft.problems)) return;
  const auto colon = text.find(':');
  if (colon == std::string::npos) {
    return wrong(node, "expected KIND:FILE, such as muri:trace3.csv.gz", draft.problems);
  }
  draft.out.trace = text.substr(0, colon + 1) + absolute_path(text.substr(colon + 1), draft.source);
}

void read_policies(const SpecNode& node, ScenarioDraft& draft) {
  std::vector<std::string> said;
  if (!read_texts(node, said, draft.problems)) return;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const bool known = std::count(policy_names.begin(), policy_names.end(), said[i]) > 0;
    const SpecNode& item = node.is_list() ? node.children[i] : node;
    if (!known) {
      wrong(item, suggestion(said[i], {policy_names.begin(), policy_names.end()}), draft.problems);
    } else if (std::count(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(i), said[i])) {
      draft.problems.add(item.place, fmt::format("'{}' is there twice", said[i]),
                         "expected each policy once");
    }
  }
  draft.out.policies = std::move(said);
}

void read_begin(const SpecNode& node, ScenarioDraft& draft) {
  const auto at = parse_timestamp(node.text);
  if (node.is_scalar() && at) {
    draft.out.begin = *at;
  } else {
    wrong(node, "expected an instant, such as 2026-12-01 or 2026-12-01T08:00:00Z", draft.problems);
  }
}

// --- jobs

struct JobDraft {
  ScenarioDraft& scenario;
  Arrival arrival = {};
  Duration at{0}, every{0};
  std::int64_t repeat = 1;
  const SpecNode* job = nullptr;
  const SpecNode* file = nullptr;

  Problems& problems() { return scenario.problems; }
};

constexpr std::array<Key<JobDraft>, 9> job_keys = {{
    {"at", [](const SpecNode& n, JobDraft& d) { read_offset(n, d.at, d.problems()); }},
    {"job", [](const SpecNode& n, JobDraft& d) { d.job = &n; }},
    {"file", [](const SpecNode& n, JobDraft& d) { d.file = &n; }},
    {"runs",
     [](const SpecNode& n, JobDraft& d) { read_duration(n, d.arrival.does.runs, d.problems()); }},
    {"overhead",
     [](const SpecNode& n, JobDraft& d) { read_offset(n, d.arrival.does.overhead, d.problems()); }},
    {"steps",
     [](const SpecNode& n, JobDraft& d) {
       read_whole(n, {1, steps_max}, d.arrival.does.steps, d.problems());
     }},
    {"exit_code",
     [](const SpecNode& n, JobDraft& d) {
       read_whole(n, {0, 255}, d.arrival.does.exit_code, d.problems());
     }},
    {"repeat",
     [](const SpecNode& n, JobDraft& d) {
       read_whole(n, {1, repeats_max}, d.repeat, d.problems());
     }},
    {"every", [](const SpecNode& n, JobDraft& d) { read_offset(n, d.every, d.problems()); }},
}};

std::vector<JobSpec> specs_of(const SpecNode& item, std::size_t number, JobDraft& draft) {
  ScenarioDraft& scenario = draft.scenario;
  std::vector<JobSpec> specs;
  if (!draft.job == !draft.file) {
    scenario.problems.add(draft.job ? draft.file->key_place : item.place,
                          draft.job ? "'file' does not go with 'job'" : "this says no job",
                          "expected job: {...} or file: PATH");
  } else if (draft.job) {
    Source source = scenario.source;
    source.check_paths = false;
    Submission job = read_job(*draft.job, number, source, {}, scenario.problems);
    if (draft.job->is_map() && !draft.job->find("name"))
      job.spec.name = fmt::format("job-{}", number);
    specs.push_back(std::move(job.spec));
  } else if (const auto file = open_file(*draft.file, scenario)) {
    const auto jobs = parse_job_file(*file);
    if (!jobs) {
      scenario.other_file(jobs.error());
      return specs;
    }
    for (const Submission& job : *jobs) specs.push_back(job.spec);
  }
  return specs;
}

void read_arrival(const SpecNode& item, std::size_t number, ScenarioDraft& scenario) {
  if (!is_map(item, "{at: 10m, runs: 2h, job: {...}}", scenario.problems)) return;
  JobDraft draft{scenario};
  read_keys(item, job_keys, {}, draft, scenario.problems);
  if (!item.find("runs")) {
    scenario.problems.add(item.place, "this job has no 'runs'",
                          "expected how long its work takes, such as runs: 2h");
  }
  const SpecNode* repeat = item.find("repeat");
  if (repeat && draft.repeat > 1 && !item.find("every")) {
    scenario.problems.add(repeat->key_place, "'repeat' has no 'every'",
                          "expected every: and the time from one to the next");
  }
  const std::vector<JobSpec> specs = specs_of(item, number, draft);
  if (!scenario.problems.none()) return;
  auto& arrivals = scenario.out.workload.arrivals;
  const auto more = static_cast<std::int64_t>(specs.size()) * draft.repeat;
  if (std::ssize(arrivals) + more > arrivals_max) {
    scenario.problems.add(item.place, "too many jobs arrive",
                          fmt::format("expected at most {}", arrivals_max));
    return;
  }
  for (std::int64_t i = 0; i < draft.repeat; ++i) {
    for (const JobSpec& spec : specs) {
      Arrival& arrival = arrivals.emplace_back(draft.arrival);
      arrival.at = Timestamp{} + draft.at + i * draft.every;  // `begin` is added at the end
      arrival.spec = spec;
      arrival.does.keeps_on_stop = spec.checkpoint.has_value();
      if (arrival.does.steps > 0) arrival.spec.progress = ProgressSpec{arrival.does.steps, false};
    }
  }
}

void read_jobs(const SpecNode& node, ScenarioDraft& draft) {
  if (!is_list(node, "a list of {at: 10m, runs: 2h, job: {...}}", draft.problems)) return;
  std::size_t number = 0;
  for (const SpecNode& item : node.children) read_arrival(item, ++number, draft);
}

void read_not_yet(const SpecNode& node, ScenarioDraft& draft) {
  draft.problems.not_yet(node.key_place, in_quotes(node.key) + " is a key of scenarios");
}

constexpr std::array<Key<ScenarioDraft>, 11> scenario_keys = {{
    {"name", [](const SpecNode& n, ScenarioDraft& d) { read_name(n, d.out.name, d.problems); }},
    {"fleet", read_fleet_key},
    {"trace", read_trace_key},
    {"know",
     [](const SpecNode& n, ScenarioDraft& d) { read_choice(n, d.out.reading.know, d.problems); }},
    {"load",
     [](const SpecNode& n, ScenarioDraft& d) {
       read_whole(n, {1, 1'000}, d.out.load_pct, d.problems);
     }},
    {"jobs", read_jobs},
    {"policy", read_policies},
    {"begin", read_begin},
    {"until", [](const SpecNode& n, ScenarioDraft& d) { read_duration(n, d.until, d.problems); }},
    {"faults", read_not_yet},
    {"generate", read_not_yet},
}};

void check_whole(const SpecNode& document, ScenarioDraft& draft) {
  Problems& problems = draft.problems;
  const SpecNode* trace = document.find("trace");
  const SpecNode* jobs = document.find("jobs");
  if (!document.find("fleet")) {
    problems.add(document.place, "the scenario has no 'fleet'",
                 "expected fleet: {pools: [...]}, a fleet file or NODESxGPUS");
  }
  if (!trace == !jobs && (trace || draft.other_trace.empty())) {
    problems.add(trace ? jobs->key_place : document.place,
                 trace ? "'jobs' does not go with 'trace'" : "nothing arrives in this scenario",
                 "expected trace: KIND:FILE or jobs: [...]");
  }
  if (const SpecNode* load = document.find("load"); load && !trace && draft.other_trace.empty()) {
    problems.add(load->key_place, "'load' is for a trace", "expected a fleet of the right size");
  }
}

void finish(ScenarioDraft& draft) {
  Scenario& out = draft.out;
  if (!draft.other_trace.empty()) {
    out.trace = draft.other_trace;
    out.workload = {};
  }
  auto& arrivals = out.workload.arrivals;
  for (Arrival& arrival : arrivals) {
    arrival.at += out.begin - Timestamp{};
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
  if (draft.is_cluster && out.policies.empty()) out.policies = {"default"};
  if (draft.until > Duration{0}) out.until = out.begin + draft.until;
}

}  // namespace

Result<Scenario> parse_scenario(const Source& given, const std::string& trace) {
  const Source source = with_plain_lines(given);
  Problems problems;
  ScenarioDraft draft{source, problems, trace};
  draft.out.begin = world_begins;
  draft.out.name = default_name(source, 1);
  std::vector<SpecNode> documents;
  if (check_text(source.text, problems)) documents = parse_yaml(source.text, problems);
  if (problems.none()) {
    if (documents.size() != 1 || !documents[0].is_map()) {
      problems.add(documents.empty() ? Place{} : documents.back().place,
                   documents.empty() ? "the file is empty" : "a scenario is one map of keys",
                   "expected fleet: and trace: or jobs:");
    } else {
      read_keys(documents[0], scenario_keys, {}, draft, problems);
      check_whole(documents[0], draft);
    }
  }
  if (!problems.none()) return fail(problems.error(source));
  if (draft.in_other_file) return fail(*draft.in_other_file);
  finish(draft);
  return std::move(draft.out);
}

}  // namespace mohona
