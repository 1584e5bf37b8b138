#include "sim/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/chart.h"
#include "page/style.h"

namespace mohona {
namespace {

constexpr std::size_t curve_points_max = 300;
constexpr double day = 86'400, hour = 3'600, minute = 60;

double seconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

// What stands beside each other has one unit, that of the largest.
std::string in_words(double s, double largest) {
  if (largest >= 2 * day) return fmt::format("{:.2f} days", s / day);
  if (largest >= hour) return fmt::format("{:.2f} h", s / hour);
  if (largest >= 2 * minute) return fmt::format("{:.1f} min", s / minute);
  return fmt::format("{:.1f} s", s);
}
std::string in_words(double s) { return in_words(s, s); }

struct Figure {
  const char* key;
  const char* words;
  bool is_time;
  bool less_is_better;
};
constexpr std::array<Figure, 9> figures = {{
    {"average_completion_seconds", "Completion time, average", true, true},
    {"p99_completion_seconds", "Completion time that 99 of 100 jobs keep", true, true},
    {"average_wait_seconds", "Wait, average", true, true},
    {"largest_tenth_wait_seconds", "Wait of the tenth of the jobs with most work, average", true,
     true},
    {"makespan_seconds", "From the first arrival to the last end", true, true},
    {"bound_completion_seconds", "No policy can bring the average completion time below", true,
     false},
    {"restarts", "Starts of a job after its first", false, false},
    {"ended", "Jobs that ended", false, false},
    {"jobs", "Jobs", false, false},
}};

double number(const SimulateResult& result, const char* key) {
  return result.figures.contains(key) ? result.figures[key].get<double>() : 0;
}

std::vector<std::string> names_of(const std::vector<SimulateResult>& results) {
  std::vector<std::string> names;
  for (const SimulateResult& result : results) names.push_back(result.policy);
  return names;
}

// --- tables

std::string summary_table(const std::vector<SimulateResult>& results) {
  std::string out = "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\"></th>";
  for (const SimulateResult& result : results) {
    out += fmt::format("<th scope=\"col\">{}</th>", escaped(result.policy));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const Figure& figure : figures) {
    double best = INFINITY, worst = 0;
    for (const SimulateResult& result : results) {
      best = std::min(best, number(result, figure.key));
      worst = std::max(worst, number(result, figure.key));
    }
    out += fmt::format("<tr><th scope=\"row\">{}</th>", figure.words);
    for (const SimulateResult& result : results) {
      const double value = number(result, figure.key);
      const bool marked = best < worst && figure.less_is_better && value <= best;
      out += fmt::format("<td{}{}>{}</td>", marked ? " class=\"best\"" : "",
                         figure.is_time ? fmt::format(" title=\"{:.2f} seconds\"", value) : "",
                         figure.is_time ? in_words(value, worst) : fmt::format("{:.0f}", value));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string exact_table(const std::vector<SimulateResult>& results) {
  std::string out =
      "<details><summary>The same as numbers for scripts, in seconds</summary>\n"
      "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\"></th>";
  for (const SimulateResult& result : results) {
    out += fmt::format("<th scope=\"col\">{}</th>", escaped(result.policy));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const Json& row : side_by_side(results)) {
    out += fmt::format("<tr><th scope=\"row\"><code>{}</code></th>",
                       escaped(row["figure"].get<std::string>()));
    for (const SimulateResult& result : results) {
      out += fmt::format("<td>{}</td>", escaped(row[result.policy].dump()));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div></details>\n";
}

// What a reader should know first.
std::string verdict(const std::vector<SimulateResult>& results) {
  const auto key = "average_completion_seconds";
  const auto by = [&](const SimulateResult& a, const SimulateResult& b) {
    return number(a, key) < number(b, key);
  };
  if (number(results.front(), "ended") == 0) {
    return "No job has ended: is there a node that fits them, and time enough?";
  }
  const SimulateResult& best = *std::min_element(results.begin(), results.end(), by);
  const SimulateResult& worst = *std::max_element(results.begin(), results.end(), by);
  if (results.size() == 1) {
    return fmt::format(
        "A job took <strong>{}</strong> on average from its arrival to its end, "
        "<strong>{}</strong> of that without working.",
        in_words(number(best, key)), in_words(number(best, "average_wait_seconds")));
  }
  if (number(best, key) == number(worst, key)) {
    return fmt::format(
        "Jobs took <strong>{}</strong> on average from arrival to end, whatever the "
        "policy.",
        in_words(number(best, key)));
  }
  const double times = number(worst, key) / std::max(1e-9, number(best, key));
  return fmt::format(
      "Jobs took least from arrival to end under <strong>{}</strong>, {} on average, and most "
      "under "
      "<strong>{}</strong>, {}: {:.1f} times as much.",
      escaped(best.policy), in_words(number(best, key), number(worst, key)), escaped(worst.policy),
      in_words(number(worst, key)), times);
}

// Times are of jobs that have ended, and only as good as those are many.
std::string unended(const std::vector<SimulateResult>& results) {
  std::string out;
  for (const SimulateResult& result : results) {
    const double left = number(result, "jobs") - number(result, "ended");
    if (left <= 0) continue;
    out += fmt::format(
        "<p class=\"warning\">Under {}, {:.0f} of {:.0f} jobs have not ended; all times "
        "are of those that have.</p>\n",
        escaped(result.policy), left, number(result, "jobs"));
  }
  return out;
}

std::string figure(const std::string& title, const std::string& says, const std::string& inside) {
  return fmt::format("<figure>\n<figcaption><h2>{}</h2><p>{}</p></figcaption>\n{}</figure>\n",
                     escaped(title), says, inside);
}

// --- completion times

std::string completion_figure(const std::vector<SimulateResult>& results) {
  std::vector<ChartSeries> lines;
  double least = INFINITY, most = 1;
  for (const SimulateResult& result : results) {
    std::vector<double> times;
    for (const JobOutcome& job : result.jobs) {
      if (job.ended) times.push_back(std::max(1.0, seconds(job.completion())));
    }
    std::sort(times.begin(), times.end());
    ChartSeries line{result.policy, {}};
    const std::size_t points = std::min(times.size(), curve_points_max);
    for (std::size_t i = 1; i <= points; ++i) {
      const std::size_t at = times.size() * i / points;
      line.points.emplace_back(
          times[at - 1], 100.0 * static_cast<double>(at) /
                             static_cast<double>(std::max<std::size_t>(1, result.jobs.size())));
    }
    if (!times.empty()) {
      line.points.insert(line.points.begin(), {times.front(), 0});
      least = std::min(least, times.front());
      most = std::max(most, times.back());
    }
    lines.push_back(std::move(line));
  }
  Axis y{"Jobs that were done within that time (%)", 0, 100, false, {}};
  for (const int at : {0, 25, 50, 75, 100}) y.ticks.emplace_back(at, fmt::format("{}", at));
  const Axis x = log_time_axis("Time from arrival to end", std::min(least, most), most);
  for (ChartSeries& line : lines) {
    if (!line.points.empty()) line.points.emplace_back(x.to, line.points.back().second);
  }
  return figure("How long jobs took",
                "From a job’s arrival to its end. The further left a line, the better; the scale "
                "grows by factors.",
                (results.size() > 1 ? legend(names_of(results), true) : "") +
                    line_chart("Share of jobs done within a time, by policy", x, y, lines));
}

// --- waits by size

struct Size {
  const char* name;
  double up_to;
};
constexpr std::array<Size, 7> by_gpus = {{{"under 1", 0.999},
                                          {"1", 1},
                                          {"2", 2},
                                          {"3–4", 4},
                                          {"5–8", 8},
                                          {"9–16", 16},
                                          {"over 16", 1e18}}};
constexpr std::array<Size, 6> by_run_time = {{{"to 1 min", minute},
                                              {"to 10 min", 10 * minute},
                                              {"to 1 h", hour},
                                              {"to 10 h", 10 * hour},
                                              {"to 1 day", day},
                                              {"longer", 1e18}}};

template <std::size_t n, class Measure>
std::string wait_figure(const std::vector<SimulateResult>& results, const std::string& title,
                        const std::string& says, const std::string& axis,
                        const std::array<Size, n>& sizes, Measure measure) {
  std::vector<BarGroup> groups;
  std::vector<std::vector<std::string>> words;
  std::vector<std::size_t> counts;
  double most = 1;
  for (std::size_t s = 0; s < n; ++s) {
    BarGroup group{sizes[s].name, {}};
    std::size_t jobs = 0;
    for (const SimulateResult& result : results) {
      double total = 0;
      jobs = 0;
      for (const JobOutcome& job : result.jobs) {
        const double size = measure(job);
        if (!job.ended || size > sizes[s].up_to || (s > 0 && size <= sizes[s - 1].up_to)) continue;
        total += seconds(job.waited());
        ++jobs;
      }
      group.values.push_back(jobs == 0 ? 0 : total / static_cast<double>(jobs));
      most = std::max(most, group.values.back());
    }
    if (jobs == 0) continue;
    words.emplace_back();
    const double largest = *std::max_element(group.values.begin(), group.values.end());
    for (const double value : group.values) words.back().push_back(in_words(value, largest));
    groups.push_back(std::move(group));
    counts.push_back(jobs);
  }
  std::string table =
      "<details><summary>As a table</summary><div class=\"wide\"><table>\n<thead><tr>"
      "<th scope=\"col\">" +
      escaped(axis) + "</th><th scope=\"col\">Jobs</th>";
  for (const SimulateResult& result : results) {
    table += fmt::format("<th scope=\"col\">{}</th>", escaped(result.policy));
  }
  table += "</tr></thead>\n<tbody>\n";
  for (std::size_t g = 0; g < groups.size(); ++g) {
    table +=
        fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", escaped(groups[g].name), counts[g]);
    for (const std::string& word : words[g]) table += fmt::format("<td>{}</td>", word);
    table += "</tr>\n";
  }
  table += "</tbody></table></div></details>\n";
  const std::vector<std::string> names = names_of(results);
  return figure(title, says,
                (results.size() > 1 ? legend(names, false) : "") +
                    bar_chart(title, axis, time_axis("Average wait", most), names, groups, words) +
                    table);
}

// --- over time

struct Shown {
  Timestamp from;
  double seconds_long = 1;
};

Shown window_of(const std::vector<SimulateResult>& results) {
  Shown window{Timestamp::max(), 1};
  Timestamp to = Timestamp::min();
  for (const SimulateResult& result : results) {
    for (const JobOutcome& job : result.jobs) {
      window.from = std::min(window.from, job.submitted);
      to = std::max(to, job.ended.value_or(job.submitted));
      if (!job.ended && result.timeline) {
        to = std::max(to, result.timeline->begin_of(result.timeline->spans()));
      }
    }
  }
  if (to > window.from) window.seconds_long = seconds(to - window.from);
  return window;
}

template <class Value>
ChartSeries over_time(const std::string& name, const Timeline& timeline, const Shown& window,
                      Value value) {
  ChartSeries line{name, {}};
  for (std::size_t i = 0; i < timeline.spans(); ++i) {
    const double from = seconds(timeline.begin_of(i) - window.from);
    const double to = seconds(timeline.begin_of(i + 1) - window.from);
    if (to <= 0 || from >= window.seconds_long) continue;
    line.points.emplace_back(std::max(0.0, from), value(i));
    line.points.emplace_back(std::min(window.seconds_long, to), value(i));
  }
  return line;
}

Axis arrival_axis(const Shown& window) {
  Axis axis = time_axis("Time since the first job arrived", window.seconds_long);
  axis.to = std::max(1.0, window.seconds_long);
  while (!axis.ticks.empty() && axis.ticks.back().first > axis.to) axis.ticks.pop_back();
  return axis;
}

std::string queue_figure(const std::vector<SimulateResult>& results, const Shown& window) {
  std::vector<ChartSeries> lines;
  double most = 1;
  for (const SimulateResult& result : results) {
    lines.push_back({result.policy, {}});
    if (!result.timeline) continue;
    lines.back() = over_time(result.policy, *result.timeline, window,
                             [&](std::size_t i) { return result.timeline->waiting(i); });
    for (const auto& [at, value] : lines.back().points) most = std::max(most, value);
  }
  return figure("How many jobs waited", "Jobs that had arrived and had no place, over time.",
                (results.size() > 1 ? legend(names_of(results), true) : "") +
                    line_chart("Jobs in line over time, by policy", arrival_axis(window),
                               count_axis("Jobs in line", most), lines));
}

std::string use_figure(const SimulateResult& result, const Shown& window, bool alone) {
  if (!result.timeline) return "";
  const Timeline& timeline = *result.timeline;
  // The last colour stands for all clouds that have none of their own.
  const std::size_t shown = std::min(timeline.clouds().size(), series_max);
  std::vector<std::string> names(timeline.clouds().begin(),
                                 timeline.clouds().begin() + static_cast<std::ptrdiff_t>(shown));
  if (timeline.clouds().size() > series_max) names.back() = "other clouds";
  double capacity = 0, used = 0, covered = 0;
  for (std::size_t c = 0; c < timeline.clouds().size(); ++c) capacity += timeline.capacity(c);
  std::vector<ChartSeries> areas;
  for (std::size_t c = 0; c < shown; ++c) {
    areas.push_back(over_time(names[c], timeline, window, [&](std::size_t i) {
      double value = timeline.used(i, c);
      if (c + 1 < shown) return value;
      for (std::size_t more = shown; more < timeline.clouds().size(); ++more) {
        value += timeline.used(i, more);
      }
      return value;
    }));
    for (std::size_t k = 1; k < areas[c].points.size(); k += 2) {
      used += areas[c].points[k].second * (areas[c].points[k].first - areas[c].points[k - 1].first);
    }
  }
  covered = capacity * window.seconds_long;
  const std::string what = timeline.counts_gpus() ? "GPUs" : "Cores";
  return figure(
      alone ? what + " in use" : fmt::format("{} in use: {}", what, result.policy),
      fmt::format("{:.1f} % of {:.0f} over the whole time; the dashed line is all of them.",
                  covered > 0 ? 100 * used / covered : 0, capacity),
      (names.size() > 1 ? legend(names, false) : "") +
          area_chart(fmt::format("{} in use over time, by cloud", what), arrival_axis(window),
                     count_axis(what + " in use", capacity), areas, capacity));
}

std::string inputs_list(const ReportAbout& about) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : about.inputs) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value));
  }
  return out + "</dl>\n";
}

}  // namespace

Json side_by_side(const std::vector<SimulateResult>& results) {
  Json rows = Json::array();
  if (results.empty()) return rows;
  for (const auto& [key, value] : results.front().figures.items()) {
    Json row = {{"figure", key}};
    for (const SimulateResult& result : results) {
      row[result.policy] = result.figures.contains(key) ? result.figures[key] : Json();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string report_page(const ReportAbout& about, const std::vector<SimulateResult>& results) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{}</h1>\n"
      "<p class=\"verdict\">{}</p>\n{}{}</header>\n",
      escaped(about.title), page_style, escaped(about.title), verdict(results), unended(results),
      inputs_list(about));
  out += figure(results.size() > 1 ? "The policies side by side" : "In figures",
                results.size() > 1 ? "The least of a line is marked." : "",
                summary_table(results) + exact_table(results));
  out += completion_figure(results);
  const bool gpus = std::any_of(results.front().jobs.begin(), results.front().jobs.end(),
                                [](const JobOutcome& job) { return job.gpu_milli > 0; });
  const std::string wait =
      "Time without working between arrival and end: in line, and lost to starts.";
  if (gpus) {
    out += wait_figure(
        results, "How long jobs waited, by size", wait, "GPUs that the job holds", by_gpus,
        [](const JobOutcome& job) { return static_cast<double>(job.gpu_milli) / 1e3; });
  }
  out += wait_figure(results, "How long jobs waited, by run time", wait,
                     "Run time of the job by itself", by_run_time,
                     [](const JobOutcome& job) { return seconds(job.runs); });
  const Shown window = window_of(results);
  const bool timed = std::any_of(results.begin(), results.end(),
                                 [](const SimulateResult& result) { return !!result.timeline; });
  if (timed) out += queue_figure(results, window);
  for (const SimulateResult& result : results) {
    out += use_figure(result, window, results.size() == 1);
  }
  return out +
         "<footer>Made by mohona simulate: the control plane itself, under virtual time.</footer>\n"
         "</main>\n</body>\n</html>\n";
}

}  // namespace mohona
