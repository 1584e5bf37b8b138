// Errors made on purpose, to see that the rules find them: each stands between a simulated
// controller and its engine or store, as if a line of one of them were wrong.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "base/dice.h"
#include "sim/virtual_engine.h"
#include "store/store.h"

namespace mohona {

enum class Bug : std::uint8_t {
  lost_is_failure,    // silence is taken for the end of everything that ran
  double_launch,      // after a crash, what runs is launched a second time
  leaked_allocation,  // an end is never told: the nodes stay held
  hold_overtaken,     // nodes are kept from later on than was decided
  billed_twice,       // an attempt that has ended is billed once more after a start
  stale_report,       // the end of the attempt before is taken for that of this one
  acknowledged_lost,  // a submission is answered and never written
  tail_lost,          // the last facts are not there after a crash
  effect_first,       // what is decided is done before it is written
  half_gang,          // a gang is placed without its last node
  same_node,          // the index says that a node is free which is not
  retries_forgotten,  // a start forgets how often work has failed
  promise_guessed,    // an estimate is told as a promise
  old_epoch,          // a controller that was overtaken writes once more
};
constexpr std::array<std::string_view, 14> bug_names = {
    "lost-is-failure", "double-launch",     "leaked-allocation", "hold-overtaken", "billed-twice",
    "stale-report",    "acknowledged-lost", "tail-lost",         "effect-first",   "half-gang",
    "same-node",       "retries-forgotten", "promise-guessed",   "old-epoch"};
constexpr std::array<std::string_view, 14> bug_texts = {
    "silence is taken for the end of everything that ran",
    "after a crash, what runs is launched a second time",
    "an end is never told: the nodes stay held",
    "nodes are kept for somebody later than was decided, and others overtake",
    "an attempt that has ended is billed once more after a start",
    "the end of the attempt before is taken for that of this one",
    "a submission is answered and never written",
    "the last facts are not there after a crash",
    "what is decided is done before it is written",
    "a gang is placed without its last node",
    "an index says that a node is free which is not",
    "a start forgets how often work has failed",
    "an estimate is told as a promise",
    "a controller that was overtaken writes once more"};
constexpr std::string_view name_of(Bug bug) { return bug_names[static_cast<std::size_t>(bug)]; }

// What a bug remembers over crashes.
struct BugMemory {
  explicit BugMemory(std::uint64_t seed) : dice(seed) {}
  Dice dice;
  std::map<AttemptId, Report> launched;  // and not known to have ended
  std::set<AttemptId> hidden;
  std::map<std::pair<JobId, std::uint32_t>, Report> ends;  // of each task, the newest
  Facts behind, before;
  std::size_t starts = 0;
  AttemptPlaced placed;  // some earlier one
};

// Nothing where the bug is not of that side.
std::unique_ptr<Engine> make_engine_bug(Bug bug, BugMemory& memory, Engine& below,
                                        VirtualEngine& engine);
std::unique_ptr<Store> make_store_bug(Bug bug, BugMemory& memory, Store& below);

}  // namespace mohona
