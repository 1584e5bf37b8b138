// The lease as a row beside the journal, over a connection of its own: a commit that takes its time
// must not cost the lead.
#pragma once

#include <memory>
#include <string>

#include "store/lease.h"

namespace mohona {

// The schema must be there: open_postgresql_store makes it.
std::unique_ptr<LeaseTable> open_postgresql_lease(const std::string& target);

}  // namespace mohona
