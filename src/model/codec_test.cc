#include "model/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mohona {
namespace {

JobSpec full_spec() {
  JobSpec spec;
  spec.name = "pre\"train\n\x01 ü";
  spec.kind = Kind::train;
  spec.num_nodes = 2;
  spec.envs = {{"A", "1"}, {"B", ""}};
  spec.resources.choices = {Choice{}, Choice{.demand = {.cpus_milli = 0}, .use_spot = true}};
  spec.checkpoint = Checkpoint{"ckpt"};
  spec.progress = ProgressSpec{10'000, true};
  spec.budget = Money{12'500'000};
  spec.max_duration = std::chrono::hours(1);
  spec.service = Service{};
  spec.retries.max = 3;
  return spec;
}

TEST(Codec, AFactIsReadBackAsWritten) {
  const Facts facts = {
      ControllerStarted{Epoch{3}, Timestamp(Duration(5))},
      JobSubmitted{JobId{7}, full_spec(), {JobId{1}}, "key", "", Timestamp(Duration(9))},
      AttemptPlaced{{.id = {JobId{7}, 0, 2}, .pool = "aws", .holdings = {{1, {0, 3}}}}},
      AttemptEnded{{JobId{7}, 0, 2}, {End::lost, 0, false, "gone"}, Timestamp(Duration(11))},
      AttemptProgressed{
          {JobId{7}, 0, 2},
          Timestamp(Duration(90)),
          {},
          Steps{3, 9, Timestamp(Duration(8)), 1, Timestamp(Duration(7)), {{"a", "b"}}}},
      AttemptProgressed{{JobId{7}, 0, 2}, {}, {}, Steps{}},
      JobEnded{JobId{7}, JobState::failed, "why", {}},
      PackingPriced{{{{"aws", 5, 7}}, {{8'000, 1'024, 0, 500, {"t4"}, 9, 11}}, {0, 3}}},
  };
  for (const Fact& fact : facts) {
    const auto read = decode_fact(encode(fact));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, fact) << encode(fact);
  }
}

TEST(Codec, QueuesAreARowOfTheSnapshot) {
  EXPECT_EQ(encode(QueuesDefined{}), "{}");
  const QueuesDefined queues{{Queue{.name = "a", .borrow_ppm = 0}},
                             {.ageing = Duration(0), .preempt = Preempt::never}};
  EXPECT_EQ(encode(queues), R"({"queues":[{"name":"a","borrow_ppm":0}],)"
                            R"("scheduling":{"ageing":0,"preempt":"never"}})");
  EXPECT_EQ(*decode_queues(encode(queues)), queues);
}

TEST(Codec, OnlyWhatDiffersFromADefaultIsWritten) {
  EXPECT_EQ(encode(Fact{JobEnded{JobId{7}, JobState::succeeded, "", Timestamp(Duration(5))}}),
            R"({"job_ended":{"job":7,"at":5}})");
  // A false that is not the default must survive.
  JobSpec spec;
  spec.restart_after_loss = false;
  EXPECT_EQ(encode(spec), R"({"restart_after_loss":false})");
}

TEST(Codec, UnknownFieldsAreSkippedAndUnknownFactsAreNot) {
  EXPECT_TRUE(decode_fact(R"({"job_ended":{"job":7,"colour":"red"}})"));
  const auto newer = decode_fact(R"({"job_melted":{}})");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().message,
            "the journal holds a fact that cannot be read: a fact of a newer version: job_melted\n"
            "  {\"job_melted\":{}}");
  for (const char* damaged :
       {"", "{", "[]", "7", "{}", R"({"job_ended":3})", R"({"job_ended":{"state":"melted"}})"}) {
    EXPECT_FALSE(decode_fact(damaged)) << damaged;
  }
}

RC_GTEST_PROP(Codec, AnyBytesInATextSurvive, (const std::vector<std::uint8_t>& bytes)) {
  // Text of a job file is UTF-8 by the time it gets here; ASCII covers every escape.
  std::string text;
  for (const std::uint8_t b : bytes) text += static_cast<char>(b & 0x7f);
  const Fact fact = JobEnded{JobId{1}, JobState::failed, text, {}};
  RC_ASSERT(*decode_fact(encode(fact)) == fact);
}

TEST(Codec, BytesThatAreNoTextCanBeReadBack) {
  const auto read = decode_fact(encode(Fact(JobExpanded{JobId{1}, {"caf\xe9"}, Timestamp{}})));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(std::get<JobExpanded>(*read).shards, std::vector<std::string>{"caf\uFFFD"});
}

}  // namespace
}  // namespace mohona
