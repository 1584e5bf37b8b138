// The files of a job's globs, listed with an end to it: a tree of links that lead back up has more
// matches than there are atoms, and a directory may have any number of files.
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/glob.h"
#include "base/text.h"
#include "engine/host/places.h"

namespace mohona::host {
namespace {

constexpr std::size_t shards_max = 1'000'000;
// What may be looked at for one job: some seconds of work, and as much memory as its matches take.
constexpr std::size_t entries_max = 2'000'000;
constexpr std::chrono::seconds list_within{10};

// `text` with `value` in place of `variable`, where that is the whole name.
std::string with_value(std::string text, const std::string& variable, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(variable, at)) != std::string::npos;) {
    const std::size_t end = at + variable.size();
    const bool goes_on = end < text.size() &&
                         (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_');
    if (goes_on) {
      at = end;
      continue;
    }
    text.replace(at, variable.size(), value);
    at += value.size();
  }
  return text;
}

std::string pattern_of(const Places& places, const JobSpec& spec, std::string pattern,
                       const std::vector<NeededJob>& needs) {
  for (const NeededJob& needed : needs) {
    const std::string variable = "$MOHONA_INPUT_" + environment_name(needed.name);
    pattern = with_value(std::move(pattern), variable, places.job(needed.job) + "/output");
  }
  const char* home = ::getenv("HOME");
  if (pattern.starts_with("~/") && home) return home + pattern.substr(1);
  if (std::filesystem::path(pattern).is_absolute()) return pattern;
  return (spec.workdir.empty() ? *spec.submit_directory : spec.workdir) + "/" + pattern;
}

}  // namespace

Result<std::vector<std::string>> list_shards(const Places& places, const Job& job,
                                             const std::vector<NeededJob>& needs) {
  const auto until = std::chrono::steady_clock::now() + list_within;
  GlobLimits left{shards_max, entries_max, {}};
  std::set<std::string> found;
  for (const std::string& glob : job.spec->shards->globs) {
    left.time_max =
        std::chrono::ceil<std::chrono::seconds>(until - std::chrono::steady_clock::now());
    const std::string pattern = pattern_of(places, *job.spec, glob, needs);
    const auto matches = list_matches(pattern, left);
    if (!matches) return fail(matches.error());
    found.insert(matches->begin(), matches->end());
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

}  // namespace mohona::host
