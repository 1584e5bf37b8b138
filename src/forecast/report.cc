#include "forecast/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "page/chart.h"
#include "page/style.h"

namespace mohona {
namespace {

constexpr double billion = 1e15, million = 1e12, thousand = 1e9;  // micro-dollars
constexpr double nothing = 5'000;                                 // half a cent
constexpr std::int64_t likely_ppm = 500'000, hardly_ppm = 50'000, ppm_all = 1'000'000;

std::string day_of(Timestamp at) { return format_timestamp(at).substr(0, 10); }

std::string percent(std::int64_t ppm) {
  return ppm < 0 ? "–" : fmt::format("{:.0f} %", static_cast<double>(ppm) / 1e4);
}

// What an axis counts in: "$ bn".
struct Unit {
  double micros;
  const char* name;
};
Unit unit_of(double most_micros) {
  if (most_micros >= billion) return {billion, "billion dollars"};
  if (most_micros >= million) return {million, "million dollars"};
  return {thousand, "thousand dollars"};
}

double dollars(Money money, const Unit& unit) {
  return static_cast<double>(money.micros) / unit.micros;
}

// Short, for a label: "2026", or "26/27" for a year that begins within one.
std::string year_name(const YearForecast& year) {
  using namespace std::chrono;
  const year_month_day from(floor<days>(year.from)), to(floor<days>(year.to - days(1)));
  if (from.year() == to.year()) return fmt::format("{}", int(from.year()));
  return fmt::format("{:02}/{:02}", int(from.year()) % 100, int(to.year()) % 100);
}

std::string month_name(Timestamp at) {
  using namespace std::chrono;
  constexpr std::array<const char*, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const year_month_day date(floor<days>(at));
  return fmt::format("{} {:02}", names[unsigned(date.month()) - 1], int(date.year()) % 100);
}

// As wide as the page.
std::string figure(const std::string& title, const std::string& says, const std::string& inside) {
  return fmt::format(
      "<figure class=\"whole\">\n<figcaption><h2>{}</h2><p>{}</p></figcaption>\n{}</figure>\n",
      escaped(title), says, inside);
}

// Beside each other where there is room.
std::string pair(const std::string& chart, const std::string& table) {
  return fmt::format("<div class=\"pair\"><div>{}</div>{}</div>\n", chart, table);
}

// --- tables -------------------------------------------------------------------------------------

struct Column {
  const char* name;
  bool words = false;  // set at the left
};

std::string table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<div class=\"wide\"><table>\n<thead><tr>";
  const auto style = [](const Column& column) { return column.words ? " class=\"words\"" : ""; };
  for (const Column& column : columns) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", style(column), escaped(column.name));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : rows) {
    out += fmt::format("<tr><th scope=\"row\">{}</th>", escaped(row.front()));
    for (std::size_t i = 1; i < row.size(); ++i) {
      out += fmt::format("<td{}>{}</td>", style(columns[i]), escaped(row[i]));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string folded(const std::string& summary, const std::string& inside) {
  return fmt::format("<details><summary>{}</summary>{}</details>\n", escaped(summary), inside);
}

// --- bills --------------------------------------------------------------------------------------

std::string bill_figure(const Forecast& forecast) {
  double most = 0;
  for (const YearForecast& year : forecast.years) {
    most = std::max(most, static_cast<double>(year.bill.p90.micros));
  }
  const Unit unit = unit_of(most);
  const std::vector<std::string> series = {"P10", "P50", "P90"};
  std::vector<BarGroup> groups;
  std::vector<std::vector<std::string>> words, rows;
  for (const YearForecast& year : forecast.years) {
    const MoneySpread& s = year.bill;
    groups.push_back(
        {year_name(year), {dollars(s.p10, unit), dollars(s.p50, unit), dollars(s.p90, unit)}});
    words.push_back({in_round(s.p10), in_round(s.p50), in_round(s.p90)});
    rows.push_back(
        {year_name(year), in_round(s.mean), in_round(s.p10), in_round(s.p50), in_round(s.p90)});
  }
  const MoneySpread& all = forecast.bill;
  rows.push_back(
      {"All years", in_round(all.mean), in_round(all.p10), in_round(all.p50), in_round(all.p90)});
  return figure("What will be billed",
                "Cash of each year (the first begins on " + day_of(forecast.years.front().from) +
                    "): usage, fees of commitments, and what is charged for missed minimums. In "
                    "one path of ten it is less than P10, in one of ten more than P90.",
                pair(legend(series, false) + bar_chart("Bill of each year", "Year",
                                                       count_axis(unit.name, most / unit.micros),
                                                       series, groups, words),
                     table({{""}, {"Mean"}, {"P10"}, {"P50"}, {"P90"}}, rows)));
}

// --- minimums -----------------------------------------------------------------------------------

std::string minimum_figure(const std::vector<MilestoneForecast>& milestones, Timestamp today) {
  double most = 0;
  for (const MilestoneForecast& one : milestones) {
    most = std::max(
        {most, static_cast<double>(one.needed.micros), static_cast<double>(one.drawn.p90.micros)});
  }
  const Unit unit = unit_of(most);
  const std::vector<std::string> series = {"Needed", "P10", "P50", "P90"};
  std::vector<BarGroup> groups;
  std::vector<std::vector<std::string>> words, risks, rows;
  for (const MilestoneForecast& one : milestones) {
    const MoneySpread& s = one.drawn;
    groups.push_back({month_name(one.key.due),
                      {dollars(one.needed, unit), dollars(s.p10, unit), dollars(s.p50, unit),
                       dollars(s.p90, unit)}});
    words.push_back({in_round(one.needed), in_round(s.p10), in_round(s.p50), in_round(s.p90)});
    risks.push_back({day_of(one.key.due), in_round(one.needed), drawn_today(one, today),
                     percent(one.missed_ppm), in_round(one.shortfall), act_by(one, today)});
    rows.push_back(
        {day_of(one.key.due), in_round(s.mean), in_round(s.p10), in_round(s.p50), in_round(s.p90)});
  }
  const MilestoneKey& key = milestones.front().key;
  return figure(
      fmt::format("{}: {}", key.contract, key.minimum),
      "What must be spent in each period, and what will have been by the day that it is due.",
      pair(legend(series, false) + bar_chart("Needed and drawn by each milestone", "Due",
                                             count_axis(unit.name, most / unit.micros), series,
                                             groups, words),
           table({{"Due"}, {"Needed"}, {"Today"}, {"Missed"}, {"Shortfall"}, {"Act by", true}},
                 risks)) +
          folded("What will have been spent by then, in figures",
                 table({{"By"}, {"Mean"}, {"P10"}, {"P50"}, {"P90"}}, rows)));
}

std::string minimum_figures(const Assumptions& assumptions, const Forecast& forecast) {
  std::string out;
  std::vector<MilestoneForecast> of_one;
  for (std::size_t i = 0; i < forecast.milestones.size(); ++i) {
    of_one.push_back(forecast.milestones[i]);
    const MilestoneKey& key = of_one.front().key;
    const bool last = i + 1 == forecast.milestones.size();
    if (!last && forecast.milestones[i + 1].key.contract == key.contract &&
        forecast.milestones[i + 1].key.minimum == key.minimum) {
      continue;
    }
    out += minimum_figure(of_one, assumptions.today);
    of_one.clear();
  }
  return out;
}

// --- what if ------------------------------------------------------------------------------------

std::string more(Money money) {
  const std::string text = in_round(money);
  return text[0] == '$' && text != "$0" ? "+" + text : text;
}

std::string what_if_figure(const Forecast& forecast) {
  if (forecast.what_if.empty()) return "";
  double most = 0;
  for (const Difference& one : forecast.what_if) {
    most = std::max({most, std::abs(static_cast<double>(one.bill.p10.micros)),
                     std::abs(static_cast<double>(one.bill.p90.micros))});
  }
  const Unit unit = unit_of(most);
  std::vector<RangeRow> ranges;
  std::vector<std::vector<std::string>> rows;
  for (const Difference& one : forecast.what_if) {
    const MoneySpread& s = one.bill;
    ranges.push_back({one.name, dollars(s.p10, unit), dollars(s.mean, unit), dollars(s.p90, unit),
                      fmt::format("{}, from {} to {}", more(s.mean), more(s.p10), more(s.p90))});
    rows.push_back({one.name, more(s.mean), more(s.p10), more(s.p90), more(one.unserved.mean),
                    more(one.shortfall)});
  }
  return figure(
      "What if",
      "How much more or less is billed in all years. The dot is the mean, the line goes from P10 "
      "to "
      "P90. Each path is compared with itself: same luck, one change. A smaller bill may mean that "
      "less work was done: see the column “No capacity”.",
      fmt::format("<div class=\"alone\">{}</div>{}",
                  range_chart("Difference of the bill", fmt::format("{} more", unit.name), ranges),
                  table({{""}, {"Mean"}, {"P10"}, {"P90"}, {"No capacity"}, {"Shortfall"}}, rows)));
}

// --- the rest -----------------------------------------------------------------------------------

std::string commitment_figure(const Forecast& forecast) {
  if (forecast.commitments.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const CommitmentForecast& one : forecast.commitments) {
    rows.push_back({one.key.contract + ": " + one.key.commitment, percent(one.p10_ppm),
                    percent(one.p50_ppm), percent(one.p90_ppm)});
  }
  return figure("How well commitments are used",
                "Of what is paid for every hour, so much is used. The rest is lost.",
                table({{""}, {"P10"}, {"P50"}, {"P90"}}, rows));
}

std::string buy_figure(const Forecast& forecast) {
  if (forecast.buy.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const BuyAdvice& one : forecast.buy) {
    std::vector<std::string> mix;
    for (std::size_t i = 0; i < one.options.size(); ++i) {
      if (one.units_milli[i] == 0) continue;
      mix.push_back(fmt::format("{:.10g} × {}", static_cast<double>(one.units_milli[i]) / 1e3,
                                one.options[i]));
    }
    rows.push_back({one.demand, mix.empty() ? "nothing" : join(mix, ", "), in_round(one.on_demand),
                    in_round(one.advised), in_round(one.bound), gap_to_bound(one)});
  }
  return figure(
      "What to buy",
      "Of each option so much that the demand costs least on average over the paths, as if "
      "no other commitment covered it. Hindsight: what would have been best on each path, "
      "had it been known; no advice can be below that.",
      table({{"Demand"}, {"Buy", true}, {"Without"}, {"With"}, {"Hindsight"}, {"Gap"}}, rows));
}

std::string signed_percent(std::int64_t ppm) {
  return ppm == 0 ? "" : fmt::format("{:+.4g} %", static_cast<double>(ppm) / 1e4);
}

std::string assumptions_figure(const Assumptions& assumptions) {
  std::vector<std::vector<std::string>> rows;
  for (const ExpectedDemand& one : assumptions.demand) {
    const auto units = [](std::int64_t milli) {
      return fmt::format("{:.10g}", static_cast<double>(milli) / 1e3);
    };
    rows.push_back({one.name, fmt::format("{} in {}", one.meter.sku, to_string(one.meter.place)),
                    units(one.units_milli), signed_percent(one.growth_ppm),
                    one.growth_spread_ppm == 0 ? "" : "± " + percent(one.growth_spread_ppm),
                    one.noise_ppm == 0 ? "" : "± " + percent(one.noise_ppm),
                    one.deliveries.empty() ? "no limit" : units(one.deliveries.back().units_milli),
                    one.slip.chance_ppm == 0
                        ? ""
                        : fmt::format("{}, up to {} months", percent(one.slip.chance_ppm),
                                      one.slip.months_max)});
  }
  return figure(
      "What this rests on",
      "What is wanted at the beginning, how it grows a year and how sure that is, how much "
      "it sways from week to week, the capacity that is to be delivered in the end, and the "
      "chance that a delivery is late.",
      table({{"Demand"},
             {"Of", true},
             {"Units"},
             {"Growth"},
             {"Unsure"},
             {"Week"},
             {"Capacity"},
             {"Late", true}},
            rows));
}

// What a reader should know first.
std::string verdict(const Assumptions& assumptions, const Forecast& forecast) {
  std::string out = fmt::format(
      "In {} {} <strong>{}</strong> will be billed, in the middle of {} paths; in eight of ten "
      "paths between {} and {}.",
      assumptions.years, assumptions.years == 1 ? "year" : "years", in_round(forecast.bill.p50),
      forecast.paths, in_round(forecast.bill.p10), in_round(forecast.bill.p90));
  const auto worst =
      std::max_element(forecast.milestones.begin(), forecast.milestones.end(),
                       [](const auto& a, const auto& b) { return a.shortfall < b.shortfall; });
  if (worst == forecast.milestones.end() || worst->missed_ppm == 0) {
    return out + (forecast.milestones.empty() ? "" : " No minimum is missed on any path.");
  }
  out += fmt::format(
      " Most is missing of <strong>{}</strong> ({}, due {}): missed in {} of the paths, {} on "
      "average.",
      escaped(worst->key.contract), escaped(worst->key.minimum), day_of(worst->key.due),
      percent(worst->missed_ppm), in_round(worst->shortfall));
  if (worst->last_day && *worst->last_day >= assumptions.today) {
    out += fmt::format(" Idle capacity helps if it is put to use by {}.", day_of(*worst->last_day));
  }
  return out;
}

// "aws: Nov 27 (49 %), Nov 28 (38 %); azure: …": those to come whose chance is within [from, to).
std::string missed_between(const Assumptions& assumptions, const Forecast& forecast,
                           std::int64_t from_ppm, std::int64_t to_ppm) {
  std::string out;
  const std::string* contract = nullptr;
  for (const MilestoneForecast& one : forecast.milestones) {
    if (one.key.due <= assumptions.today) continue;
    if (one.missed_ppm < from_ppm || one.missed_ppm >= to_ppm) continue;
    const bool same = contract && *contract == one.key.contract;
    if (!same) out += fmt::format("{}{}: ", contract ? "; " : "", escaped(one.key.contract));
    out += fmt::format("{}{} ({})", same ? ", " : "", month_name(one.key.due),
                       percent(one.missed_ppm));
    contract = &one.key.contract;
  }
  return out;
}

std::string risks(const Assumptions& assumptions, const Forecast& forecast) {
  std::string out;
  const auto add = [&](const char* what, std::int64_t from_ppm, std::int64_t to_ppm) {
    const std::string which = missed_between(assumptions, forecast, from_ppm, to_ppm);
    if (!which.empty()) out += fmt::format("<p class=\"warning\">{}: {}.</p>\n", what, which);
  };
  add("Probably missed", likely_ppm, ppm_all + 1);
  add("At risk", hardly_ppm, likely_ppm);
  return out;
}

}  // namespace

std::string in_round(Money amount) {
  const double micros = std::abs(static_cast<double>(amount.micros));
  const auto [scale, name] = micros >= 0.9995 * billion    ? std::pair{billion, " bn"}
                             : micros >= 0.9995 * million  ? std::pair{million, " m"}
                             : micros >= 0.9995 * thousand ? std::pair{thousand, " k"}
                                                           : std::pair{1e6, ""};
  const double value = micros / scale;
  const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  if (micros < nothing) return "$0";
  return fmt::format("{}${:.{}f}{}", amount < Money{} ? "-" : "", value, digits, name);
}

std::string drawn_today(const MilestoneForecast& one, Timestamp today) {
  return one.key.from < today ? in_round(one.drawn_today) : "–";
}

std::string act_by(const MilestoneForecast& one, Timestamp today) {
  if (one.helpless) return "too little is idle";
  if (!one.last_day) return "";
  return day_of(*one.last_day) + (*one.last_day < today ? ", past" : "");
}

std::string gap_to_bound(const BuyAdvice& one) {
  if (one.bound == Money{}) return "at it";
  const auto gap = static_cast<double>((one.advised - one.bound).micros);
  return fmt::format("{:.1f} % above it", 100 * gap / static_cast<double>(one.bound.micros));
}

std::string forecast_page(const Assumptions& assumptions, const Forecast& forecast) {
  const std::string title = assumptions.name.empty() ? "Forecast" : assumptions.name;
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{}</h1>\n"
      "<p class=\"verdict\">{}</p>\n{}"
      "<dl><div><dt>From</dt><dd>{}</dd></div><div><dt>Years</dt><dd>{}</dd></div>"
      "<div><dt>Today</dt><dd>{}</dd></div><div><dt>Paths</dt><dd>{}</dd></div></dl>\n</header>\n",
      escaped(title), page_style, escaped(title), verdict(assumptions, forecast),
      risks(assumptions, forecast), day_of(assumptions.begin), assumptions.years,
      day_of(assumptions.today), forecast.paths);
  out += bill_figure(forecast) + minimum_figures(assumptions, forecast) + what_if_figure(forecast) +
         commitment_figure(forecast) + buy_figure(forecast) + assumptions_figure(assumptions);
  out += figure(
      "How to read this",
      fmt::format(
          "The years were gone through {} times, each time with other demand, growth and "
          "delays, and settled by the contracts’ own rules. <b>Needed</b>: the milestone, "
          "with what an earlier period left to make up. <b>Today</b>: drawn of the period by "
          "{}. <b>Missed</b>: in how many paths it is not reached. <b>Shortfall</b>: what is "
          "missing then, on average over all paths. <b>Act by</b>: the last day on which "
          "capacity that stands idle, put to use, could still make up for it, in the middle of "
          "the paths that miss. <b>No capacity</b>: work that was wanted and could not run, at "
          "its first list price.",
          forecast.paths, day_of(assumptions.today)),
      "");
  return out + "<footer>Made by mohona forecast.</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace mohona
