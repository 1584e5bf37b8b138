// Processes by identity, and whole trees of them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"

namespace mohona::host {

// When the process started, in clock ticks since boot; 0 when there is none of that pid.
std::uint64_t start_ticks(pid_t pid);

// Names this run of the machine: pids and ticks of another run mean nothing.
std::string boot_id();

// A handle on exactly this process, or nothing when it is gone (also when its pid lives on).
Fd open_process(pid_t pid, std::uint64_t ticks);

// Kills, again and again, every descendant of the calling process until none is left. The caller is
// their subreaper, so that none escapes by losing its parent.
void kill_descendants();

// Kills every process that carries NAME=VALUE in its environment; true when there was any.
bool kill_marked(const std::string& name, const std::string& value);

// The number of a signal by its name, with or without SIG: 15 for "TERM"; 0 for none.
int signal_number(std::string_view name);

}  // namespace mohona::host
