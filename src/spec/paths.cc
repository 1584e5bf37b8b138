#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

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

bool read_local_path(const SpecNode& node, std::string& out, Draft& draft, bool must_be_directory) {
  constexpr std::string_view expected = "expected a path on this machine";
  if (node.is_map()) {
    draft.problems.not_yet(node.place, fmt::format("'{}' as a map is storage", node.key));
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
                       fmt::format("looked for {}", path));
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
  if (!node.is_null()) read_local_path(node, draft.spec().workdir, draft, true);
}

void read_file_mounts(const SpecNode& node, Draft& draft) {
  if (node.is_null() || !is_map(node, "a map of TARGET: LOCAL PATH", draft.problems)) return;
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
    if (read_local_path(mount, out.source, draft, false)) {
      draft.spec().file_mounts.edit().push_back(std::move(out));
    }
  }
}

}  // namespace mohona
