// Mounts: links from where work looks for its files to where they are.
#pragma once

#include <vector>

#include "base/file.h"
#include "engine/host/order.h"

namespace mohona::host {

// The order's links in its working directory.
bool has_mounts_inside(const Order& order);
Result<void> link_mounts_inside(const Order& order);

// Those outside of it. A place there is one source's at a time; it is ours as long as the result is
// held, and its link stays until a job wants another there.
//
//   HOME/mounts/NAME   a target outside: which link stands there, and which job made it; locked,
//                      shared, by each attempt that uses it
Result<std::vector<Fd>> link_mounts_outside(const Order& order);

// Whether what stands at `target` is the working directory's own: a link in it may lead to the
// user's files, and those are never ours to move or to remove.
bool is_in_workdir(const std::string& target, const Order& order);

// The refusal of a target of which that is not so.
Failure leads_out(const std::string& target);

}  // namespace mohona::host
