// What engines report is taken with care: an adapter, a cluster or the work itself may say
// anything. What could not be journaled or decided about is dropped, bounded or replaced here.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace mohona {

// False: the report names no attempt or makes no sense, and is to be ignored.
bool mend(Report& report);

// Drops what names no node of the pool, and loads that nothing can have.
void mend(std::vector<NodeReport>& reports, const Pool& pool);

// Code::invalid: more shards than a job may have, or names that cannot be written down.
Result<std::vector<std::string>> mend(std::vector<std::string> shards);

}  // namespace mohona
