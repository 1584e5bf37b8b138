// Globs, listed with an end to it: a pattern over a tree of links that lead back up has more
// matches than there are atoms, and a directory may have any number of files.
#include <dirent.h>
#include <glob.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <set>

#include "base/text.h"
#include "engine/host/places.h"

namespace mohona::host {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t shards_max = 1'000'000;
// What may be looked at for one job: some seconds of work, and as much memory as its matches take.
constexpr std::size_t entries_max = 2'000'000;
constexpr std::chrono::seconds list_within{10};

// glob(3) calls functions of ours that have no place for a value of ours.
struct Bounds {
  Steady::time_point until;
  std::size_t entries = 0;
  const char* exceeded = nullptr;
};
thread_local Bounds* bounds = nullptr;

void* open_directory(const char* path) {
  return bounds->exceeded ? nullptr : static_cast<void*>(::opendir(path));
}

dirent* read_entry(void* directory) {
  if (bounds->exceeded) return nullptr;
  if (++bounds->entries > entries_max) bounds->exceeded = "has too many files to look at";
  if (bounds->entries % 256 == 0 && Steady::now() > bounds->until) {
    bounds->exceeded = "takes too long to list";
  }
  return bounds->exceeded ? nullptr : ::readdir(static_cast<DIR*>(directory));
}

void close_directory(void* directory) { ::closedir(static_cast<DIR*>(directory)); }

Result<void> list(const std::string& pattern, std::set<std::string>& found) {
  glob_t matches{};
  matches.gl_opendir = open_directory;
  matches.gl_readdir = read_entry;
  matches.gl_closedir = close_directory;
  matches.gl_stat = ::stat;
  matches.gl_lstat = ::lstat;
  const int code = ::glob(pattern.c_str(), GLOB_TILDE | GLOB_ALTDIRFUNC, nullptr, &matches);
  for (std::size_t i = 0; i < matches.gl_pathc; ++i) found.emplace(matches.gl_pathv[i]);
  ::globfree(&matches);
  if (bounds->exceeded) {
    return fail(Code::invalid, fmt::format("{} {}: {} entries in at most {} s", pattern,
                                           bounds->exceeded, entries_max, list_within.count()));
  }
  if (code != 0 && code != GLOB_NOMATCH) {
    return fail(Code::invalid, fmt::format("cannot list {}", pattern));
  }
  if (found.size() > shards_max) {
    return fail(Code::invalid, fmt::format("{} matches more than {} files", pattern, shards_max));
  }
  return {};
}

std::string pattern_of(const Places& places, const JobSpec& spec, std::string pattern,
                       const std::vector<NeededJob>& needs) {
  for (const NeededJob& needed : needs) {
    const std::string variable = "$MOHONA_INPUT_" + environment_name(needed.name);
    for (std::size_t at; (at = pattern.find(variable)) != std::string::npos;) {
      pattern.replace(at, variable.size(), places.job(needed.job) + "/output");
    }
  }
  if (std::filesystem::path(pattern).is_absolute()) return pattern;
  return (spec.workdir.empty() ? *spec.submit_directory : spec.workdir) + "/" + pattern;
}

}  // namespace

Result<std::vector<std::string>> list_shards(const Places& places, const Job& job,
                                             const std::vector<NeededJob>& needs) {
  Bounds mine{Steady::now() + list_within};
  bounds = &mine;
  std::set<std::string> found;
  for (const std::string& glob : job.spec->shards->globs) {
    if (auto ok = list(pattern_of(places, *job.spec, glob, needs), found); !ok) {
      return fail(ok.error());
    }
  }
  for (const std::string& file : found) {
    if (!is_utf8(file)) {
      return fail(Code::invalid, fmt::format("the name of {} is not UTF-8; rename it", file));
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

}  // namespace mohona::host
