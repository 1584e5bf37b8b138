#include "page/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace mohona {
namespace {

constexpr double width = 720, height = 334;
constexpr double left = 74, right = 18, top = 50, bottom = 66;
constexpr double x_from = left, x_to = width - right, y_from = height - bottom, y_to = top;
constexpr std::array<const char*, series_max> dashes = {"none",     "8 4", "2 3",
                                                        "10 3 2 3", "5 2", "14 4"};

struct Unit {
  double seconds;
  const char* name;
};
constexpr std::array<Unit, 4> units = {
    {{86'400, "days"}, {3'600, "hours"}, {60, "minutes"}, {1, "seconds"}}};

// 1, 2 or 5 times a power of ten, so that there are at most six steps.
double round_step(double most) {
  const double raw = std::max(most, 1e-9) / 6;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double by : {1.0, 2.0, 5.0}) {
    if (raw <= by * power * 1.000001) return by * power;
  }
  return 10 * power;
}

Axis scaled_axis(std::string title, double most, double unit, double least_step) {
  const double step = std::max(round_step(most / unit), least_step);
  const auto steps = std::max(1.0, std::ceil(most / unit / step - 1e-9));
  Axis axis{std::move(title), 0, steps * step * unit, false, {}};
  for (double i = 0; i <= steps; ++i) {
    axis.ticks.emplace_back(i * step * unit, fmt::format("{:.6g}", i * step));
  }
  return axis;
}

double share(const Axis& axis, double value) {
  if (axis.logarithmic) {
    value = std::max(value, axis.from);
    return std::log(value / axis.from) / std::log(axis.to / axis.from);
  }
  return (value - axis.from) / (axis.to - axis.from);
}

double x_of(const Axis& axis, double value) {
  return x_from + share(axis, value) * (x_to - x_from);
}
double y_of(const Axis& axis, double value) {
  return y_from + share(axis, value) * (y_to - y_from);
}

std::string open_svg(const std::string& about) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\" "
      "xmlns=\"http://www.w3.org/2000/svg\">\n",
      width, height, escaped(about));
}

std::string y_frame(const Axis& y) {
  std::string out =
      fmt::format("<text class=\"axis\" x=\"4\" y=\"20\">{}</text>\n", escaped(y.title));
  for (const auto& [at, label] : y.ticks) {
    const double where = y_of(y, at);
    out += fmt::format(
        "<line class=\"{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" "
        "dominant-baseline=\"central\">{}</text>\n",
        at == y.from ? "base" : "grid", x_from, x_to, where, where, x_from - 8, where,
        escaped(label));
  }
  return out;
}

std::string x_title(const std::string& title) {
  return fmt::format(
      "<text class=\"axis\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", x_to,
      height - 10, escaped(title));
}

std::string frame(const Axis& x, const Axis& y) {
  std::string out = y_frame(y) + x_title(x.title);
  for (const auto& [at, label] : x.ticks) {
    const double where = x_of(x, at);
    const bool last = where > x_to - 20;  // its label would stand out over the edge
    out += fmt::format(
        "<line class=\"base\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>"
        "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"{5}\">{6}</text>\n",
        where, y_from, y_from + 5, last ? where + 14 : where, y_from + 23, last ? "end" : "middle",
        escaped(label));
  }
  return out;
}

std::string path_of(const Axis& x, const Axis& y,
                    const std::vector<std::pair<double, double>>& points) {
  std::string path;
  for (const auto& [at, value] : points) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_of(x, at), y_of(y, value));
  }
  return path;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

Axis count_axis(const std::string& title, double most) { return scaled_axis(title, most, 1, 1); }

Axis time_axis(const std::string& title, double most_seconds) {
  Unit unit = units.back();
  for (const Unit& larger : units) {
    if (most_seconds >= 2 * larger.seconds) {
      unit = larger;
      break;
    }
  }
  return scaled_axis(fmt::format("{} ({})", title, unit.name), most_seconds, unit.seconds, 0);
}

