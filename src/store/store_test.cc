// The promise of store.h, kept by every implementation.
#include "store/store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "model/codec.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

namespace mohona {
namespace {

Fact fact(std::uint64_t n) { return ControllerStarted{Epoch{n}, Timestamp(Duration(n))}; }

struct Contents {
  std::vector<Row> rows;
  Facts facts;
};

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { reopen(); }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  // A fresh look at what is stored; a memory store is its own disk.
  void reopen() {
    if (GetParam() == "memory") {
      if (!store_) store_ = std::make_unique<MemoryStore>();
      return;
    }
    store_.reset();
    std::filesystem::create_directories(directory_);
    auto opened = open_sqlite_store(directory_ + "/journal.db");
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  Contents load() {
    Contents out;
    const auto ok = store_->load(
        [&](const Row& row) -> Result<void> { return out.rows.push_back(row), Result<void>{}; },
        [&](const Fact& f) -> Result<void> { return out.facts.push_back(f), Result<void>{}; });
    EXPECT_TRUE(ok);
    return out;
  }

  std::string directory_ = testing::TempDir() + "mohona-store-" + std::to_string(getpid());
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, FactsSurviveInTheirOrder) {
  const Epoch epoch = *store_->lead();
  ASSERT_TRUE(store_->append({fact(1), fact(2)}, epoch));
  ASSERT_TRUE(store_->append({fact(3)}, epoch));
  reopen();
  EXPECT_EQ(load().facts, (Facts{fact(1), fact(2), fact(3)}));
}

TEST_P(StoreContract, ASnapshotStandsForTheFactsBeforeIt) {
  const Epoch epoch = *store_->lead();
  ASSERT_TRUE(store_->append({fact(1), fact(2)}, epoch));
  ASSERT_TRUE(store_->save({{"job/2", "b"}, {"job/1", "a"}}, {}, epoch));
  ASSERT_TRUE(store_->append({fact(3)}, epoch));
  ASSERT_TRUE(store_->save({{"job/1", "a2"}}, {"job/2"}, epoch));
  ASSERT_TRUE(store_->append({fact(4)}, epoch));
  reopen();
  const Contents contents = load();
  EXPECT_EQ(contents.rows, (std::vector<Row>{{"job/1", "a2"}}));
  EXPECT_EQ(contents.facts, Facts{fact(4)});
  Facts all;
  ASSERT_TRUE(store_->replay(
      [&](const Fact& f) -> Result<void> { return all.push_back(f), Result<void>{}; }));
  EXPECT_EQ(all, (Facts{fact(1), fact(2), fact(3), fact(4)}));
}

TEST_P(StoreContract, ASupersededEpochCannotWrite) {
  const Epoch old_epoch = *store_->lead();
  reopen();
  const Epoch new_epoch = *store_->lead();
  EXPECT_LT(old_epoch, new_epoch);
  for (const Result<void>& refused :
       {store_->append({fact(1)}, old_epoch), store_->save({{"job/1", "a"}}, {}, old_epoch)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::superseded);
    EXPECT_EQ(refused.error().message, "epoch 2 has taken over from epoch 1");
  }
  EXPECT_TRUE(load().facts.empty());
  EXPECT_TRUE(store_->append({fact(1)}, new_epoch));
}

INSTANTIATE_TEST_SUITE_P(Every, StoreContract, testing::Values("memory", "sqlite"),
                         [](const auto& kind) { return kind.param; });

TEST(SqliteStore, ReadsOneMomentWhileAnotherWrites) {
  const std::string directory = testing::TempDir() + "mohona-two-" + std::to_string(getpid());
  std::filesystem::create_directories(directory);
  const std::string path = directory + "/journal.db";
  auto writer = open_sqlite_store(path), reader = open_sqlite_store(path);
  ASSERT_TRUE(writer && reader);
  const Epoch epoch = *(*writer)->lead();
  ASSERT_TRUE((*writer)->append({fact(1)}, epoch));
  ASSERT_TRUE((*writer)->save({{"job/1", "a"}}, {}, epoch));
  ASSERT_TRUE((*writer)->append({fact(2)}, epoch));
  std::size_t rows = 0, facts = 0;
  const auto read = (*reader)->load(
      [&](const Row&) -> Result<void> {
        ++rows;
        return (*writer)->save({{"job/1", "b"}, {"job/2", "c"}}, {}, epoch);  // covers fact 2
      },
      [&](const Fact&) -> Result<void> { return ++facts, Result<void>{}; });
  ASSERT_TRUE(read);
  EXPECT_EQ(rows, 1u);
  EXPECT_EQ(facts, 1u);  // fact 2 is not lost between the rows of before and what covers it since
  reader->reset(), writer->reset();
  std::filesystem::remove_all(directory);
}

TEST(SqliteStore, SaysWhatIsWrongWithItsFile) {
  const auto missing = open_sqlite_store("/nonexistent/journal.db");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "cannot open /nonexistent/journal.db: No such file or directory");
}

}  // namespace
}  // namespace mohona
