#include "traces/spot.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/dice.h"
#include "base/gz_lines.h"
#include "traces/table.h"

namespace mohona {
namespace {

using Json = nlohmann::json;

std::size_t ticks_in(Duration length, Duration tick) {
  return static_cast<std::size_t>((length + tick - Duration{1}) / tick);
}

Result<SpotTrace> read_table(const std::string& path, const SpotStarts& starts) {
  SpotTrace out{starts.tick, {}};
  const std::size_t needed = ticks_in(starts.needed, starts.tick);
  const auto ok = for_rows(path, {"unavailable"}, [&](const TableRow& row) -> Result<void> {
    const std::string_view text = row.text("unavailable");
    if (const auto at = text.find_first_not_of("01"); at != std::string_view::npos) {
      return row.wrong(
          fmt::format("unavailable: '{}' at {} is neither 0 (to be had) nor 1", text[at], at + 1));
    }
    if (text.size() < needed) {
      return row.wrong(
          fmt::format("unavailable: {} ticks, where the deadline needs {}", text.size(), needed));
    }
    Availability& run = out.runs.emplace_back();
    for (const char c : text) run.push_back(c == '0');
    return {};
  });
  if (!ok) return fail(ok.error());
  return out;
}

Result<Availability> numbers_of(const std::string& path, const Json& json) {
  const auto data = json.find("data");
  if (data == json.end() || !data->is_array()) {
    return fail(Code::invalid, fmt::format("{}: there is no list 'data'", path));
  }
  Availability out;
  for (std::size_t i = 0; i < data->size(); ++i) {
    const Json& one = (*data)[i];
    if (one != 0 && one != 1) {
      return fail(Code::invalid, fmt::format("{}: data[{}]: {} is neither 1 (to be had) nor 0",
                                             path, i, one.dump()));
    }
    out.push_back(one == 1);
  }
  return out;
}

Result<SpotTrace> read_series(const std::string& path, const std::string& text,
                              const SpotStarts& starts) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Code::invalid, fmt::format("{}: is no JSON object", path));
  const Json gap = json.value(Json::json_pointer("/metadata/gap_seconds"), Json());
  if (!gap.is_number() || gap.get<double>() < 1 || gap.get<double>() > 86'400) {
    return fail(Code::invalid, fmt::format("{}: metadata.gap_seconds: expected 1 to 86400, got {}",
                                           path, gap.dump()));
  }
  const auto series = numbers_of(path, json);
  if (!series) return fail(series.error());
  SpotTrace out{std::chrono::seconds(gap.get<std::int64_t>()), {}};
  const std::size_t needed = ticks_in(starts.needed, out.tick);
  if (series->size() < needed) {
    return fail(Code::invalid, fmt::format("{}: {} ticks, where the deadline needs {}", path,
                                           series->size(), needed));
  }
  Dice dice(starts.seed);
  for (std::int64_t i = 0; i < starts.drawn; ++i) {
    const auto from =
        series->begin() + dice.below(static_cast<std::int64_t>(series->size() - needed) + 1);
    out.runs.emplace_back(from, from + static_cast<std::ptrdiff_t>(needed));
  }
  return out;
}

}  // namespace

Result<SpotTrace> read_spot(const std::string& path, const SpotStarts& starts) {
  std::string text;
  bool json = false;
  const auto ok = for_lines(path, [&](std::size_t number, std::string_view line) -> Result<void> {
    if (number == 1)
      json =
          line.find_first_not_of(" \t") != line.npos && line[line.find_first_not_of(" \t")] == '{';
    if (json) text.append(line).append("\n");
    return {};
  });
  if (!ok) return fail(ok.error());
  auto out = json ? read_series(path, text, starts) : read_table(path, starts);
  if (out && out->runs.empty()) return fail(Code::invalid, path + ": there is no run in it");
  return out;
}

}  // namespace mohona
