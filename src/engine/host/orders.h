// What an engine tells a supervisor to do: an attempt, as an order.
#pragma once

#include "engine/engine.h"
#include "engine/environment.h"
#include "engine/host/places.h"

namespace mohona::host {

// A port on this machine that nobody listens on now; `wanted`, when that one is free.
std::int64_t free_port(std::int64_t wanted);

// Which machine starts the ranks: this one, or the first node of a Slurm job, where ports are
// chosen and Slurm's own variables, devices and limits hold.
enum class Where { here, slurm };

// The order for `launch`. `addresses`: one a node of the gang. `port`: a replica's, when it is
// known already. `supervisor`: the program, for batch scripts on this machine.
Result<Order> make_order(const Places& places, const Launch& launch, Where where,
                         const std::vector<std::string>& addresses, std::int64_t port,
                         const std::string& supervisor);

// Makes the attempt's directories and writes the order there.
Result<void> place_order(const Places& places, const Launch& launch, const Order& order);

}  // namespace mohona::host
