#include "app/progress.h"

#include "app/screen.h"
#include "base/time.h"

namespace mohona {
namespace {

std::int64_t whole(const Json& json, const char* key) { return json.at(key).get<std::int64_t>(); }

// ", 2m 03s left"
std::string left(const Json& steps) {
  const Json& seconds = steps.at("left_seconds");
  if (seconds.is_null() || whole(steps, "done") >= whole(steps, "total")) return {};
  const Duration rest = std::chrono::seconds(static_cast<std::int64_t>(seconds.get<double>()));
  return rest > Duration{0} ? ", " + format_duration(rest) + " left" : "";
}

}  // namespace

std::string progress_of(const Json& job) {
  const Json& tasks = job.at("progress");
  const auto of_tasks = tasks.at("total").get<std::size_t>();
  if (of_tasks > 1) {
    const auto done = tasks.at("done").get<std::size_t>();
    return fmt::format("{} {}/{}", bar(done, of_tasks), done, of_tasks);
  }
  const Json& steps = job.at("steps");
  if (steps.is_null()) return {};
  if (steps.at("percent").is_null()) return fmt::format("{} steps", whole(steps, "done"));
  const auto percent = steps.at("percent").get<std::size_t>();
  return fmt::format("{} {} %{}", bar(percent, 100), percent, left(steps));
}

std::string steps_in_short(const Json& steps) {
  if (steps.is_null()) return {};
  if (steps.at("total").is_null()) return std::to_string(whole(steps, "done"));
  return fmt::format("{}/{}", whole(steps, "done"), whole(steps, "total"));
}

std::string steps_in_full(const Json& steps) {
  if (steps.is_null()) return {};
  std::string text = steps_in_short(steps);
  if (!steps.at("percent").is_null()) {
    text += fmt::format(", {} %{}", whole(steps, "percent"), left(steps));
  }
  for (const auto& [name, value] : steps.at("metrics").items()) {
    text += fmt::format(", {}={}", name, value.get<std::string>());
  }
  return text;
}

}  // namespace mohona
