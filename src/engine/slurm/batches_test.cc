#include "engine/slurm/batches.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "engine/host/slot.h"

namespace mohona::slurm {
namespace {

namespace fs = std::filesystem;

Mark mark(std::uint32_t task, std::string key) {
  Mark m;
  m.attempt = {JobId{17}, task, 0};
  m.key = std::move(key);
  return m;
}

std::vector<std::size_t> sizes(const std::vector<std::vector<Mark*>>& groups) {
  std::vector<std::size_t> out;
  for (const auto& group : groups) out.push_back(group.size());
  return out;
}

TEST(SlurmBatches, ThoseOfOneKeyGoTogetherAndGangsAlone) {
  std::vector<Mark> marks = {mark(0, "a"), mark(1, ""), mark(2, "b"),
                             mark(3, "a"), mark(4, ""), mark(5, "a")};
  std::vector<Mark*> all;
  for (Mark& m : marks) all.push_back(&m);
  const auto groups = gather(all);
  EXPECT_EQ(sizes(groups), (std::vector<std::size_t>{3, 1, 1, 1}));
  EXPECT_EQ(groups[0], (std::vector<Mark*>{&marks[0], &marks[3], &marks[5]}));
}

TEST(SlurmBatches, AnArrayTakesAThousand) {
  std::vector<Mark> marks(2'500, mark(0, "a"));
  std::vector<Mark*> all;
  for (Mark& m : marks) all.push_back(&m);
  EXPECT_EQ(sizes(gather(all)), (std::vector<std::size_t>{1'000, 1'000, 500}));
}

class SlurmBatchesOnDisk : public testing::Test {
 protected:
  SlurmBatchesOnDisk() { fs::create_directories(work_ + "/slurm/running"); }
  ~SlurmBatchesOnDisk() override { fs::remove_all(work_); }

  Batches open() {
    Batches batches(records_, places_, "mohona:x:", "/opt/mohona-supervisor");
    EXPECT_TRUE(batches.open());
    return batches;
  }

  std::string work_ = testing::TempDir() + "mohona-batches-" + std::to_string(getpid());
  Records records_{work_};
  host::Places places_{work_};
};

TEST_F(SlurmBatchesOnDisk, ABatchIsKnownAgainByItsNameAndWhatItAsks) {
  Mark a = mark(0, "a"), b = mark(1, "a");
  Batches before = open();
  const auto name = before.make({&a, &b});
  ASSERT_TRUE(name);
  EXPECT_EQ(b.batch, *name);
  EXPECT_EQ(b.slot, 1);
  const JobBatch& asked = before.all().at(*name);
  EXPECT_EQ(asked.request.tasks, 2);
  EXPECT_EQ(asked.request.comment, "mohona:x:" + *name);
  Batches after = open();
  EXPECT_EQ(after.all(), before.all());
  EXPECT_FALSE(after.has_begun(*name));
  Mark c = mark(2, "a");
  const auto next = after.make({&c});
  ASSERT_TRUE(next);
  EXPECT_GT(*next, *name);
  after.remove(*name);
  EXPECT_EQ(open().all().count(*name), 0);
  EXPECT_EQ(open().all().count(*next), 1);
}

TEST_F(SlurmBatchesOnDisk, WhatCannotBeReadIsNotTakenForNothing) {
  Mark a = mark(0, "a");
  const auto name = open().make({&a});
  ASSERT_TRUE(name);
  const std::string file = records_.batch(*name) + "/batch.json";
  fs::resize_file(file, 10);
  Batches batches(records_, places_, "mohona:x:", "/opt/mohona-supervisor");
  const auto opened = batches.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "cannot read " + file);
  // Without the file it was never asked for.
  fs::remove(file);
  EXPECT_TRUE(open().all().empty());
}

TEST_F(SlurmBatchesOnDisk, AShardTakesOverASlotOfItsKeyThatWaits) {
  Mark a = mark(0, "a");
  Batches batches = open();
  ASSERT_TRUE(batches.make({&a}));
  batches.free(a);
  const std::string slot = records_.slot(a.batch, 0);
  fs::rename(slot + "/next", slot + "/open");  // as who works in it does
  Mark gang = mark(1, ""), other = mark(2, "b"), next = mark(3, "a"), late = mark(4, "a");
  EXPECT_FALSE(batches.take_over(gang));
  EXPECT_FALSE(batches.take_over(other));
  EXPECT_TRUE(batches.take_over(next));
  EXPECT_EQ(next.batch, a.batch);
  EXPECT_FALSE(batches.take_over(late));
  // A slot that was closed meanwhile is passed over.
  batches.free(next);
  fs::rename(slot + "/next", slot + "/closed");
  EXPECT_FALSE(batches.take_over(late));
}

}  // namespace
}  // namespace mohona::slurm
