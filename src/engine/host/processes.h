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

struct Process {
  pid_t pid = 0, parent = 0, group = 0;
};

// Every descendant of `root` that is no zombie, at this moment. Where `root` is their subreaper
// none escapes by losing its parent, nor by a session or a PID namespace of its own.
std::vector<Process> descendants_of(pid_t root);

// Whether its program has this name.
bool is_called(pid_t pid, const std::string& name);

// Whether the process carries NAME=… in its environment.
bool has_variable(pid_t pid, const std::string& name);

// Sends the signal to each process, and CONT after it, so that one that was stopped takes notice.
// Their process groups get it as wholes, so that none of their children is born past it. Processes
// that only read the output of one with a handler for the signal, such as tee, get CONT alone.
void signal_all(const std::vector<Process>& processes, int number);

// Likewise, without their groups: for when others of these are to be spared.
void signal_each(const std::vector<Process>& processes, int number);

// Kills, again and again, every descendant of the calling process until none is left. The caller is
// their subreaper.
void kill_descendants();

// Kills every process that carries NAME=VALUE in its environment; true when there was any.
bool kill_marked(const std::string& name, const std::string& value);

// The number of a signal by its name, with or without SIG: 15 for "TERM"; 0 for none.
int signal_number(std::string_view name);

}  // namespace mohona::host
