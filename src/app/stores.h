// Where a home keeps its state: in its own journal.db or, once `mohona up --store` has said so, in
// a PostgreSQL database. The file `store` of the home names that.
#pragma once

#include <memory>
#include <string>

#include "app/home.h"
#include "store/lease.h"
#include "store/store.h"

namespace mohona {

// For commands that only read. Code::not_found: the home has none yet.
Result<std::unique_ptr<Store>> open_store(const Home& home);

// For the home's controller, which makes one where there is none. `said`: "" as before, "sqlite"
// the home's own, or postgresql://…; Code::invalid where that would leave a state behind.
Result<std::unique_ptr<Store>> open_store(const Home& home, const std::string& said);

// Code::conflict when the home has files of earlier work and a store that knows of none, as after a
// journal was lost or its disk is not mounted: a controller would kill what runs. Asked before the
// store is opened, for a journal that would be made; and with the open store, for one without
// facts.
Result<void> check_not_lost(const Home& home, const std::string& work, const std::string& said);
Result<void> check_not_lost(const Home& home, const std::string& work, Store& store);

// Who leads, where several controllers can: in the database that open_store has opened; nullptr for
// a home's own journal.
Result<std::unique_ptr<LeaseTable>> open_lease(const Home& home);

// mohona store copy FROM TO: each a home's directory or postgresql://…
int copy_store(const std::string& from, const std::string& to, bool json);

}  // namespace mohona
