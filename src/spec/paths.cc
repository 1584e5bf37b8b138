#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/text.h"
#include "spec/draft.h"

namespace mohona {
namespace fs = std::filesystem;

std::string absolute_path(std::string_view text, const Source& source) {
  fs::path path(text);
  if (text == "~" || text.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    path = fs::path(home ? home : "/") / text.substr(std::min<std::size_t>(2, text.size()));
  }
  std::string out = (fs::path(source.directory) / path).lexically_normal().string();
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

std::string path_in_workdir(std::string_view text) {
  fs::path path = fs::path(text).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.empty() || path == "." || *path.begin() == "..") return "";
  return path.string();
}

namespace {

// Where a path that is missing was looked for, and whether it is there from where its author
// stands: SkyPilot's paths start there.
std::string where_it_may_be(const SpecNode& node, const std::string& path, const Source& source) {
  const std::string hint = fmt::format("looked for {}", path);
  if (source.standing.empty() || source.standing == source.directory) return hint;
  Source here = source;
  here.directory = source.standing;
  const std::string other = absolute_path(node.text, here);
  std::error_code error;
  if (other == path || !fs::exists(other, error)) return hint;
  return fmt::format("{}: paths start at the file's directory. {} exists: for that, write {}", hint,
                     other, fs::path(other).lexically_relative(source.directory).string());
}

struct MountDraft {
  std::string target, source;
  Draft& draft;
};

void refuse_bucket(const SpecNode& node, MountDraft& m) {
  m.draft.problems.add(
      node.key_place,
      fmt::format("'{}' asks for a bucket, which Mohona cannot honour yet", node.key),
      fmt::format("expected source: a path on this machine. A directory that "
                  "survives attempts is checkpoint: {{path: {}}}",
                  m.target));
}

void read_mode(const SpecNode& node, MountDraft& m) {
  constexpr std::array<std::string_view, 3> modes = {"COPY", "MOUNT", "MOUNT_CACHED"};
  for (const std::string_view mode : modes) {
    if (node.is_scalar() && lower(node.text) == lower(mode)) return;
  }
  wrong(node, suggestion(node.text, {modes.begin(), modes.end()}), m.draft.problems);
}

constexpr std::array<Key<MountDraft>, 6> mount_keys = {{
    {"source",
     [](const SpecNode& n, MountDraft& m) { read_local_path(n, m.source, m.draft, false); }},
    {"mode", read_mode},
    {"name", refuse_bucket},
    {"store", refuse_bucket},
    // Of a bucket; a local path is never removed.
    {"persistent",
     [](const SpecNode& n, MountDraft& m) {
       bool ignored = false;
       read_flag(n, ignored, m.draft.problems);
     }},
    {"config", refuse_bucket},
}};

// SkyPilot's {source: ./data, mode: COPY}: a local path needs no bucket here.
bool read_mount(const SpecNode& node, FileMount& out, Draft& draft) {
  if (!node.is_map()) return read_local_path(node, out.source, draft, false);
  MountDraft mount{out.target, "", draft};
  read_keys(node, mount_keys, {}, mount, draft.problems);
  const bool bucket = node.find("name") || node.find("store");
  if (!node.find("source") && !bucket) {
    lacks(node, "source", node.key_place, fmt::format("'{}' has no 'source'", node.key),
          "expected source: PATH", draft.problems);
  }
  out.source = mount.source;
  return !out.source.empty() && !bucket;
}

}  // namespace

bool read_local_path(const SpecNode& node, std::string& out, Draft& draft, bool must_be_directory) {
  constexpr std::string_view expected = "expected a path on this machine";
  if (node.is_map() && node.key == "workdir") {
    draft.problems.not_yet(node.place,
                           "a 'workdir' that is a map asks for a repository, something");
    return false;
  }
  if (!node.is_scalar() || node.text.empty()) {
    wrong(node, std::string(expected), draft.problems);
    return false;
  }
  if (node.text.find("://") != std::string::npos) {
    draft.problems.not_yet(node.place, fmt::format("{} is remote storage", in_quotes(node.text)));
    return false;
  }
  const std::string path = absolute_path(node.text, draft.source);
  std::error_code error;
  const auto status = draft.source.check_paths ? fs::status(path, error)
                                               : fs::file_status(fs::file_type::directory);
  if (!fs::exists(status)) {
    draft.problems.add(node.place, fmt::format("{} does not exist", in_quotes(node.text)),
                       where_it_may_be(node, path, draft.source));
    return false;
  }
  if (must_be_directory && !fs::is_directory(status)) {
    draft.problems.add(node.place, fmt::format("{} is not a directory", in_quotes(node.text)),
                       "expected a directory on this machine");
    return false;
  }
  out = path;
  return true;
}

void read_workdir(const SpecNode& node, Draft& draft) {
  read_local_path(node, draft.spec().workdir, draft, true);
}

namespace {

// Mounts are links: one below another would be made in that one's source, and of two at one place
// only one would be there.
void check_apart(const SpecNode& node, Draft& draft) {
  std::map<std::string, std::string> seen;  // target as a path, as written
  for (const SpecNode& mount : node.children) {
    const std::string target = path_in_workdir(mount.key);
    if (target.empty()) continue;
    std::string path = fs::path(target).lexically_normal().string();
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    for (const auto& [other, written] : seen) {
      const bool same = other == path;
      const bool below = path.starts_with(other + "/"), above = other.starts_with(path + "/");
      if (!same && !below && !above) continue;
      draft.problems.add(
          mount.key_place,
          same ? fmt::format("{} and {} are one place", in_quotes(written), in_quotes(mount.key))
               : fmt::format("{} lies in {}, which is a mount itself",
                             in_quotes(below ? mount.key : written),
                             in_quotes(below ? written : mount.key)),
          "expected targets that lie beside each other");
      return;
    }
    seen.emplace(std::move(path), mount.key);
  }
}

}  // namespace

void read_file_mounts(const SpecNode& node, Draft& draft) {
  if (!is_map(node, "a map of TARGET: LOCAL PATH", draft.problems)) return;
  for (const SpecNode& mount : node.children) {
    if (mount.key.empty()) {
      draft.problems.add(mount.key_place, "a target cannot be empty", "expected a path");
      continue;
    }
    FileMount out{path_in_workdir(mount.key), ""};
    if (out.target.empty()) {
      draft.problems.add(
          mount.key_place,
          fmt::format("{} is no place in the working directory", in_quotes(mount.key)),
          "expected an absolute path, or a relative one that stays inside");
      continue;
    }
    if (!lacks_blank(mount, draft.problems) && read_mount(mount, out, draft)) {
      draft.spec().file_mounts.edit().push_back(std::move(out));
    }
  }
  check_apart(node, draft);
}

}  // namespace mohona
