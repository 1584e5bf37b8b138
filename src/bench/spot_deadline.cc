#include "bench/spot_deadline.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "traces/table.h"

namespace mohona {
namespace {

using std::chrono::seconds;

constexpr Duration deadline_max = std::chrono::days(24);  // sums then stay within 64 bits

std::int64_t in_seconds(Duration d) { return std::chrono::duration_cast<seconds>(d).count(); }

// Spot while there is any, idle while that is safe, else on-demand to the end.
Machine greedy(const DeadlineView& v) {
  const Duration slack = v.time_left - v.work_left;
  const bool to_the_end =
      v.held == Machine::on_demand && slack - std::min(v.restart, v.tick) < 2 * v.restart;
  if (safe_on_spot(v) && !to_the_end) return Machine::spot;
  return safe_to_idle(v) && !to_the_end ? Machine::none : Machine::on_demand;
}

// Uniform Progress (Wu et al., "Can't Be Late", NSDI 2024): spot is taken when it is there and kept
// until it goes; without it, on-demand whenever less has been done than the elapsed part of the
// time, and then until that is made good two starts ahead.
Machine uniform_progress(const DeadlineView& v, const SpotDeadlineOptions& o) {
  const std::int64_t done = in_seconds(o.work - v.work_left);
  const auto behind = [&](Duration ahead) {
    const std::int64_t passed = in_seconds(o.deadline - v.time_left + ahead);
    return done * in_seconds(o.deadline) < in_seconds(o.work) * passed;
  };
  const bool on_demand = v.held == Machine::on_demand;
  if (on_demand && behind(2 * v.restart)) return Machine::on_demand;
  if (safe_on_spot(v)) return Machine::spot;
  if (!on_demand && behind(Duration{0})) return Machine::on_demand;
  return safe_to_idle(v) ? Machine::none : Machine::on_demand;
}

Json figures_of(const std::vector<SpotRun>& runs) {
  double on_demand = 0, spot = 0, cost = 0;
  std::int64_t missed = 0;
  for (const SpotRun& run : runs) {
    on_demand += static_cast<double>(run.on_demand);
    spot += static_cast<double>(run.spot);
    cost += static_cast<double>(run.cost) / static_cast<double>(whole_ppm);
    missed += run.missed;
  }
  const double hours = 3'600.0 * static_cast<double>(runs.size());
  const auto rounded = [](double x) { return std::round(x * 1e4) / 1e4; };
  return {{"on_demand_hours", rounded(on_demand / hours)},
          {"spot_hours", rounded(spot / hours)},
          {"cost", rounded(cost / hours)},
          {"missed", missed}};
}

Result<void> check(const SpotDeadlineOptions& o) {
  for (const auto& [name, value] : {std::pair{"--work", o.work},
                                    {"--deadline", o.deadline},
                                    {"--restart", o.restart},
                                    {"--tick", o.tick}}) {
    if (value % seconds(1) != Duration{0}) {
      return fail(Code::invalid, fmt::format("{}: expected whole seconds", name));
    }
  }
  if (o.work == Duration{0}) return fail(Code::invalid, "--work 0s: there is nothing to do");
  if (o.tick == Duration{0}) return fail(Code::invalid, "--tick 0s: time would stand still");
  if (o.deadline > deadline_max) {
    return fail(Code::invalid, "--deadline: at most 24d are looked at");
  }
  if (o.work + o.restart > o.deadline) {
    return fail(Code::invalid,
                fmt::format("--deadline {}: no policy can keep it, for {} of work and {} of a "
                            "start are longer",
                            format_duration(o.deadline), format_duration(o.work),
                            format_duration(o.restart)));
  }
  return {};
}

}  // namespace

SpotRun replay_spot(const Availability& available, Duration tick, const SpotDeadlineOptions& o,
                    const ChooseMachine& choose) {
  SpotRun out;
  DeadlineView v;
  v.restart = o.restart;
  v.spot_price_ppm = o.spot_price_ppm;
  v.saving = o.saving;
  v.tick = v.spot_stays = tick;
  v.work_left = o.work;
  Duration at{0};
  for (std::size_t i = 0; v.work_left > Duration{0} && at < o.deadline; ++i) {
    v.time_left = o.deadline - at;
    if (!available[i]) {
      v.spot_for.reset();
      if (v.held == Machine::spot) v.held = Machine::none, v.starting = Duration{0};
    } else {
      v.spot_for = v.spot_for ? *v.spot_for + tick : Duration{0};
    }
    const Machine next = choose(v);
    if (next != v.held) v.starting = next == Machine::none ? Duration{0} : o.restart;
    v.held = next;
    if (next != Machine::none) {
      const Duration used = std::min({tick, v.time_left, v.starting + v.work_left});
      const Duration starting = std::min(v.starting, used), done = used - starting;
      v.starting -= starting;
      v.work_left -= done;
      (next == Machine::spot ? out.spot : out.on_demand) += in_seconds(done);
      out.cost += in_seconds(used) * (next == Machine::spot ? o.spot_price_ppm : whole_ppm);
    }
    at += tick;
  }
  out.missed = v.work_left > Duration{0};
  return out;
}

namespace {

// From the last tick to the first: for each machine held, each rest of its start and all the time
// that may have been lost by then (idle or starting; more would miss the deadline), the least that
// is still to be paid. The other figure decides among equal ones. In units that divide everything.
class Hindsight {
 public:
  Hindsight(const Availability& available, Duration tick, const SpotDeadlineOptions& o)
      : available_(available), spot_price_(o.spot_price_ppm), saving_(o.saving) {
    const std::int64_t unit = std::gcd(std::gcd(in_seconds(tick), in_seconds(o.restart)),
                                       std::gcd(in_seconds(o.work), in_seconds(o.deadline)));
    unit_ = unit;
    tick_ = in_seconds(tick) / unit, restart_ = in_seconds(o.restart) / unit;
    work_ = in_seconds(o.work) / unit, deadline_ = in_seconds(o.deadline) / unit;
    for (std::int64_t rest = restart_; rest > 0; rest -= tick_) rests_.push_back(rest);
    rests_.push_back(0);
  }

