#include "core/schedule/prospects.h"

#include <algorithm>
#include <bit>

#include "base/wide.h"
#include "core/schedule/octaves.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr Duration first_cell = seconds(30);

// Chances are counted in 2^20ths, weights in 1024ths.
constexpr std::int64_t one = std::int64_t{1} << 20;
// 1024 × e^(-distance/3): what a neighbour says counts less the further off it was submitted.
constexpr std::array<std::int64_t, 15> weight_at = {734, 526, 377, 270, 193, 139, 99, 71,
                                                    51,  37,  26,  19,  13,  10,  7};
// What all work of the queue and size tells stands beside the neighbours as a tenth of one, and the
// same of all queues beside that as one job; before anything has ended, three in ten end in each
// cell.
constexpr std::int64_t prior_weight = 102, first_hazard = one * 3 / 10;
// Work that is known to last, and is stopped for other work, costs a start: so what runs looks so
// much cheaper than it is. Of a guess less is lost by going on.
constexpr std::int64_t runs_sure_num = 100, runs_sure_den = 102, runs_guess_den = 4;
// Below so many jobs every key is made anew at every look; above, when what it rests on has
// changed.
constexpr std::size_t always_max = 128;
constexpr std::int64_t stale_part = 16;  // or when it has run this part longer

const std::array<Duration, prospect_cells + 1>& edges() {
  static const auto all = [] {
    std::array<Duration, prospect_cells + 1> out{};
    Duration edge = first_cell;
    for (std::size_t i = 1; i < out.size(); ++i, edge = edge * 3 / 2) out[i] = edge;
    return out;
  }();
  return all;
}

// 1000 × (size ÷ 1000)^0.9, by tenths of an octave: the larger a job, the more of others it holds
// up, but also the harder it is to find room for it again.
std::int64_t to_the_nine_tenths(std::int64_t milli) {
  const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(milli, 1)) * 1'024;
  const auto octave = static_cast<std::size_t>(std::bit_width(size) - 1);
  std::size_t tenth = 0;
  while (tenth < 9 && (octave_tenths[tenth + 1] << octave) <= size * 1'024) {
    ++tenth;
  }
  const std::size_t nine = (octave * 10 + tenth) * 9;  // hundredths of an octave
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(
             (static_cast<Wide>(octave_tenths[nine / 10 % 10]) << (nine / 100)) / 256 / 1'024));
}

std::int64_t saturate(Wide value) {
  constexpr Wide most = std::int64_t{1} << 62;
  return static_cast<std::int64_t>(std::min(value, most));
}

}  // namespace

std::int64_t cost_of(Duration time, std::int64_t size_milli) {
  return saturate(static_cast<Wide>(time.count()) * size_milli);
}

std::size_t cell_of(Duration ran) {
  const auto& all = edges();
  const auto at = std::upper_bound(all.begin(), all.end(), ran) - all.begin() - 1;
  return std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(at, 0)), prospect_cells - 1);
}

Duration cell_begin(std::size_t cell) { return edges()[cell]; }

Prospects::One* Prospects::alive(JobId job) const {
  if (job.value < by_number_.size()) return by_number_[job.value];
  const auto found = alive_.find(job);
  return found == alive_.end() ? nullptr : const_cast<One*>(&found->second);
}

void Prospects::add(JobId job, Known known) {
  Line& line = lines_[{known.queue, known.size_milli}];
  One& one_job = alive_[job];
  if (job.value < 2 * (by_number_.size() + 512)) {
    const JobId first{std::min<std::uint64_t>(by_number_.size(), job.value)};
    if (by_number_.size() <= job.value) by_number_.resize(job.value + 1);
    for (auto it = alive_.lower_bound(first); it != alive_.end() && it->first <= job; ++it) {
      by_number_[it->first.value] = &it->second;
    }
  }
  one_job.line = &line;
  one_job.place = line.members.size();
  line.members.push_back({job, &one_job});
  if (known.since) running_.insert(job);
  one_job.known = std::move(known);
}

void Prospects::change(JobId job, Known known) {
  One& one_job = *alive(job);
  if (known.since) {
    running_.insert(job);
  } else {
    running_.erase(job);
  }
  one_job.known = std::move(known);
  one_job.stale = true;
}

const Known* Prospects::find(JobId job) const {
  const One* found = alive(job);
  return found ? &found->known : nullptr;
}

