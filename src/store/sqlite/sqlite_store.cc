#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/checksum.h"
#include "model/codec.h"

namespace mohona {
namespace {

constexpr int busy_wait_ms = 5'000;

// The journal is append-only; `position` grows by one a fact. `covered` is the position up to which
// the snapshot stands for the journal. `sum` is the checksum of the body; rows that versions before
// 0.3 wrote have none.
constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS fact (position INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS term (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL,
                                 covered INTEGER NOT NULL);
INSERT OR IGNORE INTO term VALUES (1, 0, 0);
)sql";
constexpr const char* add_sums[] = {"ALTER TABLE fact ADD COLUMN sum INTEGER",
                                    "ALTER TABLE snapshot ADD COLUMN sum INTEGER"};

// A prepared statement, reset after each use.
class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  int prepare(sqlite3* db, const char* sql) {
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  }
  void bind(int index, std::string_view text) {
    sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void bind(int index, std::uint64_t value) {
    sqlite3_bind_int64(statement_, index, static_cast<std::int64_t>(value));
  }
  int step() { return sqlite3_step(statement_); }
  int run() {  // a statement without rows
    const int code = sqlite3_step(statement_);
    sqlite3_reset(statement_);
    return code;
  }
  void reset() { sqlite3_reset(statement_); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  std::string_view text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

class SqliteStore : public Store {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}
  ~SqliteStore() override;

  Result<void> open();
  Result<Epoch> lead(Epoch at_least) override;
  Result<void> append(const Facts& facts, Epoch epoch) override;
  Result<void> save(const std::vector<Row>& changed, const std::vector<std::string>& removed,
                    Epoch epoch) override;
  Result<void> load(const std::function<Result<void>(const Row&)>& on_row,
                    const std::function<Result<void>(const Fact&)>& on_fact) override;
  Result<void> replay(const std::function<Result<void>(const Fact&)>& on_fact) override;

 private:
  Failure failure(const char* what);
  Failure damaged(const std::string& what) const;
  Result<void> migrate();
  Result<void> execute(const char* sql);
  Result<void> read_snapshot(const std::function<Result<void>(const Row&)>& on_row,
                             const std::function<Result<void>(const Fact&)>& on_fact);
  Result<void> read_facts(std::uint64_t after,
                          const std::function<Result<void>(const Fact&)>& on_fact);

  // BEGIN, the epoch's check, `body`, COMMIT; ROLLBACK when any of them fails.
  Result<void> transaction(std::optional<Epoch> epoch, const std::function<Result<void>()>& body);

  std::string path_;
  sqlite3* db_ = nullptr;
  // Statements are finalized before the connection closes: the destructor resets this first.
  struct Statements {
    Statement insert_fact, put_row, drop_row, read_term, write_epoch, write_covered;
  };
  std::unique_ptr<Statements> statements_;
};

SqliteStore::~SqliteStore() {
  statements_.reset();
  sqlite3_close_v2(db_);
}

Failure SqliteStore::failure(const char* what) {
  const int code = sqlite3_extended_errcode(db_);
  const std::string text = sqlite3_errmsg(db_);
  if ((code & 0xff) == SQLITE_FULL) {
    return fail(Code::unavailable, fmt::format("no room left on the disk of {}", path_),
                Retry::safe);
  }
  return fail(Code::internal,
              fmt::format("{}: {} failed: {} (SQLite code {})", path_, what, text, code));
}

Failure SqliteStore::damaged(const std::string& what) const {
  return fail(Code::internal,
              fmt::format("{} is damaged: {}. Restore a backup (docs/operations.md)", path_, what));
}

Result<void> SqliteStore::execute(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(sql);
  return {};
}

Result<void> SqliteStore::open() {
  // The file exists with its mode before SQLite opens it; its -wal and -shm files inherit it.
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(Code::unavailable, fmt::format("cannot open {}: {}", path_, strerror(errno)));
  }
  ::close(fd);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path_.c_str(), &db_, flags, nullptr) != SQLITE_OK) return failure("opening");
  sqlite3_busy_timeout(db_, busy_wait_ms);
  for (const char* sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                          "PRAGMA journal_size_limit=67108864", schema}) {
    if (auto ok = execute(sql); !ok) return ok;
  }
  if (auto ok = migrate(); !ok) return ok;
  statements_ = std::make_unique<Statements>();
  const std::pair<Statement&, const char*> all[] = {
      {statements_->insert_fact, "INSERT INTO fact (body, sum) VALUES (?1, ?2)"},
      {statements_->put_row, "INSERT OR REPLACE INTO snapshot VALUES (?1, ?2, ?3)"},
      {statements_->drop_row, "DELETE FROM snapshot WHERE key = ?1"},
      {statements_->read_term, "SELECT epoch, covered FROM term"},
      {statements_->write_epoch, "UPDATE term SET epoch = ?1"},
      {statements_->write_covered,
       "UPDATE term SET covered = (SELECT coalesce(max(position), 0) FROM fact)"},
  };
  for (const auto& [statement, sql] : all) {
    if (statement.prepare(db_, sql) != SQLITE_OK) return failure(sql);
  }
  return {};
}

// A journal of an earlier version gets the columns that it lacks.
Result<void> SqliteStore::migrate() {
  Statement columns;
  const char* sql = "SELECT count(*) FROM pragma_table_info('fact') WHERE name = 'sum'";
  if (columns.prepare(db_, sql) != SQLITE_OK || columns.step() != SQLITE_ROW) {
    return failure("reading the schema");
  }
  const bool known = columns.number(0) == 1;
  columns.reset();
  if (known) return {};
  return transaction(std::nullopt, [&]() -> Result<void> {
    for (const char* add : add_sums) {
      if (auto ok = execute(add); !ok) return ok;
    }
    return {};
  });
}

