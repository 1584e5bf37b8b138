// Tasks and attempts: what stays of a job that has very many.
#include "model/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model/codec.h"

namespace mohona {
namespace {

Job array_of(std::uint32_t count) {
  JobSpec spec;
  spec.name = "array";
  spec.kind = Kind::data;
  spec.shards = Shards{.range = Indices{0, count - 1}};
  Job job;
  job.id = JobId{1};
  job.spec = std::make_shared<const JobSpec>(spec);
  job.tasks.resize(count);
  return job;
}

TEST(Tasks, AMillionEqualOnesAreOneRecord) {
  Job job = array_of(1'000'000);
  EXPECT_EQ(encode(job),
            R"({"id":1,"spec":{"name":"array","kind":"data","shards":{"range":{"last":999999}}},)"
            R"("tasks":[{"count":1000000}]})");
  job.tasks.at(7).state = JobState::succeeded;
  job.tasks.at(8).state = JobState::succeeded;
  job.tasks.at(9).state = JobState::failed;
  job.tasks.set_note(9, {{}, "exit code 3"});
  const std::string text = encode(job);
  EXPECT_NE(text.find(R"("tasks":[{"count":7},{"state":"succeeded","count":2},)"
                      R"({"state":"failed","reason":"exit code 3"},{"count":999990}])"),
            std::string::npos)
      << text;
  const Job read = *decode_job(text);
  EXPECT_EQ(read.tasks, job.tasks);
  EXPECT_EQ(read.tasks.notes().size(), 1u);
  EXPECT_EQ(read.shard(999'999), "999999");
}

TEST(Tasks, OfTheFirstSnapshotsAreRead) {
  const auto job = decode_job(
      R"({"id":3,"spec":{"name":"a"},"tasks":[{"state":"running","attempts":2,"losses":1},{},)"
      R"({"state":"recovering","failures":1,"not_before":5,"reason":"exit code 1"}]})");
  ASSERT_TRUE(job) << job.error().message;
  ASSERT_EQ(job->tasks.size(), 3u);
  EXPECT_EQ(job->tasks[0].losses, 1);
  EXPECT_EQ(job->tasks[1], Task{});
  EXPECT_EQ(job->tasks.note(2), (TaskNote{Timestamp(Duration(5)), "exit code 1"}));
  EXPECT_EQ(job->tasks.note(1), TaskNote{});
}

TEST(Tasks, LossesAreCountedNoFurtherThanTheyMatter) {
  Task task;
  task.losses = Task::losses_most - 1;
  task.count_loss();
  task.count_loss();
  EXPECT_EQ(task.losses, Task::losses_most);
}

TEST(Tasks, ThatAllFailAlikeShareOneNoteAndOneRecord) {
  Job job = array_of(1'000);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const std::uint32_t task = i * 7 % 1'000;  // in any order
    job.tasks.at(task).state = JobState::failed;
    job.tasks.set_note(task, {{}, "exit code 1"});
  }
  EXPECT_EQ(job.tasks.notes().size(), 1u);
  EXPECT_EQ(job.tasks.records().size(), 1u);
  EXPECT_EQ(decode_job(encode(job))->tasks, job.tasks);
}

RC_GTEST_PROP(Tasks, AreReadBackAsWritten, ()) {
  Job job = array_of(*rc::gen::inRange<std::uint32_t>(1, 40));
  std::map<std::uint32_t, std::string> plain;
  const int steps = *rc::gen::inRange(0, 80);
  for (int step = 0; step < steps; ++step) {
    const auto i =
        *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(job.tasks.size()));
    job.tasks.at(i).state = static_cast<JobState>(*rc::gen::inRange(0, 2));
    plain[i] = *rc::gen::element<std::string>("", "a", "b");
    job.tasks.set_note(i, {{}, plain[i]});
  }
  const Tasks read = decode_job(encode(job))->tasks;
  RC_ASSERT(read == job.tasks);
  for (std::uint32_t i = 0; i < read.size(); ++i) {
    RC_ASSERT(read.note(i).reason == plain[i]);
    RC_ASSERT(job.tasks.note(i).reason == plain[i]);
  }
}

TEST(Shards, ARangeIsTheItemsThatItStandsFor) {
  const Shards range{.range = Indices{3, 11, 4}};
  const Shards texts{.items = {"3", "7", "11"}};
  ASSERT_EQ(range.count(), texts.count());
  for (std::int64_t i = 0; i < texts.count(); ++i) EXPECT_EQ(range.item(i), texts.item(i));
  EXPECT_EQ(range, texts);
  EXPECT_NE(range, (Shards{.items = {"3", "7", "12"}}));
  EXPECT_NE(range, (Shards{.range = Indices{3, 11, 2}}));
}

Attempt ended(std::uint32_t task, std::int64_t exit_code) {
  Attempt attempt;
  attempt.id = {JobId{1}, task, 1};
  attempt.ended_at = Timestamp(Duration(1));
  attempt.outcome.exit_code = exit_code;
  return attempt;
}

TEST(Attempts, OfEachSortTheNewestAreKeptAndAllThatLive) {
  Attempts attempts;
  Attempt live;
  live.id = {JobId{1}, 0, 1};
  const auto place = attempts.add(live);
  for (std::uint32_t i = 1; i <= 2 * ended_attempts_max; ++i) attempts.add(ended(i, i == 1));
  while (const auto surplus = attempts.surplus()) attempts.drop(*surplus);
  EXPECT_EQ(attempts.size(), ended_attempts_max + 2);
  EXPECT_EQ(attempts.front().id, live.id);
  EXPECT_EQ((*std::next(attempts.begin())).outcome.exit_code, 1);
  EXPECT_EQ(attempts.back().id.task, 2 * ended_attempts_max);
  // It ends last and was placed first: others are newer.
  attempts.at(place).ended_at = Timestamp(Duration(2));
  attempts.ended(place);
  EXPECT_EQ(attempts.surplus(), place);
}

}  // namespace
}  // namespace mohona
