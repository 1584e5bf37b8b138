// Whatever is read, there is either a job or a message whose every line is one of the text's.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <charconv>

#include "base/text.h"
#include "spec/assumptions_file.h"
#include "spec/contracts_file.h"
#include "spec/fleet_file.h"
#include "spec/price_file.h"
#include "spec/skypilot_catalogue.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

std::vector<std::string> seeds() {
  std::vector<std::string> out;
  for (const char* folder : {"skypilot", "spec/broken"}) {
    for (const auto& entry : std::filesystem::directory_iterator(tests_directory() / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".yaml" || extension == ".sbatch" || extension == ".csv") {
        out.push_back(read_file(entry.path()));
      }
    }
  }
  for (const auto& entry :
       std::filesystem::directory_iterator(tests_directory() / "../examples/contracts")) {
    out.push_back(read_file(entry.path()));
  }
  out.push_back(read_file(tests_directory() / "../examples/openai-aws.yaml"));
  out.push_back(read_file(tests_directory() / "../data/list-prices.yaml"));
  std::sort(out.begin(), out.end());
  out.push_back(R"({"name": "a", "run": "true", "resources": {"cpus": [1, 2.5e3, null]}})");
  return out;
}

// A message is of blocks: "NAME:LINE:COLUMN: …", the line, the caret, perhaps a hint.
void check_message(const Error& error, const std::string& name, const std::string& text) {
  RC_ASSERT(error.code == Code::invalid);
  RC_ASSERT(error.message.ends_with('\n'));
  RC_ASSERT(error.message.starts_with(name + ":1") || error.message.starts_with(name + ":"));
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const std::string_view line : split(error.message, '\n')) {
    if (!line.starts_with(name + ":") || line == name + ": and more") continue;
    const auto parts = split(line, ':');
    RC_ASSERT(parts.size() >= 4);
    std::size_t at = 0, column = 0;
    std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), at);
    std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), column);
    RC_ASSERT(at >= 1 && at <= lines);
    const std::string_view source = split(text, '\n')[at - 1];
    RC_ASSERT(column >= 1 && column <= source.size() + 1);
  }
}

void check(const std::string& text) {
  if (const auto jobs = parse_job_file({"a", text, "/nowhere"}); !jobs) {
    check_message(jobs.error(), "a", text);
  } else {
    RC_ASSERT(!jobs->empty());
  }
  if (const auto job = parse_job_json(text, "/nowhere"); !job)
    check_message(job.error(), "job", text);
  const Source source{"a", text, "/nowhere"};
  if (const auto read = parse_fleet_file(source); !read) check_message(read.error(), "a", text);
  if (const auto read = parse_contracts_file(source); !read) check_message(read.error(), "a", text);
  if (const auto read = parse_assumptions_file(source); !read) {
    check_message(read.error(), "a", text);
  }
  if (const auto read = parse_price_file(source); !read) check_message(read.error(), "a", text);
  if (const auto read = parse_skypilot_catalogue(source, "aws", {}); !read) {
    check_message(read.error(), "a", text);
  }
}

RC_GTEST_PROP(RandomText, Bytes, (const std::string& text)) { check(text); }

RC_GTEST_PROP(RandomText, Punctuation, ()) {
  check(*rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("{}[]:,-&*!|>'\"%@`#?~<\\ \t\n\n  ab1."))));
}

void mutate(std::string& text, const std::string& other) {
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
  const auto length = *rc::gen::inRange<std::size_t>(0, 12);
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      text.erase(at, length);
      break;
    case 1:
      text.insert(at, text.substr(text.size() / 2, length));
      break;
    case 2:
      text.insert(at, 1, *rc::gen::arbitrary<char>());
      break;
    case 3:
      text.replace(at, text.npos, other.substr(std::min(at, other.size())));
      break;
    default:
      text.insert(at, 1, *rc::gen::elementOf(std::string("{}[]:,-&*!|>'\"#?~<\\ \t\n")));
  }
}

RC_GTEST_PROP(RandomText, MutatedFiles, ()) {
  static const std::vector<std::string> all = seeds();
  for (int i = 0; i < 10; ++i) {
    std::string text = *rc::gen::elementOf(all);
    const std::string other = *rc::gen::elementOf(all);
    const int changes = *rc::gen::inRange(1, 8);
    for (int change = 0; change < changes; ++change) mutate(text, other);
    check(text);
  }
}

}  // namespace
}  // namespace mohona
