#include "engine/host/slot.h"

#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "engine/host/places.h"
#include "engine/host/supervise.h"

namespace mohona::host {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 10ms;
constexpr std::size_t note_bytes_max = 8'192;  // a path, or a number

bool renamed(const std::string& slot, const char* from, const char* to) {
  return ::rename((slot + "/" + from).c_str(), (slot + "/" + to).c_str()) == 0;
}

// Until another attempt is there; false: the slot is closed.
bool wait_for_next(const std::string& slot, Duration linger) {
  using Steady = std::chrono::steady_clock;
  const auto until = Steady::now() + linger;
  while (Steady::now() < until) {
    if (exists(slot + "/next")) return true;
    std::this_thread::sleep_for(look_every);
  }
  return !renamed(slot, "open", "closed");
}

}  // namespace

Result<void> make_slot(const std::string& slot, const std::string& attempt_directory,
                       Duration linger) {
  if (auto ok = make_directory(slot); !ok) return ok;
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(linger).count();
  if (auto ok = write_file(slot + "/linger", std::to_string(ms), false); !ok) return ok;
  if (auto ok = write_file(slot + "/assignment", attempt_directory, false); !ok) return ok;
  return write_file(slot + "/next", "", false);
}

Result<bool> give(const std::string& slot, const std::string& attempt_directory) {
  // `next` is there: the last assignment has not been read yet. Only this side makes it so.
  if (!exists(slot + "/open")) return false;
  if (auto ok = overwrite_file(slot + "/assignment", attempt_directory); !ok) {
    return fail(ok.error());
  }
  return renamed(slot, "open", "next");
}

int work_in_slot(const std::string& slot) {
  const auto begun_at = std::chrono::steady_clock::now();
  const auto linger_ms = read_regular_file(slot + "/linger", note_bytes_max);
  Duration linger = std::chrono::milliseconds(linger_ms ? std::atoll(linger_ms->c_str()) : 0);
  // A job that Slurm starts again, whoever told it to, buries what it ran before and takes no more.
  if (exists(slot + "/began")) {
    (void)renamed(slot, "open", "closed");
    linger = Duration{0};
    if (!exists(slot + "/next")) {
      const auto assignment = read_regular_file(slot + "/assignment", note_bytes_max);
      return assignment ? supervise(*assignment) : 1;
    }
  }
  if (!write_file(slot + "/began", "", false)) return 1;
  while (exists(slot + "/next") || wait_for_next(slot, linger)) {
    const auto assignment = read_regular_file(slot + "/assignment", note_bytes_max);
    if (!assignment || !renamed(slot, "next", "open")) return 1;
    (void)supervise(*assignment);
    const auto exit = read_exit(*assignment);
    if (!exit || exit->outcome.end != End::exited) linger = Duration{0};
    if (std::chrono::steady_clock::now() - begun_at > slot_age_max) linger = Duration{0};
  }
  return 0;
}

}  // namespace mohona::host