void Prospects::uncount(One& one_job) {
  if (!one_job.counted) return;
  for (std::size_t i = 0; i < one_job.cell; ++i) --one_job.line->reached[i], --reached_[i];
  one_job.counted = false;
}

// It has got through all cells before this one.
void Prospects::count(One& one_job, std::size_t cell) {
  if (one_job.counted && one_job.cell == cell) return;
  uncount(one_job);
  for (std::size_t i = 0; i < cell; ++i) ++one_job.line->reached[i], ++reached_[i];
  one_job.cell = cell;
  one_job.counted = true;
}

// Its neighbours look at things anew.
void Prospects::stir(const One& one_job) {
  const auto& members = one_job.line->members;
  const std::size_t from = one_job.place - std::min(one_job.place, weight_at.size());
  const std::size_t to = std::min(members.size(), one_job.place + weight_at.size() + 1);
  for (std::size_t i = from; i < to; ++i) {
    if (!members[i].alive) continue;
    alive(members[i].job)->stale = true;
    stirred_.insert(members[i].job);
  }
}

void Prospects::end(JobId job, Duration ran, bool teaches) {
  One* found = alive(job);
  if (!found) return;
  One& one_job = *found;
  uncount(one_job);
  stirred_.erase(job);
  const std::size_t cell = cell_of(ran);
  one_job.line->members[one_job.place] = {job, nullptr, cell, teaches};
  if (teaches) {
    for (std::size_t i = 0; i <= cell; ++i) ++one_job.line->reached[i], ++reached_[i];
    ++one_job.line->ended[cell], ++ended_[cell];
  }
  stir(one_job);
  running_.erase(job);
  if (job.value < by_number_.size()) by_number_[job.value] = nullptr;
  alive_.erase(job);
}

void Prospects::learn_speed(const std::string& name, std::int64_t size, Duration took,
                            std::int64_t steps) {
  if (steps <= 0 || took <= Duration{0}) return;
  // The longest stretch tells it best, and is the same in whichever order they are heard of.
  Speed& known = speeds_[{name, size}];
  known = std::max(known, Speed{steps, took.count()});
}

// Of this name and size; else the mean of the name's; else of all.
std::optional<Duration> Prospects::step_time(const std::string& name, std::int64_t size) const {
  if (const auto found = speeds_.find({name, size}); found != speeds_.end()) {
    return Duration(std::max<std::int64_t>(1, found->second.micros / found->second.steps));
  }
  const auto mean = [](auto from, auto to) -> std::optional<Duration> {
    std::int64_t sum = 0, n = 0;
    for (; from != to; ++from, ++n) sum += from->second.micros / from->second.steps;
    if (n == 0) return std::nullopt;
    return Duration(std::max<std::int64_t>(1, sum / n));
  };
  const auto own =
      mean(speeds_.lower_bound({name, INT64_MIN}), speeds_.upper_bound({name, INT64_MAX}));
  return own ? own : mean(speeds_.begin(), speeds_.end());
}

Duration Prospects::ran(const Known& known, Timestamp now) const {
  return known.ran + (known.since ? std::max(Duration{0}, now - *known.since) : Duration{0});
}

std::optional<Duration> Prospects::remaining(const One& one_job, Timestamp now) const {
  const Known& known = one_job.known;
  if (known.steps > 0) {
    const auto found = speeds_.find({known.name, known.size_milli});
    const auto step =
        found != speeds_.end() ? std::nullopt : step_time(known.name, known.size_milli);
    if (found == speeds_.end() && !step) return std::nullopt;
    const std::int64_t micros = step ? step->count() : found->second.micros;
    const std::int64_t steps = step ? 1 : found->second.steps;
    const auto left = static_cast<Wide>(std::max<std::int64_t>(0, known.steps - known.done));
    Duration rest(saturate(left * micros / steps));
    if (known.since && known.done_at)
      rest -= std::min(rest, std::max(Duration{0}, now - *known.done_at));
    return std::max(rest, Duration{1});
  }
  if (known.estimate) {
    const Duration so_far = ran(known, now);
    // Past its estimate it is taken to need a quarter of what it has had, again and again.
    return std::max({Duration{1}, *known.estimate - so_far,
                     so_far > *known.estimate ? so_far / 4 : Duration{0}});
  }
  return std::nullopt;
}

