// The fleet over HTTP: what there is, and what people say of its pools and nodes.
#include "api/answers.h"
#include "api/api.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

constexpr std::size_t reason_bytes_max = 1'000;

struct NodeVerb {
  std::string_view name;
  NodeState state;
};
// Kubernetes' words and Slurm's.
constexpr std::array<NodeVerb, 5> node_verbs = {{{"cordon", NodeState::cordoned},
                                                 {"uncordon", NodeState::up},
                                                 {"drain", NodeState::draining},
                                                 {"down", NodeState::down},
                                                 {"up", NodeState::up}}};

Result<ChangeNodes> nodes_in(const Json& body, std::string pool, NodeState state) {
  const auto text = body.at("nodes").get<std::string>();
  ChangeNodes input{std::move(pool), {}, state, body.value("reason", "")};
  if (input.reason.size() > reason_bytes_max) {
    return fail(Code::invalid, fmt::format("the reason has {} bytes; expected at most {}",
                                           input.reason.size(), reason_bytes_max));
  }
  if (text == "all") return input;
  const auto nodes = parse_node_ranges(text);
  if (!nodes) {
    return fail(
        Code::invalid,
        fmt::format("nodes is '{}'; expected their indices, such as 0-15,32, or all", text));
  }
  input.nodes = *nodes;
  return input;
}

}  // namespace

void Api::pools(const HttpRequest& request, const Segments& path, Reply reply) {
  if (path.size() == 1 && request.method == "GET") {
    return parts_.controller.read([reply = std::move(reply)](const State& state, Timestamp) {
      Json json = {{"pools", Json::array()}};
      for (const auto& [name, pool] : state.pools())
        json["pools"].push_back(pool_view(state, pool));
      reply(answer(json));
    });
  }
  if (path.size() != 3 || request.method != "POST") return reply(no_such_page(request));
  const std::string pool(path[1]);
  for (const NodeVerb& verb : node_verbs) {
    if (path[2] != verb.name) continue;
    return with_json(request, reply, [&](const Json& body) {
      auto input = nodes_in(body, pool, verb.state);
      if (!input) return reply(error_answer(input.error()));
      change(std::move(*input), reply);
    });
  }
  if (path[2] == "lost") return declare_lost(pool, std::move(reply));
  if (path[2] == "restore") return change(RestorePool{pool}, std::move(reply));
  if (path[2] != "reclaim") return reply(no_such_page(request));
  if (request.body.empty()) return change(ReclaimPool{pool, Duration{0}}, std::move(reply));
  with_json(request, reply, [&](const Json& body) {
    const auto notice = parse_duration(body.value("notice", "0s"));
    if (!notice) return reply(error_answer(notice.error()));
    change(ReclaimPool{pool, *notice}, reply);
  });
}

// What ran where only a controller reaches that does not lead, and whose machine will not be back.
void Api::declare_lost(const std::string& name, Reply reply) {
  parts_.controller.read([this, name, reply = std::move(reply)](const State& state, Timestamp) {
    const PoolRecord* pool = state.find_pool(name);
    if (!pool) {
      return reply(error_answer({Code::not_found, fmt::format("there is no pool '{}'", name)}));
    }
    if (!is_away(pool->pool, parts_.name)) {
      return reply(error_answer(
          {Code::conflict,
           fmt::format("'{}' is within reach; only what is away can be declared lost", name)}));
    }
    std::size_t count = 0;
    for (const auto& [id, live] : state.live()) {
      if (live.attempt->pool != name) continue;
      ++count;
      parts_.controller.submit(
          Ended{id, Outcome{End::lost, 0, false, "its machine was declared lost"}, {}}, nullptr);
    }
    reply(answer({{"pool", name}, {"lost", count}}));
  });
}

}  // namespace mohona
