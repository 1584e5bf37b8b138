// The promise of store.h, kept by every implementation.
#include "store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "model/codec.h"
#include "store/memory/memory_lease.h"
#include "store/memory/memory_store.h"
#include "store/postgresql/connection.h"
#include "store/postgresql/postgresql_lease.h"
#include "store/postgresql/postgresql_store.h"
#include "store/sqlite/sqlite_store.h"

namespace mohona {
namespace {

Fact fact(std::uint64_t n) { return ControllerStarted{Epoch{n}, Timestamp(Duration(n))}; }

struct Contents {
  std::vector<Row> rows;
  Facts facts;
};

// A database of this test's own on the server that tests/e2e/postgresql.py has started in the
// directory MOHONA_POSTGRESQL; none where there is no server.
class Database {
 public:
  static std::unique_ptr<Database> make() {
    const char* directory = std::getenv("MOHONA_POSTGRESQL");
    if (!directory || !std::filesystem::exists(std::string(directory) + "/.s.PGSQL.5432")) {
      return nullptr;
    }
    return std::unique_ptr<Database>(new Database(directory));
  }
  ~Database() { (void)server_.ask(("DROP DATABASE " + name_ + " WITH (FORCE)").c_str()); }

  std::string uri() const { return uri_of(name_); }
  // Every other connection is lost in the middle of whatever it does.
  void cut() {
    ASSERT_TRUE(
        server_.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = $1",
                    {name_}));
  }
  // One statement as somebody else.
  void say(const std::string& sql) {
    postgresql::Connection other(uri());
    ASSERT_TRUE(other.open());
    const auto done = other.ask(sql.c_str());
    ASSERT_TRUE(done) << done.error().error.message;
  }

 private:
  explicit Database(std::string directory)
      : directory_(std::move(directory)), server_(uri_of("postgres")) {
    EXPECT_TRUE(server_.open());
    EXPECT_TRUE(server_.ask(("CREATE DATABASE " + name_).c_str()));
  }
  std::string uri_of(const std::string& database) const {
    std::string host;
    for (const char c : directory_) host += c == '/' ? "%2F" : std::string{c};
    return fmt::format("postgresql://mohona@{}/{}", host, database);
  }

  std::string directory_, name_ = "t" + std::to_string(getpid());
  postgresql::Connection server_;
};

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "postgresql" && !(database_ = Database::make())) {
      GTEST_SKIP() << "no PostgreSQL is there: tests/e2e/postgresql.py start DIRECTORY";
    }
    reopen();
  }
  void TearDown() override {
    store_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);
  }

  // A fresh look at what is stored; a memory store is its own disk.
  void reopen() {
    if (GetParam() == "memory") {
      if (!store_) store_ = std::make_unique<MemoryStore>();
      return;
    }
    store_.reset();
    if (database_) {
      auto opened = open_postgresql_store(database_->uri());
      ASSERT_TRUE(opened) << opened.error().message;
      store_ = std::move(*opened);
      return;
    }
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
  std::unique_ptr<Database> database_;
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

TEST_P(StoreContract, ATermIsNoEarlierThanAsked) {
  EXPECT_EQ(*store_->lead(Epoch{17}), Epoch{17});
  reopen();
  EXPECT_EQ(*store_->lead(), Epoch{18});
  EXPECT_EQ(*store_->lead(Epoch{5}), Epoch{19});
}

TEST_P(StoreContract, WhateverStandsInATextIsKept) {
  const std::string odd = "\\ \" ' {a,b} NULL \u00e4 \u4e16\n\t$1;";
  PoolRemoved removed;
  removed.pool = odd;
  const Epoch epoch = *store_->lead();
  ASSERT_TRUE(store_->append({removed}, epoch));
  ASSERT_TRUE(store_->save({{"pool/" + odd, odd}}, {}, epoch));
  ASSERT_TRUE(store_->save({}, {"pool/other"}, epoch));
  reopen();
  EXPECT_EQ(load().rows, (std::vector<Row>{{"pool/" + odd, odd}}));
  Facts all;
  ASSERT_TRUE(store_->replay(
      [&](const Fact& f) -> Result<void> { return all.push_back(f), Result<void>{}; }));
  EXPECT_EQ(all, Facts{removed});
}

TEST_P(StoreContract, ManyFactsComeBackInTheirOrder) {
  const Epoch epoch = *store_->lead();
  Facts facts;
  for (std::uint64_t n = 1; n <= 10'000; ++n) facts.push_back(fact(n));
  ASSERT_TRUE(store_->append(facts, epoch));
  ASSERT_TRUE(store_->append({}, epoch));
  reopen();
  EXPECT_EQ(load().facts, facts);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreContract, testing::Values("memory", "sqlite", "postgresql"),
                         [](const auto& kind) { return kind.param; });

class PostgresqlStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = Database::make();
    if (!database_) GTEST_SKIP() << "no PostgreSQL is there";
    auto opened = open_postgresql_store(database_->uri());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    epoch_ = *store_->lead();
    ASSERT_TRUE(store_->append({fact(1)}, epoch_));
  }
  void TearDown() override {
    store_.reset();
    database_.reset();
  }
  Facts all() {
    Facts out;
    EXPECT_TRUE(store_->replay(
        [&](const Fact& f) -> Result<void> { return out.push_back(f), Result<void>{}; }));
    return out;
  }

  std::unique_ptr<Database> database_;
  std::unique_ptr<Store> store_;
  Epoch epoch_;
};

