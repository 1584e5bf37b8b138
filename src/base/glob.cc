#include "base/glob.h"

#include <dirent.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "base/text.h"

namespace mohona {
namespace {

constexpr std::size_t pattern_bytes_max = 4'096;  // PATH_MAX: no longer path can be opened
constexpr std::size_t depth_max = 64;             // of directories under one **

bool is_pattern(std::string_view part) { return part.find_first_of("*?[\\") != part.npos; }

// A place still to be looked at: what is under `directory` matches from `part` on.
struct Place {
  std::string directory;  // ends with '/'
  std::size_t part;
  std::size_t depth;  // of the directories under the ** that led here
};

class Listing {
 public:
  Listing(const std::string& pattern, const GlobLimits& limits)
      : pattern_(pattern),
        limits_(limits),
        until_(std::chrono::steady_clock::now() + limits.time_max) {
    for (const std::string_view part : split(pattern, '/')) {
      const bool again = part == "**" && !parts_.empty() && parts_.back() == "**";  // says no more
      if (!part.empty() && !again) parts_.emplace_back(part);
    }
  }

  Result<std::vector<std::string>> list() {
    // Not by recursion: the pattern says how deep it goes.
    places_.push_back({"/", 0, 0});
    while (!places_.empty()) {
      const Place place = std::move(places_.back());
      places_.pop_back();
      if (auto ok = look(place); !ok) return fail(ok.error());
    }
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return std::move(found_);
  }

 private:
  Result<void> look(const Place& place) {
    if (place.part == parts_.size()) return {};
    const std::string& part = parts_[place.part];
    if (part == "**") {
      // No directory at all; and each directory here, with the ** again.
      places_.push_back({place.directory, place.part + 1, 0});
      return each(place.directory, [&](const dirent& entry) -> Result<void> {
        if (entry.d_name[0] == '.' || place.depth >= depth_max) return {};
        const std::string path = place.directory + entry.d_name;
        struct stat about {};
        if (::lstat(path.c_str(), &about) != 0) return {};
        if (S_ISDIR(about.st_mode)) places_.push_back({path + "/", place.part, place.depth + 1});
        const bool is_last = place.part + 1 == parts_.size();
        return is_last ? add(path) : Result<void>{};
      });
    }
    if (!is_pattern(part)) return take(place, part);
    return each(place.directory, [&](const dirent& entry) -> Result<void> {
      const std::string_view name = entry.d_name;
      if (name == "." || name == "..") return {};
      if (::fnmatch(part.c_str(), entry.d_name, FNM_PERIOD) != 0) return {};
      return take(place, entry.d_name);
    });
  }

  // `name` matches the part of `place`: it is a result, or a directory in which the rest is looked
  // for.
  Result<void> take(const Place& place, const std::string& name) {
    const std::string path = place.directory + name;
    struct stat about {};
    if (place.part + 1 == parts_.size()) {
      return ::lstat(path.c_str(), &about) == 0 ? add(path) : Result<void>{};
    }
    if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
      places_.push_back({path + "/", place.part + 1, 0});
    }
    return {};
  }

  Result<void> add(std::string path) {
    if (found_.size() >= limits_.matches_max) {
      return fail(Code::invalid,
                  fmt::format("{} matches more than {} files", pattern_, limits_.matches_max));
    }
    found_.push_back(std::move(path));
    return {};
  }

  template <class Do>
  Result<void> each(const std::string& directory, Do act) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    if (!open) return {};
    while (const dirent* entry = ::readdir(open.get())) {
      if (++entries_ > limits_.entries_max) {
        return fail(Code::invalid, fmt::format("{} has too many files to look at: more than {}",
                                               pattern_, limits_.entries_max));
      }
      if (std::chrono::steady_clock::now() > until_) {
        return fail(Code::invalid, fmt::format("{} takes too long to list: more than {} s",
                                               pattern_, limits_.time_max.count()));
      }
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (auto ok = act(*entry); !ok) return ok;
    }
    return {};
  }

  const std::string& pattern_;
  const GlobLimits& limits_;
  std::chrono::steady_clock::time_point until_;
  std::vector<std::string> parts_;
  std::vector<Place> places_;
  std::vector<std::string> found_;
  std::size_t entries_ = 0;
};

}  // namespace

Result<std::vector<std::string>> list_matches(const std::string& pattern,
                                              const GlobLimits& limits) {
  if (pattern.size() > pattern_bytes_max) {
    return fail(Code::invalid, fmt::format("a pattern has {} bytes; expected at most {}",
                                           pattern.size(), pattern_bytes_max));
  }
  return Listing(pattern, limits).list();
}

}  // namespace mohona
