// What must hold at every instant, by number, and one sentence where it does not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace mohona {

// The numbers are in docs/ARCHITECTURE.md; they are never used again for something else. From
// `two_at_once` on they need to be told what engines really run, which only a simulation knows.
enum class Rule : std::uint8_t {
  allocation = 1,  // no node gives more than it has, and no GPU is given twice
  gang,            // a gang is whole, of the size that was asked, in one pool
  transition,      // states move along their table, and what has ended stays so
  one_attempt,     // a task has at most one live attempt
  findable,        // what was accepted is there
  usage,           // an attempt is billed once, for one interval
  promise,         // a promised start is kept when nothing broke it
  hold,            // nothing is placed on kept nodes that could last beyond their start
  share,           // a queue takes what borrowing and lending leave it
  budget,          // nothing starts for which a job or a queue has no money
  min_run,         // nothing is preempted too early
  retries,         // tries follow from failures and losses, and have a bound
  order,           // numbers of jobs, attempts and epochs only grow
  nodes,           // nodes that a fact names are there
  index,           // what is derived says the same as the records
  two_at_once,     // a task runs once, unless its engine lost it
  intent,          // nothing is launched or stopped that is not durable
  report,          // an end is believed only when there was one
  epoch,           // who was overtaken writes nothing
  quiescence,      // at rest, engines run what should run
  liveness,        // after the last fault everything that can end does
  replay,          // journal, snapshot and memory are one state
};
constexpr int rules_last = static_cast<int>(Rule::replay);

std::string_view rule_name(Rule rule);

struct Violation {
  Rule rule = Rule::allocation;
  Timestamp at;
  std::string what;
  friend bool operator==(const Violation&, const Violation&) = default;
};

// "2026-01-01T03:00:00Z, rule 1 (allocation): node 3 of …".
std::string to_string(const Violation& violation);

// So many are told; more say nothing new.
constexpr std::size_t violations_max = 100;

}  // namespace mohona
