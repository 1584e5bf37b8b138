#include "forecast/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "forecast/blocks.h"
#include "forecast/what_if.h"
#include "money/exact.h"

namespace mohona {
namespace {

constexpr std::size_t threads_max = 64;

// By nearest rank: of ten values the first, the fifth and the ninth. `all` is sorted.
template <class T>
const T& quantile(const std::vector<T>& all, std::size_t percent) {
  return all[std::max<std::size_t>(1, (all.size() * percent + 99) / 100) - 1];
}

Money mean(const std::vector<Money>& all) {
  Wide sum = 0;
  for (const Money one : all) sum += one.micros;
  return {static_cast<std::int64_t>(divide_half_even(sum, std::ssize(all)))};
}

MoneySpread spread(std::vector<Money> all) {
  std::sort(all.begin(), all.end());
  return {mean(all), quantile(all, 10), quantile(all, 50), quantile(all, 90)};
}

Money median(std::vector<Money> all) {
  std::sort(all.begin(), all.end());
  return quantile(all, 50);
}

using Outcomes = std::vector<PathOutcome>;

template <class Value>
std::vector<Money> over_paths(const Outcomes& outcomes, Value value) {
  std::vector<Money> out;
  for (const PathOutcome& outcome : outcomes) out.push_back(value(outcome));
  return out;
}

Money total(const PathOutcome& outcome) {
  Money sum;
  for (const Money bill : outcome.bills) sum += bill;
  return sum;
}

Money missing(const PathOutcome& outcome) {
  Money sum;
  for (const MilestoneOutcome& milestone : outcome.milestones) sum += milestone.missing;
  return sum;
}

// Every path of every variant, each in its place, whichever thread settles it.
Result<std::vector<Outcomes>> settle_all(const std::vector<Assumptions>& variants,
                                         std::size_t threads) {
  const auto paths = static_cast<std::size_t>(variants.front().paths);
  std::vector<Outcomes> out(variants.size(), Outcomes(paths));
  std::vector<std::optional<Error>> errors(variants.size() * paths);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    for (std::size_t i = next++; i < errors.size() && !failed; i = next++) {
      auto outcome = settle_path(variants[i / paths], static_cast<std::int64_t>(i % paths));
      if (outcome) {
        out[i / paths][i % paths] = std::move(*outcome);
      } else {
        errors[i] = outcome.error(), failed = true;
      }
    }
  };
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(threads, threads_max); ++i) others.emplace_back(work);
    work();
  }
  for (const auto& error : errors) {
    if (error) return fail(*error);
  }
  return out;
}

MilestoneForecast milestone_forecast(const MilestoneKey& key, const Outcomes& outcomes,
                                     std::size_t i) {
  const auto values = [&](Money MilestoneOutcome::*field) {
    return over_paths(outcomes, [&](const PathOutcome& o) { return o.milestones[i].*field; });
  };
  MilestoneForecast out{.key = key};
  out.needed = median(values(&MilestoneOutcome::needed));
  out.drawn_today = median(values(&MilestoneOutcome::drawn_today));
  out.drawn = spread(values(&MilestoneOutcome::drawn));
  out.shortfall = mean(values(&MilestoneOutcome::missing));
  std::vector<Timestamp> days;
  for (const PathOutcome& outcome : outcomes) {
    const MilestoneOutcome& one = outcome.milestones[i];
    if (one.missing > Money{}) days.push_back(one.last ? Timestamp(*one.last) : Timestamp::min());
  }
  out.missed_ppm = ppm_whole * std::ssize(days) / std::ssize(outcomes);
  if (days.empty()) return out;
  std::sort(days.begin(), days.end());
  const Timestamp day = quantile(days, 50);
  out.helpless = day == Timestamp::min();
  if (!out.helpless) out.last_day = std::chrono::floor<std::chrono::days>(day);
  return out;
}

CommitmentForecast commitment_forecast(const CommitmentKey& key, const Outcomes& outcomes,
                                       std::size_t i) {
  std::vector<std::int64_t> used;
  for (const PathOutcome& outcome : outcomes) used.push_back(outcome.used_ppm[i]);
  std::sort(used.begin(), used.end());
  return {key, quantile(used, 10), quantile(used, 50), quantile(used, 90)};
}

// The same path has the same luck in both: what differs is the change.
Difference difference(const std::string& name, const Outcomes& base, const Outcomes& then) {
  std::vector<Money> bills, unserved;
  Wide shortfall = 0;
  for (std::size_t i = 0; i < base.size(); ++i) {
    bills.push_back(total(then[i]) - total(base[i]));
    unserved.push_back(then[i].unserved - base[i].unserved);
    shortfall += (missing(then[i]) - missing(base[i])).micros;
  }
  const Wide mean = divide_half_even(shortfall, std::ssize(base));
  return {name, spread(bills), spread(unserved), {static_cast<std::int64_t>(mean)}};
}

}  // namespace

Result<Forecast> make_forecast(const Assumptions& assumptions, std::size_t threads) {
  std::vector<Assumptions> variants = {assumptions};
  variants[0].what_if.clear();
  for (const WhatIf& what_if : assumptions.what_if) {
    variants.push_back(changed(variants[0], what_if));
  }
  const auto settled = settle_all(variants, threads);
  if (!settled) return fail(settled.error());
  const Outcomes& base = settled->front();

  Forecast out{.paths = assumptions.paths};
  for (std::int64_t year = 0; year < assumptions.years; ++year) {
    const auto bill = [&](const PathOutcome& o) { return o.bills[static_cast<std::size_t>(year)]; };
    out.years.push_back({add_months(assumptions.begin, 12 * year),
                         add_months(assumptions.begin, 12 * (year + 1)),
                         spread(over_paths(base, bill))});
  }
  out.bill = spread(over_paths(base, total));
  out.unserved = spread(over_paths(base, [](const PathOutcome& o) { return o.unserved; }));
  const auto milestones = milestones_of(assumptions);
  for (std::size_t i = 0; i < milestones.size(); ++i) {
    out.milestones.push_back(milestone_forecast(milestones[i], base, i));
  }
  const auto commitments = commitments_of(assumptions);
  for (std::size_t i = 0; i < commitments.size(); ++i) {
    out.commitments.push_back(commitment_forecast(commitments[i], base, i));
  }
  for (std::size_t i = 0; i < assumptions.what_if.size(); ++i) {
    out.what_if.push_back(difference(assumptions.what_if[i].name, base, (*settled)[i + 1]));
  }
  auto advice = advise(assumptions);
  if (!advice) return fail(advice.error());
  out.buy = std::move(*advice);
  return out;
}

}  // namespace mohona