  SpotRun solve() {
    const std::size_t states = 1 + 2 * rests_.size();
    const auto losses = static_cast<std::size_t>(deadline_ - work_) + 1;
    std::vector<Row> later(states, Row(losses, impossible)), now = later;
    for (std::int64_t t = (deadline_ - 1) / tick_; t >= 0; --t) {
      const bool spot = available_[static_cast<std::size_t>(t)] != 0;
      for (std::size_t s = 0; s < states; ++s) {
        std::fill(now[s].begin(), now[s].end(), impossible);
        const bool held_spot = s > 0 && s <= rests_.size(), held_demand = s > rests_.size();
        if (held_spot && !spot) {  // it is gone: as if nothing were held
          now[s] = now[0];
          continue;
        }
        idle(now[s], later[0], t);
        if (spot) run(now[s], later, t, Machine::spot, held_spot ? s - 1 : 0);
        run(now[s], later, t, Machine::on_demand, held_demand ? s - 1 - rests_.size() : 0);
      }
      std::swap(now, later);
    }
    return unpack(later[0][0]);
  }

 private:
  using Row = std::vector<std::int64_t>;
  static constexpr std::int64_t impossible = INT64_MAX / 2;
  static constexpr std::int64_t second = std::int64_t{1} << 21;

  std::int64_t pay(Machine m, std::int64_t used, std::int64_t done) const {
    const std::int64_t cost = used * (m == Machine::spot ? spot_price_ : whole_ppm);
    const std::int64_t hours = m == Machine::on_demand ? done : 0;
    if (saving_ == Saving::cost) return cost * second + hours;
    return (hours << 41) + cost;
  }

  std::int64_t left(std::int64_t t, std::int64_t loss) const { return work_ - t * tick_ + loss; }
  // Losses at which something is left to do in tick t; below them all is done and paid.
  std::int64_t first_loss(std::int64_t t) const {
    return std::max<std::int64_t>(0, t * tick_ - work_ + 1);
  }

