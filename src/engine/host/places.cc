#include "engine/host/places.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <set>

#include "base/file.h"
#include "base/text.h"
#include "model/json_text.h"

namespace mohona::host {
namespace {

constexpr std::size_t shards_max = 1'000'000;

}  // namespace

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::optional<StartedFile> read_started(const std::string& directory) {
  return json_text::from_file<StartedFile>(directory + "/started.json");
}

std::optional<ExitFile> read_exit(const std::string& directory) {
  return json_text::from_file<ExitFile>(directory + "/exit.json");
}

std::optional<StopFile> read_stop(const std::string& directory) {
  return json_text::from_file<StopFile>(directory + "/stop.json");
}

Result<void> write_stop(const std::string& directory, const Stop& stop) {
  if (exists(directory + "/stop.json")) return {};
  const StopFile file{stop.signal, stop.grace, stop.within, stop.event, stop.target};
  // The work itself may have removed the directory.
  if (auto ok = make_directory(directory); !ok) return ok;
  return write_file(directory + "/stop.json", json_text::to_text(file), false);
}

Result<std::vector<std::string>> list_shards(const Places& places, const Job& job,
                                             const std::vector<NeededJob>& needs) {
  std::set<std::string> found;
  for (std::string pattern : job.spec->shards->globs) {
    for (const NeededJob& needed : needs) {
      const std::string variable = "$MOHONA_INPUT_" + environment_name(needed.name);
      for (std::size_t at; (at = pattern.find(variable)) != std::string::npos;) {
        pattern.replace(at, variable.size(), places.job(needed.job) + "/output");
      }
    }
    if (!std::filesystem::path(pattern).is_absolute()) {
      const JobSpec& spec = *job.spec;
      pattern = (spec.workdir.empty() ? *spec.submit_directory : spec.workdir) + "/" + pattern;
    }
    glob_t matches{};
    const int code = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &matches);
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) found.emplace(matches.gl_pathv[i]);
    ::globfree(&matches);
    if (code != 0 && code != GLOB_NOMATCH) {
      return fail(Code::invalid, fmt::format("cannot list {}", pattern));
    }
    if (found.size() > shards_max) {
      return fail(Code::invalid, fmt::format("{} matches more than {} files", pattern, shards_max));
    }
  }
  for (const std::string& file : found) {
    if (!is_utf8(file)) {
      return fail(Code::invalid, fmt::format("the name of {} is not UTF-8; rename it", file));
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

Result<LogPart> read_log(const Places& places, const AttemptId& id, std::int64_t rank,
                         std::uint64_t offset, std::size_t bytes_max) {
  const std::string path = fmt::format("{}/rank{}.log", places.attempt(id), rank);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return LogPart{"", offset};  // it has not written anything yet
    return system_failure("read", path);
  }
  LogPart part;
  part.text.resize(bytes_max);
  const ssize_t n = ::pread(fd.get(), part.text.data(), bytes_max, static_cast<off_t>(offset));
  if (n < 0) return system_failure("read", path);
  part.text.resize(static_cast<std::size_t>(n));
  part.next = offset + static_cast<std::uint64_t>(n);
  return part;
}

}  // namespace mohona::host
