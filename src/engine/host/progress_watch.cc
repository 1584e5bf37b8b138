#include "engine/host/progress_watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "engine/host/log_pump.h"
#include "engine/progress_text.h"

namespace mohona::host {
namespace {

constexpr std::size_t complaint_bytes_max = 60;

struct Part {
  std::string text;
  std::uint64_t size = 0;  // of the whole file
  Timestamp written_at;
};

// The first or the last bytes of a regular file. Nothing: there is none, or somebody wrote to it
// while it was read.
std::optional<Part> read_part(const std::string& path, bool end) {
  // The work may have put anything in the file's place.
  const auto opened = end ? open_to_read_log(path) : open_regular_file(path);
  if (!opened || !*opened) return std::nullopt;
  const Fd& fd = *opened;
  struct stat before {};
  struct stat after {};
  if (::fstat(fd.get(), &before) != 0) return std::nullopt;
  Part part;
  part.size = static_cast<std::uint64_t>(before.st_size);
  const std::uint64_t from =
      end && part.size > progress_bytes_max ? part.size - progress_bytes_max : 0;
  part.text.resize(progress_bytes_max);
  const ssize_t n =
      ::pread(fd.get(), part.text.data(), progress_bytes_max, static_cast<off_t>(from));
  if (n < 0 || ::fstat(fd.get(), &after) != 0) return std::nullopt;
  const auto same = [](const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  // A log may grow meanwhile: what was there stays there.
  if (!end && (before.st_size != after.st_size || !same(before.st_mtim, after.st_mtim))) {
    return std::nullopt;
  }
  part.text.resize(static_cast<std::size_t>(n));
  part.written_at = Timestamp(std::chrono::seconds(before.st_mtim.tv_sec) +
                              std::chrono::microseconds(before.st_mtim.tv_nsec / 1'000));
  return part;
}

Box<StepsReport> with_time(std::optional<StepsReport> steps, const Part& part) {
  if (!steps) return {};
  steps->at = part.written_at;
  return std::move(*steps);
}

bool same_steps(const Box<StepsReport>& a, const Box<StepsReport>& b) {
  return a && b && a->done == b->done && a->total == b->total && a->metrics == b->metrics;
}

std::string log_of(const std::string& directory) { return directory + "/rank0.log"; }
std::string file_of(const std::string& directory) { return directory + "/" + progress_file; }

}  // namespace

void ProgressWatch::follow(const AttemptId& attempt, const std::string& directory, bool from_log) {
  const std::lock_guard lock(mutex_);
  auto& followed = followed_[attempt];
  if (followed) return;
  followed = std::make_shared<Followed>();
  followed->attempt = attempt;
  followed->directory = directory;
  followed->from_log = from_log;
}

void ProgressWatch::forget(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  followed_.erase(attempt);
}

Box<StepsReport> ProgressWatch::newest(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  const auto found = followed_.find(attempt);
  return found == followed_.end() ? Box<StepsReport>() : found->second->told;
}

std::vector<AttemptId> ProgressWatch::look() {
  std::vector<std::shared_ptr<Followed>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, followed] : followed_) all.push_back(followed);
  }
  std::vector<AttemptId> news;
  for (const auto& followed : all) {
    read(*followed);
    const auto now = Steady::now();
    const bool due = !followed->told_at || now - *followed->told_at >= progress_every;
    if (!followed->news || !due) continue;
    followed->news = false;
    followed->told_at = now;
    const std::lock_guard lock(mutex_);
    followed->told = followed->read;
    news.push_back(followed->attempt);
  }
  return news;
}

// The file goes before the log: it was written to be read.
void ProgressWatch::read(Followed& f) {
  Box<StepsReport> found;
  if (const auto part = read_part(file_of(f.directory), false); part && !trim(part->text).empty()) {
    found = with_time(parse_progress(part->text), *part);
    if (!found) complain(f, part->text);
  }
  if (!found && f.from_log) {
    struct stat log {};
    const bool grown = ::stat(log_of(f.directory).c_str(), &log) == 0 &&
                       static_cast<std::uint64_t>(log.st_size) != f.log_size;
    if (!grown) return;
    if (const auto part = read_part(log_of(f.directory), true)) {
      f.log_size = part->size;
      found = with_time(parse_log_progress(part->text), *part);
    }
  }
  if (!found || same_steps(found, f.read)) return;
  f.read = std::move(found);
  f.news = true;
}

void ProgressWatch::complain(Followed& f, std::string_view text) {
  if (f.complained) return;
  f.complained = true;
  std::string shown;
  for (const char c : trim(text).substr(0, complaint_bytes_max)) {
    shown += c >= ' ' && c < 0x7f ? c : '?';
  }
  const std::string line =
      fmt::format("attempt {}: '{}' in $MOHONA_PROGRESS is not STEP/TOTAL; ignored\n",
                  to_string(f.attempt), shown);
  const Fd log(::open(complaints_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  [[maybe_unused]] const ssize_t n = ::write(log.get(), line.data(), line.size());
}

Box<StepsReport> last_steps(const std::string& directory, bool from_log) {
  if (const auto part = read_part(file_of(directory), false)) {
    if (auto steps = with_time(parse_progress(part->text), *part)) return steps;
  }
  if (!from_log) return {};
  const auto part = read_part(log_of(directory), true);
  return part ? with_time(parse_log_progress(part->text + "\n"), *part) : Box<StepsReport>();
}

}  // namespace mohona::host
