#include "core/fleet/spread.h"

#include <algorithm>
#include <array>
#include <optional>

namespace mohona {
namespace {

using Leaves = std::vector<Segment>;

// What a leaf may give to a gang whose segments are s nodes.
std::int64_t share(Mask mask, std::int64_t s) { return s <= 1 ? count(mask) : count(mask) / s * s; }

// The leaves [first, last) of the candidates that lie in one domain of `size` leaves.
struct Domain {
  std::size_t first = 0, last = 0;
  std::int64_t nodes = 0;
};

template <class F>
void for_domains(const Leaves& leaves, Leaf size, std::int64_t s, F&& f) {
  for (std::size_t i = 0; i < leaves.size();) {
    Domain domain{i, i, 0};
    const Leaf number = size == 0 ? 0 : leaves[i].leaf / size;
    while (domain.last < leaves.size() &&
           (size == 0 ? 0 : leaves[domain.last].leaf / size) == number) {
      domain.nodes += share(leaves[domain.last++].nodes, s);
    }
    f(domain);
    i = domain.last;
  }
}

struct Width {
  Level level;
  Leaf leaves;  // 0: all
};

// The levels that the pool has, from the narrowest, up to the one required.
std::vector<Width> widths(const Space& space, Level within) {
  std::vector<Width> out = {{Level::leaf, 1}};
  if (space.leaves_in_block() > 0) out.push_back({Level::block, space.leaves_in_block()});
  if (space.leaves_in_fabric() > 0) out.push_back({Level::fabric, space.leaves_in_fabric()});
  out.push_back({Level::anywhere, 0});
  std::erase_if(out, [&](const Width& w) { return w.level > within; });
  return out;
}

}  // namespace

Leaf domain_size(const Space& space, Level level) {
  if (level == Level::leaf) return 1;
  if (level == Level::block) return space.leaves_in_block();
  return level == Level::fabric ? space.leaves_in_fabric() : 0;
}

NodeSet fill(Leaves leaves, std::int64_t n, std::int64_t s) {
  std::array<std::vector<std::uint32_t>, 65> by_count;
  for (std::uint32_t i = 0; i < leaves.size(); ++i) {
    by_count[static_cast<std::size_t>(share(leaves[i].nodes, s))].push_back(i);
  }
  NodeSet out;
  for (std::size_t have = 64; have > 0 && n > 0; --have) {
    for (std::size_t k = 0; k < by_count[have].size() && n > 0; ++k) {
      Segment& leaf = leaves[by_count[have][k]];
      if (static_cast<std::int64_t>(have) <= n) {
        out.push_back({leaf.leaf, lowest(leaf.nodes, static_cast<std::int64_t>(have))});
        n -= static_cast<std::int64_t>(have);
        continue;
      }
      // The rest goes to the fullest leaf that has enough: of those not taken, all are this wide
      // or narrower.
      for (auto enough = static_cast<std::size_t>(n); enough <= have; ++enough) {
        const std::size_t from = enough == have ? k : 0;
        if (from >= by_count[enough].size()) continue;
        const Segment& last = leaves[by_count[enough][from]];
        out.push_back({last.leaf, lowest(last.nodes, n)});
        n = 0;
        break;
      }
    }
  }
  std::sort(out.begin(), out.end(),
            [](const Segment& a, const Segment& b) { return a.leaf < b.leaf; });
  return out;
}

std::int64_t most(const Space& space, const Leaves& leaves, const Nearness& near) {
  std::int64_t best = 0;
  for_domains(leaves, widths(space, near.within).back().leaves, near.segment,
              [&](const Domain& domain) { best = std::max(best, domain.nodes); });
  return best;
}

NodeSet choose(const Space& space, const Leaves& leaves, std::int64_t n, const Nearness& near) {
  for (const Width& width : widths(space, near.within)) {
    std::optional<Domain> tightest;
    for_domains(leaves, width.leaves, near.segment, [&](const Domain& domain) {
      if (domain.nodes >= n && (!tightest || domain.nodes < tightest->nodes)) tightest = domain;
    });
    if (!tightest) continue;
    return fill({leaves.begin() + static_cast<std::ptrdiff_t>(tightest->first),
                 leaves.begin() + static_cast<std::ptrdiff_t>(tightest->last)},
                n, near.segment);
  }
  return {};
}

}  // namespace mohona
