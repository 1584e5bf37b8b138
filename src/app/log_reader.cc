#include "app/log_reader.h"

#include <fmt/format.h>

namespace mohona {

Result<LogReader::Step> LogReader::step() {
  std::string target = fmt::format("/v1/jobs/{}/logs?task={}&rank={}&offset={}",
                                   percent_encode(which_.job), which_.task, which_.rank, offset_);
  if (attempt_) target += fmt::format("&attempt={}", *attempt_);
  const auto part = remote_.get_exact(target);
  if (!part) return fail(part.error());
  attempt_name_ = part->at("attempt").get<std::string>();
  offset_ = part->at("next").get<std::uint64_t>();
  const std::size_t newest = part->at("newest").get<std::size_t>();
  Step out;
  out.started = newest > 0;
  const std::string text = part->at("text").get<std::string>();
  if (!text.empty()) {
    text_(text);
    out.more = true;
    return out;
  }
  const bool ended = part->at("ended").get<bool>();
  if (!which_.attempt && newest > 0 && !attempt_) {
    attempt_ = newest;  // stay with this one until it has ended
    out.more = true;
  } else if (!which_.attempt && ended && attempt_ && newest > *attempt_) {
    attempt_ = newest;
    offset_ = 0;
    next_attempt_(newest);
    out.more = true;
  } else {
    out.done = part->at("job_ended").get<bool>() || (which_.attempt && ended);
  }
  return out;
}

}  // namespace mohona
