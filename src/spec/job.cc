// One document of a job file: its keys, and what must hold between them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/decimal.h"
#include "base/text.h"
#include "spec/draft.h"

namespace mohona {
namespace {

constexpr std::int64_t priority_max = 1'000'000;

void read_run(const SpecNode& node, Draft& draft) {
  if (node.is_scalar() && !trim(node.text).empty()) {
    draft.spec().run = node.text;
  } else {
    wrong(node, "expected a command", draft.problems);
  }
}

void read_needs(const SpecNode& node, Draft& draft) {
  std::vector<std::string>& needs = draft.spec().needs.edit();
  if (!read_texts(node, needs, draft.problems)) return;
  const auto check = [&](const SpecNode& item) {
    if (!is_name(item.text)) wrong(item, "expected names or numbers of jobs", draft.problems);
  };
  if (node.is_scalar()) check(node);
  for (const SpecNode& item : node.children) check(item);
}

void read_deadline(const SpecNode& node, Draft& draft) {
  const auto at = parse_timestamp(node.text);
  if (node.is_scalar() && at) {
    draft.spec().deadline = *at;
  } else {
    wrong(node, "expected an instant, such as 2026-12-01T00:00:00Z", draft.problems);
  }
}

void read_budget(const SpecNode& node, Draft& draft) {
  const auto amount = parse_money(node.text);
  if (node.is_scalar() && amount && amount->micros > 0) {
    draft.spec().budget = *amount;
  } else {
    wrong(node, "expected an amount of dollars, such as 12.50", draft.problems);
  }
}

constexpr std::int64_t inputs_max = 64;
constexpr std::int64_t gigabytes_max = 1'000'000'000;

// The cloud that keeps a bucket of this address; a place as price files write it.
std::optional<Location> place_of(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> schemes = {
      {{"s3://", "aws"},
       {"gs://", "gcp"},
       {"azure://", "azure"},
       {"oci://", "oci"},
       {"r2://", "cloudflare"}}};
  for (const auto& [scheme, cloud] : schemes) {
    if (text.starts_with(scheme)) return Location{std::string(cloud), "", ""};
  }
  if (text.starts_with("https://") && text.find(".blob.core.windows.net") != text.npos) {
    return Location{"azure", "", ""};
  }
  std::vector<std::string> parts;
  for (const std::string_view part : split(text, '/')) parts.push_back(lower(std::string(part)));
  if (parts.size() > 3 || !std::all_of(parts.begin(), parts.end(),
                                       [](const std::string& part) { return is_name(part); })) {
    return std::nullopt;
  }
  parts.resize(3);
  return Location{canonical_cloud(parts[0]), parts[1], parts[2]};
}

// SkyPilot's: {s3://bucket: 150}, in GB.
void read_inputs(const SpecNode& node, Draft& draft) {
  constexpr std::string_view expected =
      "a map such as {s3://bucket: 150}, from buckets or places "
      "to GB";
  if (!is_map(node, expected, draft.problems)) return;
  if (std::ssize(node.children) > inputs_max) {
    return wrong(node, fmt::format("expected at most {} inputs", inputs_max), draft.problems);
  }
  for (const SpecNode& one : node.children) {
    const auto place = place_of(one.key);
    const auto milli = parse_decimal(one.text, 3, gigabytes_max);
    if (!place) {
      draft.problems.add(one.key_place, fmt::format("there is no place {}", in_quotes(one.key)),
                         "expected a bucket (s3://, gs://, azure://, oci://, r2://) or a place "
                         "such as aws/us-east-1");
    } else if (!one.is_scalar() || !milli || *milli <= 0) {
      wrong(one, fmt::format("expected GB, such as 150, at most {}", gigabytes_max),
            draft.problems);
    } else {
      draft.spec().inputs.edit().push_back({*place, static_cast<std::int64_t>(*milli)});
    }
  }
}

constexpr std::array<Key<Draft>, 29> job_keys = {{
    {"name", [](const SpecNode& n, Draft& d) { read_name(n, d.spec().name, d.problems); }},
    {"run", read_run},
    {"setup", [](const SpecNode& n, Draft& d) { read_text(n, d.spec().setup.edit(), d.problems); }},
    {"resources", read_resources},
    {"num_nodes",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {1, gang_nodes_max}, d.spec().num_nodes, d.problems);
     }},
    {"min_nodes",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {1, gang_nodes_max}, d.spec().min_nodes, d.problems);
     }},
    {"max_nodes",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {1, gang_nodes_max}, d.spec().num_nodes, d.problems);
     }},
    {"topology", read_topology},
    {"features", read_features},
    {"reservation",
     [](const SpecNode& n, Draft& d) { read_name(n, d.spec().reservation.edit(), d.problems); }},
    {"envs", read_envs},
    {"secrets", read_secrets},
    {"workdir", [](const SpecNode& n, Draft& d) { read_workdir(with_variables(n, d), d); }},
    {"file_mounts", [](const SpecNode& n, Draft& d) { read_file_mounts(with_variables(n, d), d); }},
    {"service", [](const SpecNode& n, Draft& d) { read_service(with_variables(n, d), d); }},
    {"config", read_config},
    {"kind", [](const SpecNode& n,
                Draft& d) { d.kind_is_said = read_choice(n, d.spec().kind, d.problems); }},
    {"needs", read_needs},
    {"shards", read_shards},
    {"max_duration",
     [](const SpecNode& n, Draft& d) {
       Duration most{};
       if (read_duration(n, most, d.problems)) d.spec().max_duration = most;
     }},
    {"estimate",
     [](const SpecNode& n, Draft& d) {
       Duration likely{};
       if (read_duration(n, likely, d.problems)) d.spec().estimate = likely;
     }},
    {"deadline", read_deadline},
    {"checkpoint", read_checkpoint},
    {"retries", read_retries},
    {"progress", read_progress},
    {"queue", [](const SpecNode& n, Draft& d) { read_name(n, d.spec().queue, d.problems); }},
    {"priority",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {-priority_max, priority_max}, d.spec().priority, d.problems);
     }},
    {"budget", read_budget},
    {"inputs", read_inputs},
}};

