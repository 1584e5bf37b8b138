// The rules of core/audit under simulation, and those beside them that need to know what engines
// really run.
#pragma once

#include <deque>

#include "core/audit/auditor.h"
#include "sim/simulation.h"

namespace mohona {

class Checker {
 public:
  // Looks at everything from now on; what is durable already is looked at first.
  void attach(Simulation& simulation);
  // Stands before the engine and compares what is asked of it with what is durable.
  std::unique_ptr<Engine> around(Engine& engine);

  void saw(const Facts& facts);
  void after_turn();
  // The state as a whole, between two instants.
  void at_rest();
  // When nothing is to happen any more: everything has ended, engines are empty, and the journal,
  // the snapshot and the memory are one state.
  void at_end();

  Auditor& auditor() { return auditor_; }
  bool broken() const { return !auditor_.violations().empty(); }
  // The newest facts, as JSON, the last one last.
  std::vector<std::string> last_facts() const;

  // Starts promised before that may be late: something that nobody decided goes on until then.
  Timestamp excused_until;

 private:
  friend class CheckedEngine;
  void check_end(const AttemptEnded& f);

  Simulation* simulation_ = nullptr;
  Auditor auditor_;
  std::deque<Fact> last_;
};

}  // namespace mohona
