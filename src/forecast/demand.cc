#include "forecast/demand.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

#include "base/dice.h"

namespace mohona {
namespace {

constexpr double least_growth = -0.95;  // of a year: some of it is always left
constexpr std::int64_t months_a_year = 12;

double part(std::int64_t ppm) { return static_cast<double>(ppm) / 1e6; }

// The dice of one purpose (FNV-1a of its name).
Dice dice_of(const Assumptions& assumptions, std::int64_t path, const std::string& demand,
             std::string_view purpose) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::string_view text : {std::string_view(demand), purpose}) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash = (hash ^ 0xff) * 0x100000001b3ULL;
  }
  Dice mixed(hash ^ assumptions.seed);
  return Dice(mixed.next() + static_cast<std::uint64_t>(path));
}

// Box and Muller's; in (-9, 9).
double normal(Dice& dice) {
  constexpr double steps = 9007199254740992.0;  // 2^53
  const double u = (static_cast<double>(dice.next() >> 11) + 1) / steps;
  const double v = static_cast<double>(dice.next() >> 11) / steps;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

Commitment* find_commitment(Contracts& contracts, const ExpectedDemand& demand) {
  for (Contract& contract : contracts.contracts) {
    if (contract.name != demand.contract) continue;
    for (Commitment& commitment : contract.commitments) {
      if (commitment.name == demand.commitment) return &commitment;
    }
  }
  return nullptr;
}

// By month: so many times what was wanted at the beginning.
std::vector<double> levels(const Assumptions& assumptions, const ExpectedDemand& demand,
                           std::int64_t path) {
  Dice dice = dice_of(assumptions, path, demand.name, "growth");
  std::vector<double> out;
  double level = 1;
  for (std::int64_t year = 0; year <= assumptions.years; ++year) {
    double growth = part(demand.growth_ppm) + part(demand.growth_spread_ppm) * normal(dice);
    growth = std::max(growth, least_growth);
    for (std::int64_t month = 0; month < months_a_year; ++month) {
      out.push_back(level * std::pow(1 + growth, static_cast<double>(month) / months_a_year));
    }
    level *= 1 + growth;
  }
  return out;
}

// By week: around 1, never negative, with a mean of 1.
std::vector<double> noises(const Assumptions& assumptions, const ExpectedDemand& demand,
                           std::int64_t path) {
  Dice dice = dice_of(assumptions, path, demand.name, "noise");
  const double deviation = part(demand.noise_ppm);
  const double sigma = std::sqrt(std::log1p(deviation * deviation));
  std::vector<double> out;
  for (std::int64_t week = 0; week < 4 * (months_a_year * assumptions.years + 1); ++week) {
    out.push_back(std::exp(sigma * normal(dice) - sigma * sigma / 2));
  }
  return out;
}

double season(const ExpectedDemand& demand, const Block& block) {
  const double since = static_cast<double>(block.month_of_year) - double(demand.season_month);
  const double wave = std::cos(2 * std::numbers::pi * since / months_a_year);
  const double day = block.busy ? part(demand.day_swing_ppm) : -part(demand.day_swing_ppm);
  return (1 + part(demand.season_swing_ppm) * wave) * (1 + day);
}

bool is_hit(const OutageChange& outage, const Location& place, Hour hour) {
  const auto matches = [](const std::string& gone, const std::string& here) {
    return gone.empty() || gone == here;
  };
  return hour >= outage.window.from && hour < outage.window.to &&
         matches(outage.place.cloud, place.cloud) && matches(outage.place.region, place.region) &&
         matches(outage.place.zone, place.zone);
}

std::int64_t capacity_at(const Assumptions& assumptions, const ExpectedDemand& demand, Hour hour) {
  for (const OutageChange& outage : assumptions.outages) {
    if (is_hit(outage, demand.meter.place, hour)) return 0;
  }
  if (demand.deliveries.empty()) return unlimited;
  std::int64_t there = 0;
  for (const Delivery& delivery : demand.deliveries) {
    if (delivery.from <= hour) there = delivery.units_milli;
  }
  return there;
}

}  // namespace

Assumptions delivered(Assumptions assumptions, std::int64_t path) {
  for (ExpectedDemand& demand : assumptions.demand) {
    Commitment* paid = find_commitment(assumptions.contracts, demand);
    Dice dice = dice_of(assumptions, path, demand.name, "deliveries");
    Timestamp before = Timestamp::min();
    for (std::size_t i = 0; i < demand.deliveries.size(); ++i) {
      Timestamp& from = demand.deliveries[i].from;
      const bool late = dice.below(1'000'000) < demand.slip.chance_ppm;
      const std::int64_t months = dice.below(std::max<std::int64_t>(1, demand.slip.months_max)) + 1;
      if (late) from = add_months(from, months);
      from = before = std::max(from, before);  // what comes later is never there before
      if (!paid || i >= paid->steps.size()) continue;
      paid->steps[i].from = from;
      if (i == 0) paid->window.from = std::max(paid->window.from, from);
    }
  }
  return assumptions;
}

std::vector<Want> wants(const Assumptions& assumptions, const ExpectedDemand& demand,
                        const std::vector<Block>& blocks, std::int64_t path) {
  const std::vector<double> level = levels(assumptions, demand, path);
  const std::vector<double> noise = noises(assumptions, demand, path);
  std::vector<Want> out(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    out[i].capacity = capacity_at(assumptions, demand, block.hour);
    if (block.hour < demand.window.from || block.hour >= demand.window.to) continue;
    const double units = static_cast<double>(demand.units_milli) *
                         level[static_cast<std::size_t>(block.month)] *
                         noise[static_cast<std::size_t>(block.week)] * season(demand, block);
    out[i].wanted = std::llround(std::min(units, static_cast<double>(milli_units_max)));
  }
  return out;
}

}  // namespace mohona
