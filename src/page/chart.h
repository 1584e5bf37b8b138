// Charts as SVG text, without a script: lines, stacked areas, groups of bars and ranges. Colours
// are CSS variables of the page (--series-0 …, --text, --grid), so that light, dark and paper share
// them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mohona {

struct Axis {
  std::string title;  // with its unit
  double from = 0, to = 1;
  bool logarithmic = false;
  std::vector<std::pair<double, std::string>> ticks;
};

// From 0 to at least `most`, in round steps.
Axis count_axis(const std::string& title, double most);
// Of values in seconds: in seconds, minutes, hours or days, and the title says which.
Axis time_axis(const std::string& title, double most_seconds);
// Likewise by powers: 1 s, 10 s, 1 min …
Axis log_time_axis(const std::string& title, double least_seconds, double most_seconds);

constexpr std::size_t series_max = 6;  // colours and dashes that are told apart

struct ChartSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

// The `about` is what a screen reader says. At most `series_max` series.
std::string line_chart(const std::string& about, const Axis& x, const Axis& y,
                       const std::vector<ChartSeries>& lines);
// One area on the other, and a line at what they can be at most.
std::string area_chart(const std::string& about, const Axis& x, const Axis& y,
                       const std::vector<ChartSeries>& areas, double ceiling);

struct BarGroup {
  std::string name;
  std::vector<double> values;  // one a series
};
// Each value's own words are shown when it is pointed at.
std::string bar_chart(const std::string& about, const std::string& x_title, const Axis& y,
                      const std::vector<std::string>& series, const std::vector<BarGroup>& groups,
                      const std::vector<std::vector<std::string>>& words);

struct RangeRow {
  std::string name;
  double low = 0, middle = 0, high = 0;
  std::string words;  // shown when it is pointed at
};
// A line from low to high with a dot for each row, its name above it. Nothing (0) has a line of its
// own; values may be below it.
std::string range_chart(const std::string& about, const std::string& x_title,
                        const std::vector<RangeRow>& rows);

// A list of samples and names, as HTML.
std::string legend(const std::vector<std::string>& names, bool lines);

std::string escaped(std::string_view text);

}  // namespace mohona