// Keys that belong together, or not at all.
void check_kind(Draft& draft) {
  JobSpec& spec = draft.spec();
  const SpecNode* service = draft.document.find("service");
  const SpecNode* shards = draft.document.find("shards");
  const SpecNode* kind = draft.document.find("kind");
  if (!draft.kind_is_said) spec.kind = service ? Kind::serve : shards ? Kind::data : Kind::task;
  if (service && spec.kind != Kind::serve) {
    draft.problems.add(service->key_place,
                       fmt::format("'service' does not go with kind '{}'", name(spec.kind)),
                       "expected kind: serve");
  }
  if (shards && spec.kind != Kind::data) {
    draft.problems.add(shards->key_place,
                       fmt::format("'shards' does not go with kind '{}'", name(spec.kind)),
                       "expected kind: data");
  }
  if (!service && spec.kind == Kind::serve && kind) {
    lacks(draft.document, "service", kind->place, "kind 'serve' has no 'service'",
          "add service: {readiness_probe: /PATH}", draft.problems);
  }
  if (!shards && spec.kind == Kind::data && kind) {
    lacks(draft.document, "shards", kind->place, "kind 'data' has no 'shards'",
          "add shards: {inputs: GLOB}, {items: [...]} or {count: N}", draft.problems);
  }
  const SpecNode* max = draft.document.find("max_nodes");
  const SpecNode* nodes = max ? max : draft.document.find("num_nodes");
  if (nodes && spec.num_nodes > 1 && (spec.kind == Kind::data || spec.kind == Kind::serve)) {
    draft.problems.add(nodes->place,
                       fmt::format("kind '{}' with more than one node is something that Mohona "
                                   "cannot honour yet",
                                   name(spec.kind)),
                       fmt::format("expected {}: 1", nodes->key));
  }
}

}  // namespace

std::string name_from(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (const char c : text.substr(0, bytes_max)) {
    const char valid = is_name(std::string{'x', c}) ? c : '-';
    if (!out.empty() || is_name(std::string{valid})) out += valid;
  }
  return out.empty() ? "job" : out;
}

std::string default_name(const Source& source, std::size_t document) {
  constexpr std::size_t stem_max = 56;  // leaves room for the number
  std::string_view stem = std::string_view(source.name).substr(source.name.rfind('/') + 1);
  stem = stem.substr(0, stem.rfind('.') == 0 ? stem.npos : stem.rfind('.'));
  const std::string out = name_from(stem, stem_max);
  return document < 2 ? out : fmt::format("{}-{}", out, document);
}

Submission read_job(const SpecNode& document, std::size_t number, const Source& source,
                    const Overrides& overrides, Problems& problems) {
  Draft draft{source, overrides, problems, document};
  draft.spec().submit_directory = source.directory;
  draft.spec().name = default_name(source, number);
  if (document.is_null()) {
    problems.add(document.place, "this document is empty", "expected a job: at least run: COMMAND");
    return draft.out;
  }
  if (!document.is_map()) {
    problems.add(document.place, "a job is a map of keys", "expected at least run: COMMAND");
    return draft.out;
  }
  read_keys(document, job_keys,
            {"execution", "primary_tasks", "termination_delay", "pool", "volumes", "volume_mounts",
             "api_server_access", "event_callback", "outputs", "experimental", "metadata"},
            draft, problems);
  if (!document.find("run")) {
    lacks(document, "run", document.place, "this job has no 'run'", "expected run: COMMAND",
          problems);
  }
  check_kind(draft);
  check_nodes(draft);
  finish_variables(draft);
  return draft.out;
}

}  // namespace mohona
