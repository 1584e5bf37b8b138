#include "base/gz_lines.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <memory>

#include "base/file.h"

namespace mohona {
namespace {

struct Close {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using File = std::unique_ptr<gzFile_s, Close>;

}  // namespace

Result<void> for_lines(const std::string& path, const TakeLine& take) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_failure("read", path);
  const File file(gzdopen(fd, "rb"));
  if (!file) {
    ::close(fd);
    return fail(Code::internal, fmt::format("cannot read {}: no memory", path));
  }
  std::size_t number = 0;
  std::string line;  // what has been read of it
  const auto finish = [&]() -> Result<void> {
    if (line.ends_with('\r')) line.pop_back();
    auto taken = take(++number, line);
    line.clear();
    return taken;
  };
  char buffer[16'384];
  while (true) {
    const int n = gzread(file.get(), buffer, sizeof buffer);
    if (n < 0) {
      int code = 0;
      const std::string why = gzerror(file.get(), &code);
      if (code == Z_ERRNO) return system_failure("read", path);
      return fail(Code::invalid, fmt::format("cannot read {}: {}", path, why));
    }
    if (n == 0) break;
    std::string_view rest(buffer, static_cast<std::size_t>(n));
    for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1)) {
      line.append(rest.substr(0, end));
      if (auto taken = finish(); !taken) return taken;
    }
    line.append(rest);
    if (line.size() > line_length_max) {
      return fail(Code::invalid, fmt::format("cannot read {}: line {} is longer than {} bytes",
                                             path, number + 1, line_length_max));
    }
  }
  // A compressed file that was cut off ends without a word.
  if (int code = 0; gzerror(file.get(), &code), code != Z_OK && code != Z_STREAM_END) {
    return fail(Code::invalid, fmt::format("cannot read {}: it ends in the middle", path));
  }
  if (!line.empty()) return finish();
  return {};
}

}  // namespace mohona
