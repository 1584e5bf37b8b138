// Why a pool can never hold a job, also when it is empty.
#include "base/text.h"
#include "core/explain_text.h"
#include "model/names.h"

namespace mohona {
namespace {

std::string plural(Level level) {
  return level == Level::leaf ? "leaves" : fmt::format("{}s", name(level));
}

// What one node lacks: the wrong GPUs, too few of them, or else.
PoolExplanation explain_shape(const Pool& pool, const Demand& demand) {
  const Shape& shape = pool.shape;
  if (pool.whole_only && !is_whole(demand)) {
    return {pool.name, "gives whole cores and whole GPUs only",
            "ask for whole ones, or for another cloud"};
  }
  const bool gpus = demand.gpus > 0 || demand.gpu_milli > 0;
  if (gpus && shape.gpus == 0) return {pool.name, "has no GPUs", ""};
  if (gpus && !demand.gpu.empty() && demand.gpu != shape.gpu) {
    return {pool.name, fmt::format("has {}, the job asks for {}", shape.gpu, demand.gpu),
            demand.gpus > shape.gpus
                ? ""
                : fmt::format("if that would do as well, add {{accelerators: "
                              "{}:{}}} to resources.any_of",
                              shape.gpu, cores(demand.gpus * 1'000 + demand.gpu_milli))};
  }
  const auto lacks = [&](const std::string& has, const std::string& needs) {
    return PoolExplanation{pool.name, fmt::format("has {} on a node, the job needs {}", has, needs),
                           fmt::format("ask for at most {} a node", has)};
  };
  if (demand.gpus > shape.gpus) {
    return lacks(fmt::format("{} {}", shape.gpus, shape.gpu), std::to_string(demand.gpus));
  }
  if (demand.cpus_milli > shape.cpus_milli) {
    return lacks(fmt::format("{} cores", cores(shape.cpus_milli)), cores(demand.cpus_milli));
  }
  if (shape.memory_mib == 0) {
    return {pool.name,
            fmt::format("does not say its memory, the job needs {}", memory(demand.memory_mib)),
            "say it in the pool's shape in the fleet file"};
  }
  return lacks(memory(shape.memory_mib), memory(demand.memory_mib));
}

PoolExplanation explain_topology(const Space& space, const JobSpec& spec) {
  const Pool& pool = space.pool();
  const Level within = spec.nearness.within;
  const std::int64_t leaf = pool.topology.leaf, block = leaf * pool.topology.block;
  const std::int64_t size = within == Level::leaf     ? leaf
                            : within == Level::block  ? block
                            : within == Level::fabric ? block * pool.topology.fabric
                                                      : leaf;
  if (size == 0) {
    const auto level = within == Level::anywhere ? Level::leaf : within;
    return {pool.name, fmt::format("is not divided into {}", plural(level)),
            "say how its nodes hang together in the fleet file, or ask for no topology"};
  }
  const std::int64_t least = spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes;
  if (within != Level::anywhere && size < least) {
    return {pool.name,
            fmt::format("has {} of {} {}, the job needs {} in one", plural(within), size,
                        nodes(size), least),
            "ask for a wider topology, or for fewer nodes"};
  }
  return {
      pool.name,
      fmt::format("has no place, even when empty, for {}{}", size_of(spec), where(spec.nearness)),
      "ask for a wider topology, or for fewer nodes"};
}

}  // namespace

PoolExplanation explain_mismatch(const State& state, const PoolRecord& record, const JobSpec& spec,
                                 const Choice& choice, Mismatch mismatch) {
  const Pool& pool = record.pool;
  const Space& space = state.scheduler().space(*state.scheduler().find_pool(pool.name));
  PoolExplanation out{pool.name, "", ""};
  switch (mismatch) {
    case Mismatch::place: {
      const auto both = [](std::string_view cloud, std::string_view region, std::string_view zone,
                           std::string_view type) {
        std::string text;
        for (const std::string_view part : {cloud, region, zone, type}) {
          if (!part.empty()) text += fmt::format("{}{}", text.empty() ? "" : " ", part);
        }
        return text;
      };
      const std::string_view type = choice.instance_type.empty() ? "" : pool.shape.name;
      out.why =
          fmt::format("is {}, the job asks for {}", both(pool.cloud, pool.region, pool.zone, type),
                      both(*choice.cloud, *choice.region, *choice.zone, *choice.instance_type));
      break;
    }
    case Mismatch::purchase:
      out.why = choice.use_spot ? fmt::format("is {}, the job asks for spot", name(pool.purchase))
                                : "is spot, which the job does not accept";
      out.lift = fmt::format("add {{use_spot: {}}} to resources.any_of", !choice.use_spot);
      break;
    case Mismatch::shape:
      return explain_shape(pool, choice.demand);
    case Mismatch::features: {
      std::int64_t n = 0;
      const std::vector<Mask> with = *space.with_features(spec.features);
      for (std::int64_t i = 0; i < pool.nodes; ++i) {
        n += static_cast<std::int64_t>(with[static_cast<std::size_t>(i) / space.leaf_size()] >>
                                           (static_cast<std::size_t>(i) % space.leaf_size()) &
                                       1);
      }
      out.why = fmt::format(
          "has {} {} with {}, the job needs {}", n == 0 ? "no" : std::to_string(n), nodes(n),
          join(spec.features, " and "), spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes);
      out.lift = "ask for fewer features, or give them to more nodes in the fleet file";
      break;
    }
    case Mismatch::topology:
      return explain_topology(space, spec);
    case Mismatch::nodes:
    case Mismatch::reservation:
    case Mismatch::none:
      out.why = fmt::format("has {} {}, the job needs {}", pool.nodes, nodes(pool.nodes),
                            spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes);
      if (pool.share_nodes) out.why += ", and several share one while they fit";
      out.lift = "ask for fewer nodes, or add nodes to the pool";
      break;
  }
  return out;
}

}  // namespace mohona
