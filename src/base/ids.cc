#include "base/ids.h"

#include <array>
#include <charconv>
#include <string_view>

namespace mohona {
namespace {

bool parse_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string to_string(JobId id) { return std::to_string(id.value); }

std::string to_string(const AttemptId& id) {
  return to_string(id.job) + '.' + std::to_string(id.task) + '.' + std::to_string(id.number);
}

JobId parse_job_id(std::string_view text) {
  JobId id;
  return parse_number(text, id.value) ? id : JobId{};
}

AttemptId parse_attempt_id(std::string_view text) {
  std::array<std::uint64_t, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t dot = i + 1 < parts.size() ? text.find('.') : text.size();
    if (dot == std::string_view::npos || !parse_number(text.substr(0, dot), parts[i])) return {};
    text.remove_prefix(i + 1 < parts.size() ? dot + 1 : dot);
  }
  if (parts[1] > UINT32_MAX || parts[2] > UINT32_MAX) return {};
  return {JobId{parts[0]}, static_cast<std::uint32_t>(parts[1]),
          static_cast<std::uint32_t>(parts[2])};
}

}  // namespace mohona
