// What one more hour of something costs now, given what has been promised and what runs.
//
//   Now now(book, hour);
//   now.add(meter, unit_hour);                        // what runs already
//   MarginalPrice price = now.price({.meter = meter});
//
// The price is exactly the difference of two settlements, with and without that hour, found by
// looking only at what changes: an idle reserved slot costs what running it costs; a saturated plan
// displaces its least-saving usage, so it is neither free nor at list price (contracts.md section
// 2).
#pragma once

#include <span>
#include <vector>

#include "money/book.h"

namespace mohona {

// A price as a sum that can be printed. Each part is exact; `relief` is 0 or less.
struct MarginalPrice {
  Exact rate;       // what the hour itself is charged
  Exact displaced;  // what usage costs that it pushes out of commitments
  Exact relief;     // what spending toward minimums that would be missed is worth
  Exact egress;     // as asked
  Exact risk;       // as asked: the loss to expect of a machine that can be taken away
  constexpr Exact total() const { return rate + displaced + relief + egress + risk; }
};

struct PriceQuestion {
  MeterId meter = 0;
  Quantity quantity = unit_hour;
  // The worth of a dollar spent toward each minimum, in billionths (μ of contracts.md): by TermId;
  // what is missing counts as 0. For spending paid ahead: the chance that it will be left over.
  // Caps of weights are not looked at: where one is reached, μ is no longer what it was.
  std::span<const std::int64_t> relief_ppb = {};
  Exact egress;
  Exact risk;
};

// One hour as it stands: what runs in it, and which bucket covers what. Not for many threads.
class Now {
 public:
  Now(Book& book, Hour hour);

  // More of what runs, or less (a negative quantity), of a meter that the book knew when this was
  // made.
  void add(MeterId meter, Quantity quantity);

  // The price of `quantity` more of a meter with an offer at this hour. Nothing changes.
  MarginalPrice price(const PriceQuestion& question);

 private:
  // How far a bucket reaches: what the entries before `at` draw, all of them covered whole. The one
  // at it is covered in part.
  struct Edge {
    Wide filled = 0;
    std::size_t at = 0;
  };
  // A layer with what reaches it.
  struct Level {
    std::vector<Layer::Entry> order;
    std::vector<std::int64_t> inflow;  // unit × µs
    Wide amount = 0;
    Edge edge;
    Price running;
    MeterId idle = none_id;
    std::int64_t covered(std::size_t i, std::int64_t inflow_of_it, const Edge& edge_then) const;
    void find_edge();
  };
  struct Link {  // where a meter stands in a level
    std::uint32_t level = 0, index = 0;
  };
  struct Links {
    std::uint32_t first = 0, last = 0;  // in links_
  };
  struct Undo {
    Link link;
    std::int64_t inflow = 0;
    Edge edge;
  };
  struct Change {
    MeterId meter = 0;
    std::int64_t uncovered = 0;
    Exact running;
    bool own = false;  // of what was asked for, or of the idle capacity that it takes
  };

  void link_meters(std::size_t reservations);
  std::uint32_t link_after(const Links& links, const Level& level) const;  // that is one of them
  void change(MeterId meter, std::int64_t more);
  void bind(MeterId meter, std::uint32_t link, std::int64_t more);
  void cover(MeterId meter, std::uint32_t link, std::int64_t more);
  // Lets `more` reach the link's level. Calls moved(entry, Δcovered, Δflowing on).
  template <class Moved>
  void reach(Link link, std::int64_t more, Moved moved);
  void undo();
  Exact relief(std::span<const std::int64_t> relief_ppb) const;

  std::vector<MeterTerms> meters_;
  std::vector<Level> levels_;          // of reservations, then of commitments
  std::vector<Link> links_;            // by meter, in the order of the levels
  std::vector<Links> binds_, covers_;  // by meter
  // Of the change that is being made:
  std::vector<Undo> undo_;
  std::vector<Change> changes_;
  std::vector<std::pair<MeterId, std::int64_t>> idled_;  // more idle capacity, by meter
  MeterId own_ = none_id;
};

}  // namespace mohona
