// SkyPilot's `service`: replicas, and how to ask one whether it is ready.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "spec/draft.h"

namespace mohona {
namespace {

constexpr std::int64_t replicas_max = 10'000;
constexpr std::int64_t seconds_max = 86'400;

struct ServiceDraft {
  Service service = {};
  Problems& problems;
  std::optional<std::int64_t> replicas = {}, replicas_least = {}, replicas_most = {};
  const SpecNode* most = nullptr;
  std::optional<Duration> silence_max = {};  // a replica that fails its probe for so long is dead
};

void read_seconds(const SpecNode& node, Duration& out, Problems& problems) {
  std::int64_t seconds = 0;
  if (read_whole(node, {1, seconds_max}, seconds, problems)) out = std::chrono::seconds(seconds);
}

void read_replicas(const SpecNode& node, std::optional<std::int64_t>& out, Problems& problems) {
  std::int64_t count = 0;
  if (read_whole(node, {1, replicas_max}, count, problems)) out = count;
}

nlohmann::json to_json(const SpecNode& node) {
  switch (node.type) {
    case SpecNode::Type::null:
      return nullptr;
    case SpecNode::Type::scalar: {
      if (node.quoted) return node.text;
      auto value = nlohmann::json::parse(node.text, nullptr, false);
      return value.is_discarded() ? nlohmann::json(node.text) : value;
    }
    case SpecNode::Type::list: {
      auto out = nlohmann::json::array();
      for (const SpecNode& item : node.children) out.push_back(to_json(item));
      return out;
    }
    case SpecNode::Type::map: {
      auto out = nlohmann::json::object();
      for (const SpecNode& value : node.children) out[value.key] = to_json(value);
      return out;
    }
  }
  return nullptr;
}

void read_post_data(const SpecNode& node, ServiceDraft& draft) {
  if (node.is_map() || node.is_list()) {
    draft.service.probe.post_data = to_json(node).dump();
  } else if (node.is_scalar() && nlohmann::json::accept(node.text)) {
    draft.service.probe.post_data = node.text;
  } else {
    wrong(node, "expected a map, or JSON as a text", draft.problems);
  }
}

void read_path(const SpecNode& node, ServiceDraft& draft) {
  if (node.is_scalar() && node.text.starts_with('/') &&
      node.text.find_first_of(" \t\n\r") == std::string::npos) {
    draft.service.probe.path = node.text;
  } else {
    wrong(node, "expected a path that begins with '/', such as /health", draft.problems);
  }
}

constexpr std::array<Key<ServiceDraft>, 6> probe_keys = {{
    {"path", read_path},
    {"post_data", read_post_data},
    {"initial_delay_seconds",
     [](const SpecNode& n, ServiceDraft& d) {
       read_seconds(n, d.service.probe.initial_delay, d.problems);
     }},
    {"timeout_seconds",
     [](const SpecNode& n, ServiceDraft& d) {
       read_seconds(n, d.service.probe.timeout, d.problems);
     }},
    {"endpoint_probe_interval_seconds",
     [](const SpecNode& n, ServiceDraft& d) {
       read_seconds(n, d.service.probe.interval, d.problems);
     }},
    {"consecutive_failure_threshold_timeout",
     [](const SpecNode& n, ServiceDraft& d) {
       Duration silence{};
       read_seconds(n, silence, d.problems);
       d.silence_max = silence;
     }},
}};

void read_probe(const SpecNode& node, ServiceDraft& draft) {
  if (!node.is_map()) {
    read_path(node, draft);
    return;
  }
  read_keys(node, probe_keys, {"headers"}, draft, draft.problems);
  ReadinessProbe& probe = draft.service.probe;
  if (!node.find("path")) {
    lacks(node, "path", node.key_place, "'readiness_probe' has no 'path'",
          "expected a path that begins with '/', such as /health", draft.problems);
  }
  if (draft.silence_max) {
    // SkyPilot counts time, Mohona counts failures.
    const auto failures = (*draft.silence_max + probe.interval - Duration(1)) / probe.interval;
    probe.failures_max = std::max<std::int64_t>(1, failures);
  }
}

constexpr std::array<Key<ServiceDraft>, 2> policy_keys = {{
    {"min_replicas",
     [](const SpecNode& n, ServiceDraft& d) { read_replicas(n, d.replicas_least, d.problems); }},
    {"max_replicas",
     [](const SpecNode& n, ServiceDraft& d) {
       d.most = &n;
       read_replicas(n, d.replicas_most, d.problems);
     }},
}};

void read_policy(const SpecNode& node, ServiceDraft& draft) {
  if (!is_map(node, "{min_replicas: N}", draft.problems)) return;
  read_keys(node, policy_keys,
            {"target_qps_per_replica", "upscale_delay_seconds", "downscale_delay_seconds",
             "base_ondemand_fallback_replicas", "dynamic_ondemand_fallback", "num_overprovision",
             "spot_placer", "qps_window_size", "target_queue_length_per_replica"},
            draft, draft.problems);
  if (!node.find("min_replicas")) {
    lacks(node, "min_replicas", node.key_place, "'replica_policy' has no 'min_replicas'",
          "expected min_replicas: N", draft.problems);
  }
  if (!draft.replicas_least || !draft.replicas_most) return;
  if (*draft.replicas_most < *draft.replicas_least) {
    wrong(*draft.most, "expected at least 'min_replicas'", draft.problems);
  } else if (*draft.replicas_most > *draft.replicas_least) {
    draft.problems.add(
        draft.most->place,
        "'max_replicas' above 'min_replicas' asks for autoscaling, which Mohona "
        "cannot honour yet",
        fmt::format("a fixed number works: max_replicas: {}", *draft.replicas_least));
  }
}

constexpr std::array<Key<ServiceDraft>, 3> service_keys = {{
    {"readiness_probe", read_probe},
    {"replicas",
     [](const SpecNode& n, ServiceDraft& d) { read_replicas(n, d.replicas, d.problems); }},
    {"replica_policy", read_policy},
}};

}  // namespace

void read_service(const SpecNode& node, Draft& draft) {
  constexpr std::string_view expected = "{readiness_probe: /PATH, replicas: N}";
  if (!is_map(node, expected, draft.problems)) return;
  ServiceDraft service{{}, draft.problems};
  read_keys(node, service_keys,
            {"load_balancer", "load_balancing_policy", "pool", "workers", "ports", "tls",
             "external_load_balancer"},
            service, draft.problems);
  if (!node.find("readiness_probe")) {
    lacks(node, "readiness_probe", node.key_place, "'service' has no 'readiness_probe'",
          "expected readiness_probe: /PATH, which answers when a replica is ready", draft.problems);
  }
  // As in SkyPilot, the plain number wins.
  service.service.replicas = service.replicas.value_or(service.replicas_least.value_or(1));
  draft.spec().service = std::move(service.service);
}

}  // namespace mohona
