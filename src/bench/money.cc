#include "bench/money.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/dice.h"
#include "money/ledger.h"
#include "money/price.h"
#include "money/settle.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr int families = 8, sizes = 4, regions = 2, accounts = 3;
const Hour begin = floor<hours>(Timestamp(sys_days(year(2026) / 1 / 1)));

// Reserved units for each second family, a narrow plan for each family and a broad plan for all of
// them. `fill_pct`: how much of the use of `machines` they are made for.
Contracts three_layers(std::int64_t machines, std::int64_t fill_pct, Dice& dice) {
  Contracts out;
  Contract& contract = out.contracts.emplace_back();
  contract.name = contract.cloud = "c";
  contract.account = "a0";
  const Window window{begin, begin + days(365)};
  std::int64_t plan_nanos = 0;
  for (int f = 0; f < families; ++f) {
    const std::string family = fmt::format("f{}", f);
    for (int s = 0; s < sizes; ++s) {
      const std::int64_t size = std::int64_t{4'000} << s;
      for (int r = 0; r < regions; ++r) {
        out.offers.push_back({.sku = fmt::format("{}.{}", family, s),
                              .place = {"c", fmt::format("r{}", r), ""},
                              .family = family,
                              .size_milli = size,
                              .tiers = {{0, {size * 25'000 + dice.below(50'000'000)}}}});
      }
    }
    const std::int64_t use = machines * fill_pct / 100 / families;
    const std::int64_t nanos = use * 300'000'000 / 3;
    plan_nanos += nanos;
    if (f % 2 == 0) {
      contract.commitments.push_back({.name = "units-" + family,
                                      .account = "a0",
                                      .scope = {.families = {family}},
                                      .window = window,
                                      .draw = Draw::size,
                                      .steps = {{begin, use * 10'000 / 3, {nanos / 2}}},
                                      .rank = 1});
    }
    contract.commitments.push_back({.name = "narrow-" + family,
                                    .account = "a0",
                                    .scope = {.families = {family}},
                                    .window = window,
                                    .draw = Draw::plan_rate,
                                    .steps = {{begin, nanos, {nanos}}},
                                    .rates = {{.off_ppm = 400'000 + 10'000 * f}},
                                    .rank = 2});
  }
  contract.commitments.push_back(
      {.name = "broad",
       .account = "a0",
       .window = window,
       .draw = Draw::plan_rate,
       .steps = {{begin, plan_nanos / 2, {plan_nanos / 2}}},
       .fees = {{begin, {1'000'000'000'000}, window}},
       .rates = {{.scope = {.families = {"f1", "f3"}}, .off_ppm = 300'000}, {.off_ppm = 200'000}},
       .rank = 3});
  contract.minimums.push_back(
      {.name = "year", .window = window, .milestones = {{window.to, {5'000'000'000'000}}}});
  return out;
}

Slice any_slice(Book& book, Dice& dice, std::int64_t resource) {
  const Meter meter{fmt::format("f{}.{}", dice.below(families), dice.below(sizes)),
                    {"c", fmt::format("r{}", dice.below(regions)), "z"},
                    fmt::format("a{}", dice.below(accounts)),
                    ""};
  return {book.meter(meter).value(), book.resource(fmt::format("i-{:08}", resource)),
          dice.one_in(4) ? dice.between(1, 3'600) : 3'600};
}

std::vector<Slice> any_hour(Book& book, Dice& dice, std::int64_t resources) {
  std::vector<Slice> out;
  for (std::int64_t i = 0; i < resources; ++i) out.push_back(any_slice(book, dice, i));
  return out;
}

std::uint64_t digest_of(const std::vector<Charge>& rows, std::uint64_t so_far) {
  for (const Charge& row : rows) {
    const std::array<Wide, 4> sums = {row.billed.value, row.effective.value, row.drawn,
                                      row.quantity.unit_micros};
    so_far = XXH64(sums.data(), sizeof(sums), so_far);
  }
  return so_far;
}

// What an hour costs, and what was drawn from what was paid ahead (nothing is, here).
Exact cash_of(Book& book, const std::vector<Slice>& slices) {
  std::vector<Charge> rows;
  const auto settled = settle_hour(book, begin, slices, rows);
  Exact out;
  for (const Charge& row : rows) {
    if (settled && row.category == Category::usage) out += row.billed;
  }
  return out;
}

}  // namespace

Json bench_settle(const SettleOptions& options) {
  Dice dice(options.seed);
  Book book(three_layers(options.resources, 80, dice));
  // A day of different hours, again and again: usage repeats itself, and memory stays small.
  std::vector<std::vector<Slice>> day;
  for (int i = 0; i < 24; ++i) day.push_back(any_hour(book, dice, options.resources));
  for (auto& slices : day) {  // as a meter reports them: meter by meter
    std::sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
      return std::tie(a.meter, a.resource) < std::tie(b.meter, b.resource);
    });
  }

  std::vector<Charge> rows;
  std::uint64_t digest = 0;
  std::int64_t charges = 0;
  double settling = 0, posting = 0;
  Ledger ledger;
  for (std::int64_t i = 0; i < options.hours; ++i) {
    const auto& slices = day[static_cast<std::size_t>(i % 24)];
    rows.clear();
    const auto start = ticks();
    if (!settle_hour(book, begin + hours(i), slices, rows)) return {{"failed", true}};
    const auto settled = ticks();
    settling += micros_between(start, settled);
    if (i < 24) {  // memory: a day of entries says what posting takes
      if (!ledger.post(Ledger::Of::hour, begin + hours(i), 1, rows)) return {{"failed", true}};
      posting += micros_between(settled, ticks());
    }
    charges += std::ssize(rows);
    digest = digest_of(rows, digest);
  }
  const auto usage_hours = static_cast<double>(options.resources * options.hours);
  const double posted =
      static_cast<double>(options.resources * std::min<std::int64_t>(options.hours, 24));
  const double settling_of_posted = settling * posted / usage_hours;
  return {{"layers", 3},
          {"commitments", book.terms().size() - 1},
          {"meters", book.meters()},
          {"usage_hours", options.resources * options.hours},
          {"charges", charges},
          {"usage_hours_per_second", usage_hours / settling * 1e6},
          {"posted_per_second", posted / (posting + settling_of_posted) * 1e6},
          {"digest", fmt::format("{:016x}", digest)}};
}

Json bench_price(const PriceOptions& options) {
  Dice dice(options.seed);
  Series times;
  std::int64_t equal = 0, displaced = 0;
  // Each case its own contracts and usage: plans that are roomy, nearly full, and far too small.
  for (std::int64_t i = 0; i < options.cases; ++i) {
    Book book(three_layers(40, dice.between(5, 200), dice));
    std::vector<Slice> slices = any_hour(book, dice, dice.between(0, 60));
    Slice more = any_slice(book, dice, 1'000'000);
    more.unit_seconds = 3'600;
    Now now(book, begin);
    for (const Slice& slice : slices) now.add(slice.meter, unit_seconds(slice.unit_seconds));
    const MarginalPrice price = now.price({.meter = more.meter});
    const Exact before = cash_of(book, slices);
    slices.push_back(more);
    equal += price.rate + price.displaced == cash_of(book, slices) - before;
    displaced += price.displaced != Exact{};
  }

  Book book(three_layers(20'000, 60, dice));
  const std::vector<Slice> slices = any_hour(book, dice, 20'000);
  Now now(book, begin);
  for (const Slice& slice : slices) now.add(slice.meter, unit_seconds(slice.unit_seconds));
  const std::vector<std::int64_t> mu(book.terms().size(), 250'000'000);
  Exact sum;
  for (std::int64_t i = 0; i < options.asked; ++i) {
    const auto meter = static_cast<MeterId>(dice.below(std::int64_t(book.meters())));
    const auto start = ticks();
    const MarginalPrice price = now.price({.meter = meter, .relief_ppb = mu});
    times.push_back(static_cast<float>(micros_between(start, ticks())));
    sum += price.total();
    if (i % 16 == 0) now.add(meter, unit_hour);  // a job starts, another one ends
    if (i % 16 == 8) now.add(meter, {-unit_seconds(1).unit_micros});
  }
  return {{"layers", 3},
          {"commitments", book.terms().size() - 1},
          {"meters", book.meters()},
          {"cases", options.cases},
          {"equal_to_settlement", equal},
          {"cases_that_displace", displaced},
          {"asked", options.asked},
          {"p50_us", percentile(times, 0.50)},
          {"p99_us", percentile(times, 0.99)},
          {"mean_price", format_money_exact(rounded({sum.value / options.asked}))}};
}

}  // namespace mohona
