// Journals that released versions wrote must be read by every later one, to the same state.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/audit/audit.h"
#include "core/audit/auditor.h"
#include "core/state.h"
#include "model/codec.h"
#include "model/names.h"

namespace mohona {
namespace {

TEST(Journals, OfEveryReleasedVersionAreRead) {
  std::size_t journals = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(MOHONA_SOURCE_DIR "/tests/journals")) {
    std::ifstream lines(file.path());
    State state;
    Auditor auditor;
    for (std::string line; std::getline(lines, line);) {
      const auto fact = decode_fact(line);
      ASSERT_TRUE(fact) << file.path() << ": " << fact.error().message;
      state.apply(*fact);
      auditor.see(*fact);
      // Written again it is the same text: no field was dropped or renamed.
      EXPECT_EQ(encode(*fact), line) << file.path();
    }
    EXPECT_FALSE(state.jobs().empty());
    auditor.compare(state);
    for (const Violation& v : auditor.violations()) ADD_FAILURE() << file.path() << to_string(v);
    for (const Violation& v : audit(state, auditor.now())) ADD_FAILURE() << to_string(v);
    ++journals;
  }
  EXPECT_GE(journals, 1u);
}

TEST(Journals, TheMainJobOf010EndsAsItDid) {
  std::ifstream lines(MOHONA_SOURCE_DIR "/tests/journals/0.1.0.jsonl");
  State state;
  for (std::string line; std::getline(lines, line);) state.apply(*decode_fact(line));
  std::string story;
  for (const auto& [id, entry] : state.jobs()) {
    story += fmt::format("{} {} after {} attempts\n", entry.job.spec->name, name(entry.job.state),
                         entry.job.attempts.size());
  }
  EXPECT_EQ(story,
            "corpus succeeded after 1 attempts\n"
            "tokenise succeeded after 12 attempts\n"
            "pretrain succeeded after 2 attempts\n"
            "chat cancelled after 1 attempts\n");
  const Job& pretrain = state.find_by_name("pretrain")->job;
  EXPECT_EQ(pretrain.attempts.front().cloud, "aws");
  EXPECT_EQ(pretrain.attempts.front().stopping, StopReason::reclaimed);
  EXPECT_EQ(pretrain.attempts.back().cloud, "gcp");
}

}  // namespace
}  // namespace mohona
