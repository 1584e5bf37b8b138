#include "app/forecast.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/complain.h"
#include "app/terminal.h"
#include "base/file.h"
#include "forecast/forecast.h"
#include "forecast/report.h"
#include "spec/assumptions_file.h"

namespace mohona {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* about =
    R"(A file of assumptions says what is signed, what will be wanted, when capacity will be delivered, and how sure that is.
Hundreds of paths of it are settled by the same rules as real usage (docs/money.md):

  P10, P50, P90   in one path of ten it is less than P10, in one of ten more than P90
  MISSED          in how many of the paths a minimum is not reached by its day
  SHORTFALL       what is missing then, on average over all paths
  ACT BY          the last day on which capacity that stands idle could still make up for it, in the
                  middle of the paths that miss
  what if         the bill less the bill without the change, path by path: the same luck in both
  what to buy     of each option so much that the demand costs least on average, if `buy` asks for it;
                  the bound is what hindsight would have cost

Examples:
  mohona forecast examples/openai-aws.yaml
  mohona forecast examples/openai-aws.yaml --report forecast.html
  mohona forecast examples/openai-aws.yaml --json | jq '.milestones[] | {contract, due, missed}'

A file:
  begin: 2026-01-01
  years: 3
  offers:    [{sku: p5.48xlarge, cloud: aws, price: 55.04}]
  contracts: [{name: aws, cloud: aws, minimums: [{name: commit, from: 2026-01-01,
               milestones: [{due: 2027-01-01, amount: 10000000}]}]}]
  demand:    [{name: training, sku: p5.48xlarge, cloud: aws, units: 20, growth: 30%, noise: 10%}]
  what_if:   [{name: prices fall, price: {clouds: aws, times: 0.8, from: 2027-01-01}}])";

Result<Assumptions> read_assumptions(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return fail(text.error());
  return parse_assumptions_file({path, *text, std::filesystem::absolute(path).parent_path()});
}

std::string day_of(Timestamp at) { return format_timestamp(at).substr(0, 10); }

// --- JSON ---------------------------------------------------------------------------------------

Json json_of(const MoneySpread& spread) {
  return {{"mean", format_money_exact(spread.mean)},
          {"p10", format_money_exact(spread.p10)},
          {"p50", format_money_exact(spread.p50)},
          {"p90", format_money_exact(spread.p90)}};
}

Json part_of_whole(std::int64_t ppm) {
  return ppm < 0 ? Json() : Json(static_cast<double>(ppm) / 1e6);
}

Json json_of(const MilestoneForecast& one) {
  return {{"contract", one.key.contract},
          {"minimum", one.key.minimum},
          {"due", format_timestamp(one.key.due)},
          {"needed", format_money_exact(one.needed)},
          {"drawn_today", format_money_exact(one.drawn_today)},
          {"drawn", json_of(one.drawn)},
          {"missed", part_of_whole(one.missed_ppm)},
          {"shortfall", format_money_exact(one.shortfall)},
          {"act_by", one.last_day ? Json(day_of(*one.last_day)) : Json()},
          {"idle_capacity_is_never_enough", one.helpless}};
}

Json json_of(const Assumptions& assumptions, const Forecast& forecast) {
  Json out = {{"name", assumptions.name},
              {"begin", day_of(assumptions.begin)},
              {"today", day_of(assumptions.today)},
              {"years", assumptions.years},
              {"paths", forecast.paths},
              {"seed", assumptions.seed}};
  out["bill"] = json_of(forecast.bill);
  out["unserved"] = json_of(forecast.unserved);
  Json& years = out["bills"] = Json::array();
  for (const YearForecast& year : forecast.years) {
    Json one = {{"from", day_of(year.from)}, {"to", day_of(year.to)}};
    one.update(json_of(year.bill));
    years.push_back(one);
  }
  Json& milestones = out["milestones"] = Json::array();
  for (const MilestoneForecast& one : forecast.milestones) milestones.push_back(json_of(one));
  Json& commitments = out["commitments"] = Json::array();
  for (const CommitmentForecast& one : forecast.commitments) {
    commitments.push_back({{"contract", one.key.contract},
                           {"name", one.key.commitment},
                           {"used_p10", part_of_whole(one.p10_ppm)},
                           {"used_p50", part_of_whole(one.p50_ppm)},
                           {"used_p90", part_of_whole(one.p90_ppm)}});
  }
  Json& what_if = out["what_if"] = Json::array();
  for (const Difference& one : forecast.what_if) {
    what_if.push_back({{"name", one.name},
                       {"bill", json_of(one.bill)},
                       {"unserved", json_of(one.unserved)},
                       {"shortfall", format_money_exact(one.shortfall)}});
  }
  Json& buy = out["buy"] = Json::array();
  for (const BuyAdvice& one : forecast.buy) {
    Json mix = Json::object();
    for (std::size_t i = 0; i < one.options.size(); ++i) {
      mix[one.options[i]] = static_cast<double>(one.units_milli[i]) / 1e3;
    }
    buy.push_back({{"demand", one.demand},
                   {"units", mix},
                   {"cost_without", format_money_exact(one.on_demand)},
                   {"cost", format_money_exact(one.advised)},
                   {"bound", format_money_exact(one.bound)}});
  }
  return out;
}

// --- tables -------------------------------------------------------------------------------------

