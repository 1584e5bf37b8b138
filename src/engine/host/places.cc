#include "engine/host/places.h"

#include <unistd.h>

#include "base/file.h"
#include "engine/host/log_pump.h"
#include "model/json_text.h"

namespace mohona::host {
namespace {

// What a supervisor and an engine write for each other; a reason is its longest part.
constexpr std::size_t file_bytes_max = 1'048'576;
// A gang of 10,000 ranks takes some megabytes, a script at most as much as a request may have.
constexpr std::size_t order_bytes_max = 256 << 20;

// The work can put anything in the place of these files: what cannot be read as one is none.
template <class T>
std::optional<T> read_described(const std::string& path, std::size_t bytes_max = file_bytes_max) {
  const auto text = read_regular_file(path, bytes_max);
  if (!text) return std::nullopt;
  try {
    return json_text::from_text<T>(*text);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::optional<StartedFile> read_started(const std::string& directory) {
  return read_described<StartedFile>(directory + "/started.json");
}

std::optional<ExitFile> read_exit(const std::string& directory) {
  return read_described<ExitFile>(directory + "/exit.json");
}

std::optional<Order> read_order(const std::string& path) {
  return read_described<Order>(path, order_bytes_max);
}

std::optional<StopFile> read_stop(const std::string& directory) {
  return read_described<StopFile>(directory + "/stop.json");
}

Result<void> write_stop(const std::string& directory, const Stop& stop) {
  if (exists(directory + "/stop.json")) return {};
  const StopFile file{stop.signal, stop.grace, stop.within, stop.event, stop.target};
  // The work itself may have removed the directory.
  if (auto ok = make_directory(directory); !ok) return ok;
  return write_file(directory + "/stop.json", json_text::to_text(file), false);
}

Result<LogPart> read_log(const Places& places, const AttemptId& id, std::int64_t rank,
                         std::uint64_t offset, std::size_t bytes_max) {
  const std::string path = fmt::format("{}/rank{}.log", places.attempt(id), rank);
  const auto fd = open_to_read_log(path);
  if (!fd) {
    if (fd.error().code == Code::not_found) return LogPart{"", offset};  // nothing is written yet
    return fail(fd.error());
  }
  if (!*fd) return LogPart{"", offset};
  LogPart part;
  part.text.resize(bytes_max);
  const ssize_t n = ::pread(fd->get(), part.text.data(), bytes_max, static_cast<off_t>(offset));
  if (n < 0) return system_failure("read", path);
  part.text.resize(static_cast<std::size_t>(n));
  part.next = offset + static_cast<std::uint64_t>(n);
  return part;
}

}  // namespace mohona::host