Axis log_time_axis(const std::string& title, double least_seconds, double most_seconds) {
  constexpr std::array<std::pair<double, const char*>, 9> marks = {{{1, "1 s"},
                                                                    {10, "10 s"},
                                                                    {60, "1 min"},
                                                                    {600, "10 min"},
                                                                    {3'600, "1 h"},
                                                                    {86'400, "1 d"},
                                                                    {864'000, "10 d"},
                                                                    {8'640'000, "100 d"},
                                                                    {86'400'000, "1000 d"}}};
  Axis axis{title, 1, 10, true, {}};
  for (const auto& [at, name] : marks) {
    if (at <= least_seconds) axis.from = at, axis.ticks.clear();
    axis.ticks.emplace_back(at, name);
    axis.to = at;
    if (at >= most_seconds && axis.ticks.size() > 1) break;
  }
  return axis;
}

std::string line_chart(const std::string& about, const Axis& x, const Axis& y,
                       const std::vector<ChartSeries>& lines) {
  std::string out = open_svg(about) + frame(x, y);
  for (std::size_t i = 0; i < std::min(lines.size(), series_max); ++i) {
    out += fmt::format(
        "<path class=\"line\" style=\"stroke:var(--series-{})\" stroke-dasharray=\"{}\" d=\"{}\">"
        "<title>{}</title></path>\n",
        i, dashes[i], path_of(x, y, lines[i].points), escaped(lines[i].name));
  }
  return out + "</svg>\n";
}

std::string area_chart(const std::string& about, const Axis& x, const Axis& y,
                       const std::vector<ChartSeries>& areas, double ceiling) {
  std::string out = open_svg(about) + y_frame(y);
  std::vector<std::pair<double, double>> below;
  for (std::size_t i = 0; i < std::min(areas.size(), series_max); ++i) {
    std::vector<std::pair<double, double>> top_line = areas[i].points;
    if (below.empty()) {
      for (const auto& [at, value] : top_line) below.emplace_back(at, 0);
    }
    for (std::size_t k = 0; k < top_line.size(); ++k) top_line[k].second += below[k].second;
    std::vector<std::pair<double, double>> outline = top_line;
    outline.insert(outline.end(), below.rbegin(), below.rend());
    out += fmt::format(
        "<path class=\"area\" style=\"fill:var(--series-{})\" d=\"{}Z\">"
        "<title>{}</title></path>\n",
        i, path_of(x, y, outline), escaped(areas[i].name));
    below = std::move(top_line);
  }
  out += fmt::format(
      "<line class=\"ceiling\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", x_from,
      x_to, y_of(y, ceiling), y_of(y, ceiling));
  return out + frame(x, Axis{"", y.from, y.to, false, {}}) + "</svg>\n";
}

std::string bar_chart(const std::string& about, const std::string& title, const Axis& y,
                      const std::vector<std::string>& series, const std::vector<BarGroup>& groups,
                      const std::vector<std::vector<std::string>>& words) {
  std::string out = open_svg(about) + y_frame(y) + x_title(title);
  const std::size_t shown = std::min(series.size(), series_max);
  const double room =
      (x_to - x_from) / static_cast<double>(std::max<std::size_t>(1, groups.size()));
  const double bar =
      std::min(56.0, room * 0.78 / static_cast<double>(std::max<std::size_t>(1, shown)));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const double middle = x_from + (static_cast<double>(g) + 0.5) * room;
    for (std::size_t s = 0; s < shown; ++s) {
      const double high = y_of(y, groups[g].values[s]);
      out += fmt::format(
          "<rect class=\"bar\" style=\"fill:var(--series-{})\" x=\"{:.1f}\" y=\"{:.1f}\" "
          "width=\"{:.1f}\" height=\"{:.1f}\"><title>{}, {}: {}</title></rect>\n",
          s, middle + (static_cast<double>(s) - static_cast<double>(shown) / 2) * bar + 1, high,
          std::max(1.0, bar - 2), std::max(0.5, y_from - high), escaped(series[s]),
          escaped(groups[g].name), escaped(words[g][s]));
    }
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", middle,
                       y_from + 23, escaped(groups[g].name));
  }
  return out + "</svg>\n";
}

std::string range_chart(const std::string& about, const std::string& title,
                        const std::vector<RangeRow>& rows) {
  constexpr double row_height = 52, foot = 64, edge = 16;
  double least = 0, most = 0;
  for (const RangeRow& row : rows) {
    least = std::min({least, row.low, row.middle});
    most = std::max({most, row.high, row.middle});
  }
  const double step = round_step(std::max(most - least, 1e-9));
  const double from = std::floor(least / step) * step, to = std::ceil(most / step + 1e-9) * step;
  const double bottom_line = static_cast<double>(rows.size()) * row_height + 4;
  const auto x = [&](double value) {
    return edge + (value - from) / std::max(to - from, 1e-9) * (width - 2 * edge);
  };
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\" "
      "xmlns=\"http://www.w3.org/2000/svg\">\n",
      width, bottom_line + foot, escaped(about));
  for (double i = std::round(from / step); i <= std::round(to / step); ++i) {
    const double at = x(i * step);
    out += fmt::format(
        "<line class=\"{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"0\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{:.6g}</text>\n",
        i == 0 ? "base" : "grid", at, at, bottom_line, at, bottom_line + 22,
        at < 30           ? "start"
        : at > width - 30 ? "end"
                          : "middle",
        i == 0 ? 0.0 : i * step);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RangeRow& row = rows[i];
    const double y = static_cast<double>(i) * row_height + 40;
    out += fmt::format(
        "<text class=\"axis\" x=\"4\" y=\"{:.1f}\">{}</text>"
        "<line class=\"range\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"7\"><title>{}: "
        "{}</title></circle>\n",
        y - 18, escaped(row.name), x(row.low), x(row.high), y, y, x(row.middle), y,
        escaped(row.name), escaped(row.words));
  }
  out +=
      fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                  width - edge, bottom_line + 52, escaped(title));
  return out + "</svg>\n";
}

std::string legend(const std::vector<std::string>& names, bool lines) {
  std::string out = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < std::min(names.size(), series_max); ++i) {
    const std::string sample =
        lines ? fmt::format(
                    "<line class=\"line\" x1=\"0\" x2=\"30\" y1=\"7\" y2=\"7\" "
                    "style=\"stroke:var(--series-{})\" stroke-dasharray=\"{}\"/>",
                    i, dashes[i])
              : fmt::format(
                    "<rect x=\"8\" y=\"0\" width=\"14\" height=\"14\" "
                    "style=\"fill:var(--series-{})\"/>",
                    i);
    out += fmt::format(
        "<li><svg class=\"sample\" viewBox=\"0 0 30 14\" aria-hidden=\"true\">{}</svg>{}</li>\n",
        sample, escaped(names[i]));
  }
  return out + "</ul>\n";
}

}  // namespace mohona