std::string percent(std::int64_t ppm) {
  return ppm < 0 ? "-" : fmt::format("{:.1f} %", static_cast<double>(ppm) / 1e4);
}

void print_bills(const Forecast& forecast) {
  constexpr const char* row = "  {:<26} {:>12} {:>12} {:>12} {:>12}\n";
  fmt::print("\nBill, by year\n");
  fmt::print(row, "", "MEAN", "P10", "P50", "P90");
  const auto print = [&](const std::string& what, const MoneySpread& s) {
    fmt::print(row, what, in_round(s.mean), in_round(s.p10), in_round(s.p50), in_round(s.p90));
  };
  for (const YearForecast& year : forecast.years) {
    print(fmt::format("{} to {}", day_of(year.from), day_of(year.to)), year.bill);
  }
  print("all years", forecast.bill);
  print("wanted, no capacity", forecast.unserved);
}

void print_milestones(const Assumptions& assumptions, const Forecast& forecast) {
  if (forecast.milestones.empty()) return;
  constexpr const char* row = "  {:<24} {:<10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9}  {}\n";
  fmt::print("\nMinimums: drawn by {}, and by the day that it is due\n", day_of(assumptions.today));
  fmt::print(row, "", "DUE", "NEEDED", "TODAY", "P10", "P50", "P90", "MISSED", "SHORTFALL",
             "ACT BY");
  for (const MilestoneForecast& one : forecast.milestones) {
    fmt::print(row, one.key.contract + " " + one.key.minimum, day_of(one.key.due),
               in_round(one.needed), drawn_today(one, assumptions.today), in_round(one.drawn.p10),
               in_round(one.drawn.p50), in_round(one.drawn.p90), percent(one.missed_ppm),
               in_round(one.shortfall), act_by(one, assumptions.today));
  }
}

void print_commitments(const Forecast& forecast) {
  if (forecast.commitments.empty()) return;
  constexpr const char* row = "  {:<34} {:>9} {:>9} {:>9}\n";
  fmt::print("\nCommitments: used of what was promised\n");
  fmt::print(row, "", "P10", "P50", "P90");
  for (const CommitmentForecast& one : forecast.commitments) {
    fmt::print(row, one.key.contract + " " + one.key.commitment, percent(one.p10_ppm),
               percent(one.p50_ppm), percent(one.p90_ppm));
  }
}

void print_what_if(const Forecast& forecast) {
  if (forecast.what_if.empty()) return;
  constexpr const char* row = "  {:<44} {:>10} {:>10} {:>10} {:>12}\n";
  fmt::print("\nWhat if: how much more is billed, and is wanted without capacity\n");
  fmt::print(row, "", "MEAN", "P10", "P90", "NO CAPACITY");
  for (const Difference& one : forecast.what_if) {
    fmt::print(row, one.name, in_round(one.bill.mean), in_round(one.bill.p10),
               in_round(one.bill.p90), in_round(one.unserved.mean));
  }
}

void print_buy(const Forecast& forecast) {
  if (forecast.buy.empty()) return;
  fmt::print("\nWhat to buy\n");
  for (const BuyAdvice& one : forecast.buy) {
    fmt::print("  {}: {} on average instead of {}; no advice could be below {} ({})\n", one.demand,
               in_round(one.advised), in_round(one.on_demand), in_round(one.bound),
               gap_to_bound(one));
    for (std::size_t i = 0; i < one.options.size(); ++i) {
      fmt::print("    {:>10.10g} units  {}\n", static_cast<double>(one.units_milli[i]) / 1e3,
                 one.options[i]);
    }
  }
}

}  // namespace

bool are_assumptions_file(const std::string& path) {
  const auto text = read_file(path);
  return text && are_assumptions({path, *text, "/"});
}

int forecast_file(const std::string& path, const std::string& report, bool json) {
  const auto assumptions = read_assumptions(path);
  if (!assumptions) return complain(assumptions.error());
  const auto forecast = make_forecast(*assumptions);
  if (!forecast) return complain(forecast.error());
  if (!report.empty()) {
    const std::string page = forecast_page(*assumptions, *forecast);
    if (auto ok = write_file(report, page, false); !ok) return complain(ok.error());
  }
  if (json) {
    fmt::print("{}\n", json_line(json_of(*assumptions, *forecast)));
    return exit_ok;
  }
  fmt::print("{}: {} paths of {} years from {}\n",
             assumptions->name.empty() ? path : assumptions->name, forecast->paths,
             assumptions->years, day_of(assumptions->begin));
  print_bills(*forecast);
  print_milestones(*assumptions, *forecast);
  print_commitments(*forecast);
  print_what_if(*forecast);
  print_buy(*forecast);
  return exit_ok;
}

void add_forecast(CLI::App& app, int& status) {
  struct Asked {
    std::string file, report;
    bool json = false;
  };
  auto asked = std::make_shared<Asked>();
  CLI::App* sub = app.add_subcommand(
      "forecast", "Bills of years to come, minimums that would be missed, and what if");
  sub->footer(about);
  sub->add_option("FILE", asked->file, "Assumptions (YAML; docs/money.md)")->required();
  sub->add_option("--report", asked->report, "Write a page with pictures to this file");
  sub->add_flag("--json", asked->json, "Print JSON for scripts");
  sub->callback(
      [asked, &status] { status = forecast_file(asked->file, asked->report, asked->json); });
}

}  // namespace mohona