Result<void> SqliteStore::transaction(std::optional<Epoch> epoch,
                                      const std::function<Result<void>()>& body) {
  const auto inside = [&]() -> Result<void> {
    if (epoch) {
      Statement& term = statements_->read_term;
      if (term.step() != SQLITE_ROW) return failure("reading the epoch");
      const std::uint64_t leading = term.number(0);
      term.reset();
      if (leading != epoch->value) {
        return fail(Code::superseded,
                    fmt::format("epoch {} has taken over from epoch {}", leading, epoch->value));
      }
    }
    if (auto ok = body(); !ok) return ok;
    return execute("COMMIT");
  };
  if (auto ok = execute("BEGIN IMMEDIATE"); !ok) return ok;
  auto result = inside();
  if (!result && !sqlite3_get_autocommit(db_)) (void)execute("ROLLBACK");
  return result;
}

Result<Epoch> SqliteStore::lead(Epoch at_least) {
  Epoch epoch;
  auto result = transaction(std::nullopt, [&]() -> Result<void> {
    Statement& term = statements_->read_term;
    if (term.step() != SQLITE_ROW) return failure("reading the epoch");
    epoch.value = std::max(term.number(0) + 1, at_least.value);
    term.reset();
    statements_->write_epoch.bind(1, epoch.value);
    if (statements_->write_epoch.run() != SQLITE_DONE) return failure("writing the epoch");
    return {};
  });
  if (!result) return fail(result.error());
  return epoch;
}

Result<void> SqliteStore::append(const Facts& facts, Epoch epoch) {
  // Before the transaction: a text that cannot be encoded throws.
  std::vector<std::string> texts;
  texts.reserve(facts.size());
  for (const Fact& fact : facts) texts.push_back(encode(fact));
  return transaction(epoch, [&]() -> Result<void> {
    for (const std::string& text : texts) {
      statements_->insert_fact.bind(1, text);
      statements_->insert_fact.bind(2, checksum(text));
      if (statements_->insert_fact.run() != SQLITE_DONE) return failure("appending a fact");
    }
    return {};
  });
}

Result<void> SqliteStore::save(const std::vector<Row>& changed,
                               const std::vector<std::string>& removed, Epoch epoch) {
  return transaction(epoch, [&]() -> Result<void> {
    for (const Row& row : changed) {
      statements_->put_row.bind(1, row.key);
      statements_->put_row.bind(2, row.text);
      statements_->put_row.bind(3, checksum(row.text));
      if (statements_->put_row.run() != SQLITE_DONE) return failure("writing the snapshot");
    }
    for (const std::string& key : removed) {
      statements_->drop_row.bind(1, key);
      if (statements_->drop_row.run() != SQLITE_DONE) return failure("writing the snapshot");
    }
    if (statements_->write_covered.run() != SQLITE_DONE) return failure("writing the snapshot");
    return {};
  });
}

// In one transaction: somebody else may be writing, and rows and facts must fit together.
Result<void> SqliteStore::load(const std::function<Result<void>(const Row&)>& on_row,
                               const std::function<Result<void>(const Fact&)>& on_fact) {
  if (auto ok = execute("BEGIN"); !ok) return ok;
  auto read = read_snapshot(on_row, on_fact);
  const auto ended = execute("COMMIT");
  return read ? ended : read;
}

Result<void> SqliteStore::read_snapshot(const std::function<Result<void>(const Row&)>& on_row,
                                        const std::function<Result<void>(const Fact&)>& on_fact) {
  Statement rows;
  if (rows.prepare(db_, "SELECT key, body, sum FROM snapshot ORDER BY key") != SQLITE_OK) {
    return failure("reading the snapshot");
  }
  int code = SQLITE_ROW;
  while ((code = rows.step()) == SQLITE_ROW) {
    if (!rows.is_null(2) && rows.number(2) != checksum(rows.text(1))) {
      return damaged(fmt::format("the snapshot's row {} is not as it was written", rows.text(0)));
    }
    if (auto ok = on_row({std::string(rows.text(0)), std::string(rows.text(1))}); !ok) return ok;
  }
  if (code != SQLITE_DONE) return failure("reading the snapshot");
  Statement& term = statements_->read_term;
  if (term.step() != SQLITE_ROW) return failure("reading the epoch");
  const std::uint64_t covered = term.number(1);
  term.reset();
  return read_facts(covered, on_fact);
}

Result<void> SqliteStore::replay(const std::function<Result<void>(const Fact&)>& on_fact) {
  return read_facts(0, on_fact);
}

Result<void> SqliteStore::read_facts(std::uint64_t after,
                                     const std::function<Result<void>(const Fact&)>& on_fact) {
  Statement facts;
  const char* sql = "SELECT body, position, sum FROM fact WHERE position > ?1 ORDER BY position";
  if (facts.prepare(db_, sql) != SQLITE_OK) return failure("reading the journal");
  facts.bind(1, after);
  int code = SQLITE_ROW;
  std::uint64_t expected = after;
  while ((code = facts.step()) == SQLITE_ROW) {
    if (facts.number(1) != ++expected) {
      return damaged(fmt::format("fact {} is missing from the journal", expected));
    }
    if (!facts.is_null(2) && facts.number(2) != checksum(facts.text(0))) {
      return damaged(fmt::format("fact {} is not as it was written", expected));
    }
    const auto fact = decode_fact(facts.text(0));
    if (!fact) return fail(fact.error());
    if (auto ok = on_fact(*fact); !ok) return ok;
  }
  if (code != SQLITE_DONE) return failure("reading the journal");
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path) {
  auto store = std::make_unique<SqliteStore>(path);
  if (auto ok = store->open(); !ok) return fail(ok.error());
  return store;
}

}  // namespace mohona
