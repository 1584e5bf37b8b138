// Where facts become durable: a journal, and a snapshot that bounds how much of it a start replays.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "model/fact.h"

namespace mohona {

// One record of a snapshot: "job/17" or "pool/aws-spot", and its text.
struct Row {
  std::string key, text;
  friend bool operator==(const Row&, const Row&) = default;
};

// Errors: Code::unavailable when there is no room or nobody answers (nothing was written, the same
// call may succeed later; with Retry::outcome_unknown it may have been written: `load` tells),
// Code::superseded when a newer epoch leads, Code::internal when the store is damaged or
// the disk failed: then nothing may be assumed and the controller must stop and start from the
// disk.
class Store {
 public:
  virtual ~Store() = default;

  // Starts a new term, later than every one before and no earlier than `at_least`; writes of the
  // older ones are refused from now on.
  virtual Result<Epoch> lead(Epoch at_least) = 0;
  Result<Epoch> lead() { return lead(Epoch{}); }

  // All of the facts, in order, or none; on return they survive a loss of power.
  virtual Result<void> append(const Facts& facts, Epoch epoch) = 0;

  // Makes the snapshot stand for all facts appended so far, by the records that changed since the
  // last one. The journal keeps its facts.
  virtual Result<void> save(const std::vector<Row>& changed,
                            const std::vector<std::string>& removed, Epoch epoch) = 0;

  // The snapshot's rows, ordered by key, then the facts that it does not stand for yet.
  virtual Result<void> load(const std::function<Result<void>(const Row&)>& on_row,
                            const std::function<Result<void>(const Fact&)>& on_fact) = 0;

  // Every fact of the journal, from the first.
  virtual Result<void> replay(const std::function<Result<void>(const Fact&)>& on_fact) = 0;
};

}  // namespace mohona
