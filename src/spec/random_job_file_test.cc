// Random job files: what is sound is accepted, and what is damaged is accepted or refused with a
// position, never with an exception. MOHONA_CASES says how many (2,000 if not said).
#include "spec/random_job_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/text.h"
#include "spec/sbatch_options.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

std::uint64_t cases() {
  const char* said = std::getenv("MOHONA_CASES");
  return said ? std::strtoull(said, nullptr, 10) : 2'000;
}

Result<std::vector<Submission>> parse(const RandomJobFile& file) {
  return parse_job_file({file.name, file.text, "/nowhere", false});
}

TEST(RandomJobFile, ASoundOneIsAccepted) {
  for (std::uint64_t seed = 0; seed < cases(); ++seed) {
    const RandomJobFile file = random_job_file(seed, {.small = seed % 2 == 0});
    const auto jobs = parse(file);
    ASSERT_TRUE(jobs) << "seed " << seed << "\n" << file.text << "\n" << jobs.error().message;
    ASSERT_EQ(jobs->size(), file.jobs) << file.text;
  }
}

TEST(RandomJobFile, ADamagedOneIsAcceptedOrRefusedWithAPosition) {
  std::uint64_t damaged = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < cases(); ++seed) {
    const RandomJobFile file = random_job_file(seed, {.may_be_damaged = true});
    damaged += file.damaged ? 1 : 0;
    const auto jobs = parse(file);
    if (jobs) {
      ASSERT_FALSE(jobs->empty()) << file.text;
      continue;
    }
    ++refused;
    ASSERT_TRUE(file.damaged) << file.text;
    const auto parts = split(jobs.error().message, ':');
    ASSERT_GE(parts.size(), 4) << jobs.error().message;
    ASSERT_EQ(parts[0], file.name);
    ASSERT_EQ(parts[1].find_first_not_of("0123456789"), parts[1].npos) << jobs.error().message;
    ASSERT_EQ(parts[2].find_first_not_of("0123456789"), parts[2].npos) << jobs.error().message;
  }
  EXPECT_GT(damaged, cases() / 5);
  EXPECT_GT(refused, cases() / 10);
}

TEST(RandomJobFile, TheSameSeedGivesTheSameFile) {
  for (const std::uint64_t seed : {0, 1, 17}) {
    EXPECT_EQ(random_job_file(seed).text, random_job_file(seed).text);
  }
  EXPECT_NE(random_job_file(1).text, random_job_file(2).text);
}

// --- every key that is documented
// -----------------------------------------------------------------

// The words in backticks of the first columns of the tables between two headings of docs/jobs.md.
std::set<std::string> documented(const std::string& from, const std::string& to) {
  const std::string text = read_file(tests_directory() / "../docs/jobs.md");
  const std::size_t begin = text.find(from);
  std::set<std::string> out;
  for (const std::string_view line : split(text.substr(begin, text.find(to) - begin), '\n')) {
    if (!line.starts_with("| `")) continue;
    const std::string_view cell = split(line.substr(1), '|')[0];
    const auto words = split(cell, '`');
    for (std::size_t i = 1; i < words.size(); i += 2) out.insert(std::string(words[i]));
  }
  return out;
}

TEST(RandomJobFile, HasEveryDocumentedKeyAndOption) {
  std::string all, scripts;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    const RandomJobFile file = random_job_file(seed);
    (file.name.ends_with(".yaml") ? all : scripts) += file.text;
  }
  const auto keys = documented("## Keys", "## What a job sees");
  EXPECT_GE(keys.size(), 40);
  for (std::string key : keys) {
    key = key.substr(key.rfind('.') + 1);  // config.hooks
    const bool found = all.find(key + ":") != all.npos || all.find(key + "\":") != all.npos;
    EXPECT_TRUE(found) << "docs/jobs.md has the key '" << key << "', no random file has it";
  }
  for (const Option& option : sbatch_options()) {
    if (!option.read) continue;
    const std::string name = fmt::format("--{}", option.name);
    EXPECT_NE(scripts.find(name), scripts.npos) << "no random script has " << name;
  }
}

}  // namespace
}  // namespace mohona