TEST_F(PostgresqlStoreTest, AConnectionThatIsLostIsMadeAnew) {
  database_->cut();
  EXPECT_TRUE(store_->append({fact(2)}, epoch_));
  database_->cut();
  EXPECT_TRUE(store_->append({fact(3)}, epoch_));
  EXPECT_EQ(all(), (Facts{fact(1), fact(2), fact(3)}));
}

// The server has committed, and dies before it can say so.
TEST_F(PostgresqlStoreTest, WhatWasWrittenWithoutAnAnswerIsNotWrittenAgain) {
  database_->say(
      "CREATE FUNCTION mohona.vanish() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " IF new.position = 2 THEN PERFORM pg_sleep(0.5); END IF; RETURN new; END $$;");
  database_->say(
      "CREATE TRIGGER slow BEFORE INSERT ON mohona.fact FOR EACH ROW"
      " EXECUTE FUNCTION mohona.vanish()");
  // Written by another under the same positions, as by a connection of ours that was given up.
  std::thread other([&] {
    database_->say(fmt::format(
        "WITH led AS MATERIALIZED (SELECT 1 FROM mohona.term FOR SHARE) INSERT INTO mohona.fact"
        " SELECT 2, '{}' FROM led",
        encode(fact(2))));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(store_->append({fact(2)}, epoch_));  // a duplicate: it was there already
  other.join();
  EXPECT_TRUE(store_->append({fact(3)}, epoch_));
  EXPECT_EQ(all(), (Facts{fact(1), fact(2), fact(3)}));
}

TEST_F(PostgresqlStoreTest, FactsThatAreNotKnownAreFoundByLoading) {
  database_->say(fmt::format("INSERT INTO mohona.fact VALUES (2, '{}')", encode(fact(7))));
  database_->say(fmt::format("INSERT INTO mohona.fact VALUES (3, '{}')", encode(fact(8))));
  const auto refused = store_->append({fact(2)}, epoch_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_EQ(refused.error().retry, Retry::outcome_unknown);
  Facts after;
  ASSERT_TRUE(store_->load(
      [](const Row&) -> Result<void> { return {}; },
      [&](const Fact& f) -> Result<void> { return after.push_back(f), Result<void>{}; }));
  EXPECT_EQ(after, (Facts{fact(1), fact(7), fact(8)}));
  EXPECT_TRUE(store_->append({fact(2)}, epoch_));
}

TEST_F(PostgresqlStoreTest, SaysWhatIsWrong) {
  const auto nobody = open_postgresql_store("postgresql://mohona@127.0.0.1:1/none");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::unavailable);
  EXPECT_TRUE(
      nobody.error().message.starts_with("PostgreSQL does not answer: connection to server"))
      << nobody.error().message;
  database_->say("UPDATE mohona.term SET version = 99");
  const auto newer = open_postgresql_store(database_->uri());
  ASSERT_FALSE(newer);
  EXPECT_TRUE(newer.error().message.ends_with(
      "was written by a newer version of Mohona (schema 99; this one knows 2)"))
      << newer.error().message;
}

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

// A journal in which somebody else writes, too.
class SqliteFile : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "mohona-sqlite-" + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ + "/journal.db"; }
  void say(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  void write_three_facts_and_a_row() {
    auto store = *open_sqlite_store(path());
    const Epoch epoch = *store->lead();
    ASSERT_TRUE(store->append({fact(1), fact(2), fact(3)}, epoch));
    ASSERT_TRUE(store->save({{"job/1", "text"}}, {}, epoch));
    ASSERT_TRUE(store->append({fact(4)}, epoch));
  }
  std::string problem() {
    auto store = *open_sqlite_store(path());
    const auto any = [](const auto&) { return Result<void>(); };
    const auto loaded = store->load(any, any);
    if (!loaded) return loaded.error().message.substr(path().size());
    const auto replayed = store->replay(any);
    return replayed ? "" : replayed.error().message.substr(path().size());
  }

  std::string directory_;
};

TEST_F(SqliteFile, BytesThatChangedAreFound) {
  const std::string restore = ". Restore a backup (docs/operations.md)";
  const struct {
    const char* damage;
    std::string expected;
  } cases[] = {
      {"UPDATE fact SET body = replace(body, '2', '5') WHERE position = 2",
       " is damaged: fact 2 is not as it was written" + restore},
      {"UPDATE fact SET body = replace(body, '4', '7') WHERE position = 4",
       " is damaged: fact 4 is not as it was written" + restore},
      {"DELETE FROM fact WHERE position = 3",
       " is damaged: fact 3 is missing from the journal" + restore},
      {"UPDATE snapshot SET body = 'test'",
       " is damaged: the snapshot's row job/1 is not as it was written" + restore},
      {"SELECT 1", ""},
  };
  for (const auto& c : cases) {
    write_three_facts_and_a_row();
    say(c.damage);
    EXPECT_EQ(problem(), c.expected) << c.damage;
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
}

TEST_F(SqliteFile, OneOfAnEarlierVersionIsReadAndWrittenOn) {
  say("CREATE TABLE fact (position INTEGER PRIMARY KEY, body TEXT NOT NULL);"
      "CREATE TABLE snapshot (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE term (one INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, covered INTEGER NOT "
      "NULL);"
      "INSERT INTO term VALUES (1, 4, 0)");
  say(("INSERT INTO fact (body) VALUES ('" + encode(fact(4)) + "')").c_str());
  EXPECT_EQ(problem(), "");
  {
    auto store = *open_sqlite_store(path());
    ASSERT_TRUE(store->append({fact(5)}, *store->lead()));
  }
  EXPECT_EQ(problem(), "");
  say("UPDATE fact SET body = replace(body, '5', '6') WHERE position = 2");
  EXPECT_NE(problem(), "");
}

// The promise of lease.h, kept by every implementation.
class LeaseContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "memory") {
      mine_ = std::make_shared<MemoryLease>();
      theirs_ = mine_;
    } else if ((database_ = Database::make())) {
      ASSERT_TRUE(open_postgresql_store(database_->uri()));
      mine_ = open_postgresql_lease(database_->uri());
      theirs_ = open_postgresql_lease(database_->uri());
    } else {
      GTEST_SKIP() << "no PostgreSQL is there: tests/e2e/postgresql.py start DIRECTORY";
    }
  }
  void TearDown() override {
    mine_.reset();
    theirs_.reset();
    database_.reset();
  }

  std::unique_ptr<Database> database_;
  std::shared_ptr<LeaseTable> mine_, theirs_;
};

