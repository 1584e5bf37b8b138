// The one spelling of every enum: in job files, in the journal, in JSON and on the screen.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "model/attempt.h"
#include "model/job.h"
#include "model/resources.h"
#include "model/scheduling.h"

namespace mohona {

template <class T>
struct Tag {};

constexpr auto names(Tag<Purchase>) {
  return std::array<std::string_view, 3>{"reserved", "on_demand", "spot"};
}
constexpr auto names(Tag<Kind>) {
  return std::array<std::string_view, 4>{"task", "data", "train", "serve"};
}
constexpr auto names(Tag<Script>) {
  return std::array<std::string_view, 2>{"every_node", "first_node"};
}
constexpr auto names(Tag<JobState>) {
  return std::array<std::string_view, 7>{"pending",   "starting", "running",  "recovering",
                                         "succeeded", "failed",   "cancelled"};
}

constexpr auto names(Tag<StopReason>) {
  return std::array<std::string_view, 7>{"cancelled", "reclaimed", "time_limit", "budget",
                                         "unready",   "preempted", "deadline"};
}
constexpr auto names(Tag<StopTarget>) {
  return std::array<std::string_view, 3>{"everything", "steps", "shell"};
}
constexpr auto names(Tag<Level>) {
  return std::array<std::string_view, 4>{"leaf", "block", "fabric", "anywhere"};
}
constexpr auto names(Tag<NodeState>) {
  return std::array<std::string_view, 4>{"up", "cordoned", "draining", "down"};
}
constexpr auto names(Tag<Preempt>) {
  return std::array<std::string_view, 3>{"never", "reclaim", "lower_priority"};
}
constexpr auto names(Tag<QueueOrder>) {
  return std::array<std::string_view, 6>{"learned", "age", "fifo", "las", "srtf", "srsf"};
}
constexpr auto names(Tag<BudgetPeriod>) {
  return std::array<std::string_view, 4>{"day", "week", "month", "year"};
}
constexpr auto names(Tag<PriceRule>) {
  return std::array<std::string_view, 4>{"marginal", "sticker", "reservation_is_free",
                                         "reservation_near_free"};
}
constexpr auto names(Tag<Draw>) {
  return std::array<std::string_view, 4>{"instances", "size", "plan_rate", "list_price"};
}
constexpr auto names(Tag<Missed::Then>) {
  return std::array<std::string_view, 4>{"forfeit", "invoice", "credit", "carry"};
}
constexpr auto names(Tag<Packing>) {
  return std::array<std::string_view, 2>{"best_fit", "learned"};
}
constexpr auto names(Tag<End>) {
  return std::array<std::string_view, 4>{"exited", "lost", "not_launched", "refused"};
}

// The spelling of an enumerator: name(Kind::train) == "train".
template <class E>
requires std::is_enum_v<E>
constexpr std::string_view name(E value) {
  return names(Tag<E>{}).at(static_cast<std::size_t>(value));
}

template <class E>
constexpr std::optional<E> parse_name(std::string_view text) {
  const auto all = names(Tag<E>{});
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == text) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace mohona
