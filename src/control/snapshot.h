// The state as rows of text: one for each job and pool, and a few for the rest. A start reads them
// and the facts that came after.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/state.h"
#include "store/store.h"

namespace mohona {

// The state that a store holds: its snapshot and the facts after it.
struct Loaded {
  State state;
  std::set<std::string> changed_rows;  // by those facts: the snapshot has them as they were before
  std::size_t facts = 0;
};

// Errors: those of the store, and Code::internal for rows and facts that cannot be read.
Result<Loaded> load_state(Store& store);

// The key of the row that a fact changes; "" for none.
std::string row_of(const Fact& fact);

// What a snapshot must write to catch up with the state.
struct SnapshotRows {
  std::vector<Row> changed;
  std::vector<std::string> removed;
};
SnapshotRows rows_to_save(const State& state, const std::set<std::string>& changed_rows);

}  // namespace mohona
