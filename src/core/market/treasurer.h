// What a dollar spent toward each minimum is worth (μ of PriceQuestion), hour by hour.
//
// A minimum that would be missed makes spending toward it cheaper, but only until it would be met:
// so μ is found while work is placed. After every hour what was drawn in it is held against the
// pace at which the rest would be drawn just in time. Below that pace a dollar becomes worth a
// little more, above it a little less: the gradient of the dual (docs/money.md).
//
// It is derived: from contracts, pools and attempts. Opened again, it counts what is on record.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/input.h"
#include "money/draws.h"
#include "money/settle.h"

namespace mohona {

class State;

class Treasurer {
 public:
  // What became durable; where contracts or pools have changed, it opens again at the next look.
  void see(const Facts& facts);
  // The state is another one than that of the facts that were seen.
  void forget() { stale_ = true; }

  // The hours that have ended by now, settled; and the worths, where they have changed by enough.
  std::optional<PriceRelief> look(const State& state, Timestamp now);
  // How far the period of each minimum is that runs or comes next, by the hours that were settled.
  struct Standing {
    std::string contract, minimum;
    Window period;
    Exact needed, drawn;
    std::int64_t ppb = 0;
  };
  std::vector<Standing> standings() const;

  // When there is something to look at; none: there is no minimum.
  std::optional<Timestamp> due() const;

 private:
  // A period of a minimum, as far as it has got.
  struct Watched {
    TermId id = none_id;
    std::size_t period = 0;
    Exact carried, excess;  // what the period before left to be made up, or had beyond
    Draws draws;
    std::int64_t most_ppb = 0, ppb = 0;
    Window window;
    Exact needed;
    Exact drawn(const Book& book) const;
  };
  struct PoolUse {  // of a pool, in units × µs for an hour
    std::string pool;
    MeterId meter = none_id;
    std::int64_t rate = 0;
    Wide used = 0;  // rate × µs since the hour began
    Timestamp since;
  };
  using Units = std::map<MeterId, std::int64_t>;  // × seconds
  struct Held {
    std::size_t pool = 0;
    std::int64_t rate = 0;
  };

  void open(const State& state, Timestamp now);
  void watch(TermId id, const Reliefs& reliefs);
  void begin_period(Watched& one);
  void hold(std::size_t pool, std::int64_t more, Timestamp at);
  void end_hour(const Units& units, bool weighs);
  void weigh(Watched& one, Exact before, Timestamp end);
  void end_period(Watched& one);
  Reliefs reliefs() const;

  bool stale_ = true;
  std::optional<Book> book_;
  std::vector<Watched> watched_;
  std::vector<PoolUse> uses_;
  std::map<std::string, std::size_t> pools_;  // where each stands in uses_
  std::map<AttemptId, Held> live_;
  Hour hour_;  // that is being counted
};

}  // namespace mohona