// Of those of the line that get through the cells before this one, how many end in it.
std::int64_t Prospects::hazard(const Line& line, std::size_t cell) const {
  const std::int64_t all = (std::int64_t{ended_[cell]} * one + first_hazard) / (reached_[cell] + 1);
  return (std::int64_t{line.ended[cell]} * one + all) / (line.reached[cell] + 1);
}

Duration Prospects::gittins(const One& one_job, Timestamp now) const {
  const Duration so_far = ran(one_job.known, now);
  const std::size_t first = cell_of(so_far);
  // What the neighbours have been through: ended there, and was there, in 1024ths.
  std::array<std::int64_t, prospect_cells + 1> ended{}, until{};
  const auto& members = one_job.line->members;
  std::int64_t through = 0;
  const auto look = [&](std::size_t place, std::int64_t weight) {
    const Member& member = members[place];
    if (member.alive) {
      until[cell_of(ran(member.alive->known, now))] += weight;
    } else {
      until[member.cell + 1] += weight;
      if (member.teaches) ended[member.cell] += weight;
    }
    through += weight;
  };
  for (std::size_t k = 0; k < weight_at.size(); ++k) {
    if (one_job.place > k) look(one_job.place - k - 1, weight_at[k]);
    if (one_job.place + k + 1 < members.size()) look(one_job.place + k + 1, weight_at[k]);
  }
  for (std::size_t i = 0; i <= first; ++i) through -= until[i];
  std::int64_t survives = one, dies = 0;
  Wide time = 0;  // µs × 2^20
  Duration best = Duration::max();
  for (std::size_t i = first; i + 1 < prospect_cells; ++i) {
    const Duration begin = i == first ? so_far : edges()[i];
    const Duration length = edges()[i + 1] - begin;
    std::int64_t h =
        (ended[i] * one + prior_weight * hazard(*one_job.line, i)) / (through + prior_weight);
    if (i == first) {
      h = static_cast<std::int64_t>(static_cast<Wide>(h) * length.count() /
                                    (edges()[i + 1] - edges()[i]).count());
    }
    time += static_cast<Wide>(survives) * length.count() / one * (one - h / 2);
    dies += static_cast<std::int64_t>(static_cast<Wide>(survives) * h / one);
    survives = one - dies;
    if (dies > 0) best = std::min(best, Duration(saturate(time / dies)));
    if (survives < one / 10'000) break;
    through -= until[i + 1];
  }
  return std::max(best, Duration{1});
}

void Prospects::begin(Timestamp now) {
  all_fresh_ = alive_.size() <= always_max;
  if (!all_fresh_) return;
  for (auto& [job, one_job] : alive_) count(one_job, cell_of(ran(one_job.known, now)));
}

Prospects::Key Prospects::key(JobId job, QueueOrder order, Timestamp now) {
  One& one_job = *alive(job);
  const Known& known = one_job.known;
  const Duration so_far = ran(known, now);
  if (!all_fresh_ && !one_job.stale && so_far - one_job.key_ran <= one_job.key_ran / stale_part) {
    return one_job.key;
  }
  count(one_job, cell_of(so_far));
  Key key;
  const auto rest = order == QueueOrder::las ? std::nullopt : remaining(one_job, now);
  const bool runs = known.since.has_value();
  if (order == QueueOrder::las) {
    // In levels of twice as much each, so that equals do not take turns all the time.
    const auto had = static_cast<std::uint64_t>(cost_of(so_far, known.size_milli) / 60'000'000'000);
    key.cost = std::bit_width(had);
  } else if (order == QueueOrder::srtf || order == QueueOrder::srsf) {
    const Duration left = rest ? *rest : gittins(one_job, now);
    key.cost = cost_of(left, order == QueueOrder::srtf ? 1'000 : known.size_milli);
    if (runs) key.cost = key.cost / runs_sure_den * runs_sure_num;
  } else if (rest) {
    key.cost = cost_of(*rest, to_the_nine_tenths(known.size_milli));
    if (runs) key.cost = key.cost / runs_sure_den * runs_sure_num;
  } else {
    key.cost = cost_of(gittins(one_job, now), known.size_milli);
    if (runs) key.cost /= runs_guess_den;
  }
  key.sure = rest.has_value();
  key.cost = std::max<std::int64_t>(key.cost, 1);
  one_job.key = key;
  one_job.key_ran = so_far;
  one_job.stale = false;
  return key;
}

}  // namespace mohona
