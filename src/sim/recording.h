// A journal, read as what was given to the controller: turn by turn the instant, the inputs, and
// what was decided. The journal has no turns and no inputs, only facts; the rest follows from them:
//
//   * a turn's facts begin with those that say what came in and end with those that follow from it;
//   * of one turn all instants are the same, where a fact has the controller's own. The instants of
//     starts and ends are the engine's, and only bound it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/input.h"
#include "core/state.h"

namespace mohona {

struct RecordedTurn {
  Timestamp now;
  bool begins_anew = false;   // a controller takes over
  JobId last_job;             // then: the one before the first that it takes in
  std::vector<Input> inputs;  // in order
  Facts facts;                // all of them
};

class Recording {
 public:
  explicit Recording(Facts journal);

  // The next turn, as given to a controller whose state is that of all turns before. Nothing: it is
  // over.
  std::optional<RecordedTurn> next(const State& before);

  // What the engines said when a data job's globs were listed.
  const std::map<JobId, Result<std::vector<std::string>>>& listed() const { return listed_; }
  const std::set<std::string>& engines() const { return engines_; }
  const std::string& name_of(JobId job) const { return names_.at(job); }

 private:
  bool came_in(const Fact& fact) const;  // rather than that it follows from what did
  std::optional<Timestamp> instant_of(std::size_t at, const State& before) const;
  bool goes_on(const RecordedTurn& turn, std::size_t at, const State& before);
  void note(const Fact& fact);

  Facts journal_;
  std::size_t next_ = 0;
  Timestamp now_;  // of the last turn
  std::map<JobId, Result<std::vector<std::string>>> listed_;
  std::set<std::string> engines_;
  std::map<JobId, std::string> names_;
  std::map<std::pair<std::string, std::string>, AdvanceReservation> reservations_;

  // Of the turn that is put together.
  std::optional<Timestamp> exact_;
  bool follows_ = false;    // its last fact follows from others
  std::size_t unsure_ = 0;  // facts at its end that may belong to the next turn
};

}  // namespace mohona