  void idle(Row& now, const Row& later, std::int64_t t) const {
    const std::int64_t most = deadline_ - work_;
    for (std::int64_t loss = first_loss(t); loss + tick_ <= most; ++loss) {
      auto& best = now[static_cast<std::size_t>(loss)];
      best = std::min(best, later[static_cast<std::size_t>(loss + tick_)]);
    }
  }

  // One tick on a machine of whose start rests_[r] is left.
  void run(Row& now, const std::vector<Row>& later, std::int64_t t, Machine m,
           std::size_t r) const {
    const std::int64_t rest = rests_[r], most = deadline_ - work_;
    const std::int64_t length = std::min(tick_, deadline_ - t * tick_);
    const std::int64_t lost = std::min(rest, tick_);
    const std::size_t after = std::min(r + 1, rests_.size() - 1);
    const Row& next = later[1 + after + (m == Machine::on_demand ? rests_.size() : 0)];
    std::int64_t loss = first_loss(t);
    for (; loss <= most && rest + left(t, loss) <= length; ++loss) {  // it ends within the tick
      auto& best = now[static_cast<std::size_t>(loss)];
      best = std::min(best, pay(m, rest + left(t, loss), left(t, loss)));
    }
    const std::int64_t price = pay(m, tick_, tick_ - lost);
    std::int64_t* const best = now.data();
    const std::int64_t* const then = next.data() + lost;
    for (; loss + lost <= most; ++loss) best[loss] = std::min(best[loss], then[loss] + price);
  }

  SpotRun unpack(std::int64_t value) const {
    if (value >= impossible) return {0, 0, 0, true};
    const bool by_cost = saving_ == Saving::cost;
    const std::int64_t hours = by_cost ? value % second : value >> 41;
    const std::int64_t cost = by_cost ? value / second : value & ((std::int64_t{1} << 41) - 1);
    return {hours * unit_, (work_ - hours) * unit_, cost * unit_, false};
  }

  const Availability& available_;
  std::int64_t spot_price_, unit_ = 1, tick_ = 0, restart_ = 0, work_ = 0, deadline_ = 0;
  Saving saving_;
  std::vector<std::int64_t> rests_;  // of a start, tick after tick; the last is 0
};

}  // namespace

SpotRun omniscient_spot(const Availability& available, Duration tick,
                        const SpotDeadlineOptions& options) {
  return Hindsight(available, tick, options).solve();
}

std::optional<std::int64_t> parse_spot_price(std::string_view text) {
  const auto ppm = parse_millionths(text);
  return ppm && *ppm >= 0 && *ppm <= whole_ppm ? std::optional(*ppm) : std::nullopt;
}

Result<Json> bench_spot_deadline(const SpotDeadlineOptions& o) {
  if (auto ok = check(o); !ok) return fail(ok.error());
  const auto trace = read_spot(o.starts, {o.tick, o.deadline, o.drawn, o.seed});
  if (!trace) return fail(trace.error());
  const auto replay = [&](const ChooseMachine& choose) {
    std::vector<SpotRun> runs;
    for (const Availability& run : trace->runs) {
      runs.push_back(replay_spot(run, trace->tick, o, choose));
    }
    return figures_of(runs);
  };
  std::vector<SpotRun> best;
  for (const Availability& run : trace->runs) {
    best.push_back(omniscient_spot(run, trace->tick, o));
  }
  Json out = {{"starts", trace->runs.size()}};
  out.update(replay(choose_machine));
  for (const auto& [name, figures] :
       {std::pair<std::string, Json>{"uniform_progress_", replay([&](const DeadlineView& v) {
                                       return uniform_progress(v, o);
                                     })},
        {"greedy_", replay(greedy)},
        {"omniscient_", figures_of(best)}}) {
    for (const auto& [key, value] : figures.items()) out[name + key] = value;
  }
  return out;
}

}  // namespace mohona