TEST_P(LeaseContract, OfTwoWhoClaimOneSucceeds) {
  const Lease nobody = *mine_->read();
  EXPECT_EQ(nobody.leader, "");
  const auto won = *mine_->claim(nobody, "a", "http://a");
  ASSERT_TRUE(won);
  EXPECT_EQ(won->leader, "a");
  EXPECT_EQ(won->address, "http://a");
  EXPECT_FALSE(*theirs_->claim(nobody, "b", ""));
  EXPECT_EQ(*theirs_->read(), *won);
}

TEST_P(LeaseContract, EveryRenewalIsAnotherBeat) {
  const Lease first = **mine_->claim(*mine_->read(), "a", "");
  const Lease second = *mine_->renew(first);
  EXPECT_GT(second.beat, first.beat);
  EXPECT_EQ(*theirs_->read(), second);
  EXPECT_FALSE(*theirs_->claim(first, "b", ""));  // as it was before
}

TEST_P(LeaseContract, AnAnswerThatWasLostDoesNotCostTheLead) {
  const Lease first = **mine_->claim(*mine_->read(), "a", "");
  ASSERT_TRUE(mine_->renew(first));
  const auto again = mine_->renew(first);
  ASSERT_TRUE(again);
  EXPECT_EQ(*theirs_->read(), *again);
  EXPECT_TRUE(mine_->resign(first));
  EXPECT_EQ(theirs_->read()->leader, "");
}

TEST_P(LeaseContract, WhoeverWasOverruledLearnsItAndChangesNothing) {
  const Lease a = **mine_->claim(*mine_->read(), "a", "");
  const Lease b = **theirs_->claim(a, "b", "");
  EXPECT_EQ(mine_->renew(a).error(), (Error{Code::superseded, "b leads now"}));
  EXPECT_TRUE(mine_->resign(a));
  EXPECT_EQ(*mine_->read(), b);
}

TEST_P(LeaseContract, WhoeverResignsLeavesItToAnybody) {
  const Lease a = **mine_->claim(*mine_->read(), "a", "");
  ASSERT_TRUE(mine_->resign(a));
  const Lease now = *theirs_->read();
  EXPECT_EQ(now.leader, "");
  EXPECT_TRUE(*theirs_->claim(now, "b", ""));
}

INSTANTIATE_TEST_SUITE_P(Every, LeaseContract, testing::Values("memory", "postgresql"),
                         [](const auto& kind) { return kind.param; });

// A database that an earlier version made has no lease, and is brought up to date.
TEST(PostgresqlStore, ASchemaOfTheFirstVersionIsMigrated) {
  const auto database = Database::make();
  if (!database) GTEST_SKIP() << "no PostgreSQL is there";
  const auto first = open_postgresql_store(database->uri());
  ASSERT_TRUE(first);
  const Epoch epoch = *(*first)->lead();
  ASSERT_TRUE((*first)->append({fact(1)}, epoch));
  database->say("DROP TABLE mohona.lease");
  database->say("UPDATE mohona.term SET version = 1");
  ASSERT_TRUE(open_postgresql_store(database->uri()));
  EXPECT_TRUE(open_postgresql_lease(database->uri())->read());
  EXPECT_TRUE((*first)->append({fact(2)}, epoch));  // what was there is
}

}  // namespace
}  // namespace mohona
