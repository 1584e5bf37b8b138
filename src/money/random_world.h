// Random contracts and usage for tests: small enough for everything in it to meet.
#pragma once

#include "base/dice.h"
#include "model/contract.h"

namespace mohona {

constexpr int hours_of_a_case = 10;
inline const Hour begin = std::chrono::floor<std::chrono::hours>(
    Timestamp(std::chrono::sys_days(std::chrono::year(2028) / 2 / 29)));

class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : dice_(seed) {
    for (int i = 0; i < 5; ++i) contracts.offers.push_back(offer(i));
    contracts.contracts.push_back({.name = "one", .cloud = "c"});
    Contract& contract = contracts.contracts.back();
    for (std::int64_t i = 0, n = dice_.between(0, 4); i < n; ++i) {
      contract.commitments.push_back(commitment(i));
    }
    if (dice_.one_in(2)) {
      contract.discounts.push_back(
          {.scope = {.families = {"f0"}}, .off_ppm = dice_.between(0, 5) * 90'000});
    }
    for (std::int64_t i = 0, n = dice_.between(0, 25); i < n; ++i) usage.push_back(slice(i));
  }

  Contracts contracts;
  std::vector<UsageSlice> usage;

  // Reserved capacity, a minimum, and spending that is paid ahead.
  void add_other_terms() {
    Contract& contract = contracts.contracts.back();
    for (std::int64_t i = 0, n = dice_.between(0, 2); i < n; ++i) {
      Reservation one{.name = "o" + std::to_string(i), .account = one_of({"a", "b"})};
      one.holds = {
          "s" + std::to_string(dice_.below(5)), {"c", "r", one_of({"z0", "z1"})}, one.account, ""};
      one.window = {instant(0, 3), instant(5, 9)};
      one.steps = {{one.window.from, dice_.between(1, 5) * 1'000, {}}};
      one.named = dice_.one_in(3);
      contract.reservations.push_back(one);
    }
    if (dice_.one_in(2)) {
      Minimum one{.name = "m0", .window = {instant(0, 2), instant(6, 9)}};
      one.milestones = {{one.window.to, {1'000'000}}};
      one.before_discount = dice_.one_in(2);
      if (dice_.one_in(2))
        one.weights = {{.scope = {.families = {"f1"}}, .ppm = dice_.below(1'000'000)}};
      contract.minimums.push_back(one);
    }
    if (dice_.one_in(3)) {
      Minimum one{.name = "m1", .window = {instant(0, 2), instant(6, 9)}, .prepaid = true};
      if (dice_.one_in(2)) one.scope.families = {"f0"};
      one.milestones = {{instant(3, 5), {dice_.between(1, 90'000'000)}},
                        {one.window.to, {7'000'000}}};
      one.fees = {{one.window.from, {dice_.below(90'000'000)}, one.window}};
      one.missed.then = dice_.one_in(2) ? Missed::Then::forfeit : Missed::Then::carry;
      one.missed.ppm = dice_.between(0, 10) * 100'000;
      contract.minimums.push_back(one);
    }
  }
  Dice& dice() { return dice_; }

  template <class T>
  void shuffle(std::vector<T>& all) {
    for (std::size_t i = all.size(); i > 1; --i) {
      std::swap(all[i - 1], all[static_cast<std::size_t>(dice_.below(std::int64_t(i)))]);
    }
  }
  bool one_in(std::int64_t n) { return dice_.one_in(n); }

 private:
  std::string one_of(std::initializer_list<const char*> all) {
    return *(all.begin() + dice_.below(std::int64_t(all.size())));
  }

  Offer offer(int i) {
    Offer out;
    out.sku = "s" + std::to_string(i);
    out.place = {"c", "", ""};
    out.family = one_of({"f0", "f1"});
    out.size_milli = dice_.between(1, 16) * 250;
    out.tiers = {{0,
                  {dice_.one_in(2) ? dice_.between(1, 9) * 1'000'000'000
                                   : dice_.between(1, 60'000'000'000)}}};
    out.dynamic = dice_.one_in(8);
    return out;
  }

  Timestamp instant(int from, int to) {
    const auto minutes_ = dice_.one_in(3) ? dice_.between(0, 59) : 0;
    return begin + std::chrono::hours(dice_.between(from, to)) + std::chrono::minutes(minutes_);
  }

  Commitment commitment(std::int64_t i) {
    Commitment out;
    out.name = "k" + std::to_string(i);
    out.account = one_of({"a", "b"});
    out.shared = !dice_.one_in(4);
    if (dice_.one_in(2)) out.scope.families = {one_of({"f0", "f1"})};
    if (dice_.one_in(3)) out.scope.zones = {one_of({"z0", "z1"})};
    out.window = {instant(0, 3), instant(5, 8)};
    out.draw = static_cast<Draw>(dice_.below(4));
    const auto amount = [&] {
      if (dice_.one_in(8)) return std::int64_t{0};
      return draws_dollars(out.draw) ? dice_.between(1, 90'000'000'000) : dice_.between(1, 12'000);
    };
    out.steps = {{out.window.from, amount(), {dice_.below(20) * 333'333'333}}};
    if (dice_.one_in(3))
      out.steps.push_back({instant(4, 4), amount(), {dice_.below(1'000'000'000)}});
    if (out.draw == Draw::plan_rate && dice_.one_in(2)) {
      for (Step& step : out.steps) step.hourly = {step.amount};
    }
    if (dice_.one_in(2)) {
      out.fees.push_back({out.window.from, {dice_.below(9'999'999'999)}, out.window});
    }
    if (out.draw == Draw::plan_rate) {
      out.rates = {{.scope = {.skus = {"s0"}}, .off_ppm = dice_.between(0, 9) * 100'000},
                   {.off_ppm = dice_.between(0, 70) * 10'000}};
    }
    if (dice_.one_in(3)) out.running = {dice_.below(1'000'000'000)};
    out.named = dice_.one_in(6);
    out.rank = dice_.below(3);
    return out;
  }

  UsageSlice slice(std::int64_t i) {
    UsageSlice out;
    out.resource = "r" + std::to_string((i * 7) % 25);
    out.meter = {"s" + std::to_string(dice_.below(5)),
                 {"c", "r", one_of({"z0", "z1"})},
                 one_of({"a", "b", "x"}),
                 one_of({"", "", "k0", "k1"})};
    out.hour = begin + std::chrono::hours(dice_.below(hours_of_a_case));
    out.unit_seconds = dice_.one_in(2) ? 3'600 : dice_.between(1, 20'000);
    return out;
  }

  Dice dice_;
};

}  // namespace mohona
