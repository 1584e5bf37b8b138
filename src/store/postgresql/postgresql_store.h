// A store in a PostgreSQL database (15 or later, UTF8), in a schema of its own, `mohona`.
//
// An append is one statement: it locks the term, checks the epoch, and writes the facts under
// positions that it has chosen. So a connection that is lost in the middle leaves a question with
// an answer: whether those positions are there. It is asked until `resolve_max`; then the error is
// Code::unavailable with Retry::outcome_unknown, and what holds is what `load` finds.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace mohona {

// `target`: postgresql://user@host/database, without a password: PGPASSFILE or ~/.pgpass has that.
// The schema is created or brought up to date. Errors: Code::unavailable, Code::invalid.
Result<std::unique_ptr<Store>> open_postgresql_store(const std::string& target);

}  // namespace mohona
