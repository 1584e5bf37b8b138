#include "sim/timeline.h"

#include <algorithm>

#include "model/scheduling.h"

namespace mohona {

Timeline::Timeline(const Fleet& fleet, Timestamp begin) : begin_(begin), now_(begin) {
  gpus_ = std::any_of(fleet.pools.begin(), fleet.pools.end(),
                      [](const Pool& pool) { return pool.shape.gpus > 0; });
  for (const Pool& pool : fleet.pools) {
    const std::size_t cloud = cloud_of(pool.cloud);
    capacity_milli_[cloud] +=
        pool.nodes * (gpus_ ? pool.shape.gpus * 1'000 : pool.shape.cpus_milli);
  }
}

std::size_t Timeline::cloud_of(const std::string& name) {
  const auto found = std::find(clouds_.begin(), clouds_.end(), name);
  if (found != clouds_.end()) return static_cast<std::size_t>(found - clouds_.begin());
  clouds_.push_back(name);
  capacity_milli_.push_back(0);
  used_milli_.push_back(0);
  return clouds_.size() - 1;
}

std::int64_t Timeline::held(const Attempt& attempt) const {
  const Demand& demand = attempt.demand;
  const std::int64_t each = gpus_ ? demand.gpus * 1'000 + demand.gpu_milli : demand.cpus_milli;
  return each * static_cast<std::int64_t>(attempt.holdings.size());
}

void Timeline::take(const Facts& facts, Timestamp now) {
  advance(now);
  for (const Fact& fact : facts) {
    if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
      const Attempt& attempt = placed->attempt;
      const std::pair<std::size_t, std::int64_t> holds{cloud_of(attempt.cloud), held(attempt)};
      if (live_.emplace(attempt.id, holds).second) used_milli_[holds.first] += holds.second;
    } else if (const auto* ended = std::get_if<AttemptEnded>(&fact)) {
      const auto found = live_.find(ended->attempt);
      if (found == live_.end()) continue;
      used_milli_[found->second.first] -= found->second.second;
      live_.erase(found);
    }
  }
}

void Timeline::wait(std::size_t jobs, Timestamp now) {
  advance(now);
  waiting_ = jobs;
}

// What held until now is added to the spans that it held in.
void Timeline::advance(Timestamp now) {
  while ((now - begin_) / length_ >= static_cast<std::int64_t>(spans_max)) merge_neighbours();
  while (now_ < now) {
    const auto at = static_cast<std::size_t>((now_ - begin_) / length_);
    if (spans_.size() <= at) spans_.resize(at + 1);
    Span& span = spans_[at];
    span.used.resize(clouds_.size(), 0);
    const Timestamp until = std::min(now, begin_of(at + 1));
    const Duration held = until - now_;
    span.covers += held;
    span.waiting += static_cast<Wide>(waiting_) * held.count();
    for (std::size_t i = 0; i < clouds_.size(); ++i) {
      span.used[i] += static_cast<Wide>(used_milli_[i]) * held.count();
    }
    now_ = until;
  }
}

void Timeline::merge_neighbours() {
  length_ *= 2;
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    if (i % 2 == 0) {
      spans_[i / 2] = std::move(spans_[i]);
      continue;
    }
    Span& into = spans_[i / 2];
    into.covers += spans_[i].covers;
    into.waiting += spans_[i].waiting;
    into.used.resize(clouds_.size(), 0);
    for (std::size_t k = 0; k < spans_[i].used.size(); ++k) into.used[k] += spans_[i].used[k];
  }
  spans_.resize((spans_.size() + 1) / 2);
}

Timestamp Timeline::begin_of(std::size_t span) const {
  return begin_ + length_ * static_cast<std::int64_t>(span);
}

double Timeline::capacity(std::size_t cloud) const {
  return static_cast<double>(capacity_milli_[cloud]) / 1e3;
}

double Timeline::waiting(std::size_t span) const {
  const Span& one = spans_[span];
  if (one.covers == Duration{0}) return 0;
  return static_cast<double>(one.waiting) / static_cast<double>(one.covers.count());
}

double Timeline::used(std::size_t span, std::size_t cloud) const {
  const Span& one = spans_[span];
  if (one.covers == Duration{0} || cloud >= one.used.size()) return 0;
  return static_cast<double>(one.used[cloud]) / static_cast<double>(one.covers.count()) / 1e3;
}

}  // namespace mohona
