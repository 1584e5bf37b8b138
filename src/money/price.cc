#include "money/price.h"

#include <algorithm>

namespace mohona {

// The bucket's last part is drawn whole, as settlement does it.
std::int64_t Now::Level::covered(std::size_t i, std::int64_t inflow_of_it,
                                 const Edge& edge_then) const {
  if (i < edge_then.at) return inflow_of_it;
  if (i > edge_then.at) return 0;
  return static_cast<std::int64_t>((amount - edge_then.filled + order[i].draw - 1) / order[i].draw);
}

void Now::Level::find_edge() {
  while (edge.filled > amount) {
    --edge.at;
    edge.filled -= Wide{order[edge.at].draw} * inflow[edge.at];
  }
  for (; edge.at < order.size(); ++edge.at) {
    const Wide drawn = Wide{order[edge.at].draw} * inflow[edge.at];
    if (edge.filled + drawn > amount) break;
    edge.filled += drawn;
  }
}

Now::Now(Book& book, Hour hour) {
  const HourTerms& terms = book.terms(hour);
  meters_ = terms.meters;
  for (const auto* layers : {&terms.reservations, &terms.commitments}) {
    for (const Layer& layer : *layers) {
      levels_.push_back({layer.order,
                         std::vector<std::int64_t>(layer.order.size()),
                         layer.amount,
                         {0, layer.order.size()},
                         layer.running,
                         layer.idle});
    }
  }
  link_meters(terms.reservations.size());
  for (const Layer& layer : terms.reservations) {
    cover(layer.idle, covers_[layer.idle].first, static_cast<std::int64_t>(layer.amount / 1'000));
  }
}

// Where each meter stands, level by level.
void Now::link_meters(std::size_t reservations) {
  std::vector<std::vector<Link>> bind(meters_.size()), cover(meters_.size());
  for (std::uint32_t level = 0; level < levels_.size(); ++level) {
    auto& links = level < reservations ? bind : cover;
    for (std::uint32_t i = 0; i < levels_[level].order.size(); ++i) {
      links[levels_[level].order[i].meter].push_back({level, i});
    }
  }
  const auto append = [&](const std::vector<Link>& links) {
    const auto first = static_cast<std::uint32_t>(links_.size());
    links_.insert(links_.end(), links.begin(), links.end());
    return Links{first, static_cast<std::uint32_t>(links_.size())};
  };
  for (std::size_t m = 0; m < meters_.size(); ++m) {
    binds_.push_back(append(bind[m]));
    covers_.push_back(append(cover[m]));
  }
}

template <class Moved>
void Now::reach(Link link, std::int64_t more, Moved moved) {
  Level& level = levels_[link.level];
  const Edge before = level.edge;
  undo_.push_back({link, level.inflow[link.index], before});
  level.inflow[link.index] += more;
  if (link.index < before.at) level.edge.filled += Wide{level.order[link.index].draw} * more;
  level.find_edge();

  // Only entries between the edges, before and after, can have changed, and the one itself.
  const auto look = [&](std::size_t i) {
    const std::int64_t inflow = level.inflow[i], was = inflow - (i == link.index ? more : 0);
    const std::int64_t covered = level.covered(i, inflow, level.edge);
    const std::int64_t more_covered = covered - level.covered(i, was, before);
    moved(level, i, more_covered, inflow - was - more_covered);
  };
  const std::size_t low = std::min(before.at, level.edge.at);
  const std::size_t high = std::min(std::max(before.at, level.edge.at) + 1, level.order.size());
  if (link.index < low || link.index >= high) look(link.index);
  for (std::size_t i = low; i < high; ++i) {
    if (level.inflow[i] != 0 || i == link.index) look(i);
  }
}

std::uint32_t Now::link_after(const Links& links, const Level& level) const {
  std::uint32_t link = links.first;
  while (&levels_[links_[link].level] != &level) ++link;
  return link + 1;
}

// Reserved capacity: what it holds no longer stands idle.
void Now::bind(MeterId meter, std::uint32_t link, std::int64_t more) {
  if (link == binds_[meter].last || more == 0) return;
  reach(links_[link], more,
        [&](const Level& level, std::size_t i, std::int64_t bound, std::int64_t beyond) {
          const MeterId which = level.order[i].meter;
          if (bound != 0) idled_.emplace_back(level.idle, -bound);
          bind(which, link_after(binds_[which], level), beyond);
        });
}

// What a bucket does not cover flows on to the meter's next level, at last to the on-demand price.
void Now::cover(MeterId meter, std::uint32_t link, std::int64_t more) {
  if (more == 0) return;
  if (link == covers_[meter].last) {
    changes_.push_back({meter, more, {}, meter == own_});
    return;
  }
  reach(links_[link], more,
        [&](const Level& level, std::size_t i, std::int64_t covered, std::int64_t beyond) {
          const MeterId which = level.order[i].meter;
          if (covered != 0 && level.running != Price{}) {
            changes_.push_back({which, 0, exact(level.running, {covered}), which == own_});
          }
          cover(which, link_after(covers_[which], level), beyond);
        });
}

void Now::change(MeterId meter, std::int64_t more) {
  undo_.clear(), changes_.clear(), idled_.clear();
  own_ = meter;
  bind(meter, binds_[meter].first, more);
  cover(meter, covers_[meter].first, more);
  for (const auto& [idle, idle_more] : idled_) {
    own_ = idle;
    cover(idle, covers_[idle].first, idle_more);
  }
}

void Now::undo() {
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) {
    Level& level = levels_[step->link.level];
    level.inflow[step->link.index] = step->inflow;
    level.edge = step->edge;
  }
}

void Now::add(MeterId meter, Quantity quantity) { change(meter, quantity.unit_micros); }

MarginalPrice Now::price(const PriceQuestion& question) {
  change(question.meter, question.quantity.unit_micros);
  MarginalPrice out{.egress = question.egress, .risk = question.risk};
  for (const Change& change : changes_) {
    const Exact cost = exact(meters_[change.meter].contracted, {change.uncovered}) + change.running;
    (change.own ? out.rate : out.displaced) += cost;
  }
  out.relief = relief(question.relief_ppb);
  undo();
  return out;
}

// A dollar more toward a minimum is worth μ of it (contracts.md: price × (1 − w·μ)).
Exact Now::relief(std::span<const std::int64_t> relief_ppb) const {
  if (relief_ppb.empty()) return {};
  constexpr std::int64_t ppm_ppb_whole = 1'000'000'000'000'000;
  Exact out;
  const auto toward = [&](TermId minimum, Exact cost, std::int64_t ppm) {
    if (minimum >= relief_ppb.size() || relief_ppb[minimum] == 0) return;
    out.value -= scaled(cost.value, ppm * relief_ppb[minimum], ppm_ppb_whole);
  };
  for (const Change& change : changes_) {
    const MeterTerms& terms = meters_[change.meter];
    const Exact billed = exact(terms.contracted, {change.uncovered});
    if (terms.prepaid != none_id) {
      toward(terms.prepaid, billed, ppm_whole);
    }
    for (const Counts& counts : terms.counts) {
      const Exact usage = counts.before_discount ? exact(terms.list, {change.uncovered}) : billed;
      toward(counts.minimum, terms.prepaid == none_id ? usage + change.running : change.running,
             counts.ppm);
    }
  }
  return out;
}

}  // namespace mohona
