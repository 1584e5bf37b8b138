#include "store/postgresql/postgresql_store.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <thread>

#include "model/codec.h"
#include "store/postgresql/connection.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;
using postgresql::array_of;
using postgresql::Connection;
using postgresql::Failed;
using postgresql::Lack;
using postgresql::Rows;

constexpr auto resolve_max = 10s;
constexpr auto resolve_every = 100ms;
constexpr std::uint64_t page_max = 4'096;  // facts, or rows, read at a time
constexpr std::uint64_t schema_version = 2;

// `covered` is the position up to which the snapshot stands for the journal. One starts at a time.
constexpr std::array<const char*, 8> schema = {
    "SELECT pg_advisory_xact_lock(7816392)",
    "CREATE SCHEMA IF NOT EXISTS mohona",
    "CREATE TABLE IF NOT EXISTS mohona.fact (position bigint PRIMARY KEY, body text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS mohona.snapshot (key text COLLATE \"C\" PRIMARY KEY,"
    " body text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS mohona.term (one integer PRIMARY KEY CHECK (one = 1),"
    " epoch bigint NOT NULL, covered bigint NOT NULL, version bigint NOT NULL)",
    "INSERT INTO mohona.term VALUES (1, 0, 0, 2) ON CONFLICT DO NOTHING",
    "CREATE TABLE IF NOT EXISTS mohona.lease (one integer PRIMARY KEY CHECK (one = 1),"
    " beat bigint NOT NULL, leader text NOT NULL, address text NOT NULL)",
    "INSERT INTO mohona.lease VALUES (1, 0, '', '') ON CONFLICT DO NOTHING",
};
// What makes the schema of version 1 one of version 2.
constexpr std::array<const char*, 4> from_version_1 = {
    schema[0], schema[6], schema[7], "UPDATE mohona.term SET version = 2 WHERE version = 1"};

constexpr const char* append_sql =
    "WITH led AS MATERIALIZED (SELECT 1 FROM mohona.term WHERE epoch = $1::bigint FOR SHARE)"
    " INSERT INTO mohona.fact SELECT $2::bigint + n, body"
    " FROM unnest($3::text[]) WITH ORDINALITY AS new(body, n) WHERE EXISTS (SELECT 1 FROM led)";
constexpr const char* save_sql =
    "WITH led AS (UPDATE mohona.term SET covered = $2::bigint WHERE epoch = $1::bigint"
    "  RETURNING 1),"
    " put AS (INSERT INTO mohona.snapshot SELECT key, body"
    "  FROM unnest($3::text[], $4::text[]) AS new(key, body) WHERE EXISTS (SELECT 1 FROM led)"
    "  ON CONFLICT (key) DO UPDATE SET body = excluded.body),"
    " gone AS (DELETE FROM mohona.snapshot WHERE key = ANY($5::text[])"
    "  AND EXISTS (SELECT 1 FROM led))"
    " SELECT count(*) FROM led";

class PostgresqlStore : public Store {
 public:
  explicit PostgresqlStore(const std::string& target) : connection_(target) {}

  Result<void> make_schema();
  Result<Epoch> lead(Epoch at_least) override;
  Result<void> append(const Facts& facts, Epoch epoch) override;
  Result<void> save(const std::vector<Row>& changed, const std::vector<std::string>& removed,
                    Epoch epoch) override;
  Result<void> load(const std::function<Result<void>(const Row&)>& on_row,
                    const std::function<Result<void>(const Fact&)>& on_fact) override;
  Result<void> replay(const std::function<Result<void>(const Fact&)>& on_fact) override;

 private:
  // BEGIN, the statements of `body`, COMMIT.
  Result<void> transaction(const char* begin, const std::function<Result<void>()>& body);
  Result<Rows> ask(const char* sql, const std::vector<std::string>& texts = {});
  Failure superseded(Epoch epoch);
  Result<std::uint64_t> last_written(Epoch epoch);
  Result<bool> resolve(Epoch epoch, std::uint64_t count);
  Result<void> read_facts(std::uint64_t after,
                          const std::function<Result<void>(const Fact&)>& on_fact);

  Connection connection_;
  std::uint64_t last_ = 0;  // the position of the last fact that is known to be there
};

Result<Rows> PostgresqlStore::ask(const char* sql, const std::vector<std::string>& texts) {
  auto rows = connection_.ask(sql, texts);
  if (!rows) return fail(std::move(rows.error().error));
  return std::move(*rows);
}

Result<void> PostgresqlStore::transaction(const char* begin,
                                          const std::function<Result<void>()>& body) {
  if (auto ok = connection_.open(); !ok) return ok;
  if (auto ok = ask(begin); !ok) return fail(ok.error());
  auto result = body();
  if (!result) {
    if (connection_.is_open()) (void)ask("ROLLBACK");
    return result;
  }
  if (auto ok = ask("COMMIT"); !ok) return fail(ok.error());
  return {};
}

Result<void> PostgresqlStore::make_schema() {
  return transaction("BEGIN", [&]() -> Result<void> {
    // Whoever may not create anything may still use what another has created.
    const auto there = ask("SELECT to_regclass('mohona.term') IS NOT NULL");
    if (!there) return fail(there.error());
    const bool made = there->text(0, 0) == "t";
    for (const char* sql : made ? std::span<const char* const>() : std::span(schema)) {
      if (auto ok = ask(sql); !ok) return fail(ok.error());
    }
    auto version = ask("SELECT version FROM mohona.term");
    if (version && version->number(0, 0) == 1) {
      for (const char* sql : from_version_1) {
        if (auto ok = ask(sql); !ok) return fail(ok.error());
      }
      version = ask("SELECT version FROM mohona.term");
    }
    if (!version) return fail(version.error());
    if (version->number(0, 0) == schema_version) return {};
    return fail(Code::invalid,
                fmt::format("{} was written by a newer version of Mohona (schema "
                            "{}; this one knows {})",
                            connection_.where(), version->number(0, 0), schema_version));
  });
}

// The row of the term is locked before the last position is read: nobody writes meanwhile.
Result<Epoch> PostgresqlStore::lead(Epoch at_least) {
  Epoch epoch;
  auto result = transaction("BEGIN", [&]() -> Result<void> {
    const auto term =
        ask("UPDATE mohona.term SET epoch = greatest(epoch + 1, $1::bigint) RETURNING epoch",
            {std::to_string(at_least.value)});
    if (!term) return fail(term.error());
    const auto last = ask("SELECT coalesce(max(position), 0) FROM mohona.fact");
    if (!last) return fail(last.error());
    epoch.value = term->number(0, 0);
    last_ = last->number(0, 0);
    return {};
  });
  if (!result) return fail(result.error());
  return epoch;
}

Failure PostgresqlStore::superseded(Epoch epoch) {
  const auto term = ask("SELECT epoch FROM mohona.term");
  if (!term) return fail(term.error());
  return fail(Code::superseded, fmt::format("epoch {} has taken over from epoch {}",
                                            term->number(0, 0), epoch.value));
}

// Waits for whatever an earlier connection of ours still does: that holds the term.
Result<std::uint64_t> PostgresqlStore::last_written(Epoch epoch) {
  std::uint64_t last = 0;
  auto result = transaction("BEGIN", [&]() -> Result<void> {
    const auto term = ask("SELECT epoch FROM mohona.term FOR UPDATE");
    if (!term) return fail(term.error());
    if (term->number(0, 0) != epoch.value) return superseded(epoch);
    const auto written = ask("SELECT coalesce(max(position), 0) FROM mohona.fact");
    if (!written) return fail(written.error());
    last = written->number(0, 0);
    return {};
  });
  if (!result) return fail(result.error());
  return last;
}

// Whether facts were written of which nobody said so.
Result<bool> PostgresqlStore::resolve(Epoch epoch, std::uint64_t count) {
  const auto until = std::chrono::steady_clock::now() + resolve_max;
  while (true) {
    const auto last = last_written(epoch);
    if (last && *last == last_ + count) return true;
    if (last && *last == last_) return false;
    if (last) {
      return fail(Code::unavailable,
                  fmt::format("{} holds facts that are not known here", connection_.where()),
                  Retry::outcome_unknown);
    }
    if (last.error().code != Code::unavailable) return fail(last.error());
    if (std::chrono::steady_clock::now() > until) {
      return fail(
          Code::unavailable,
          fmt::format("{}; whether the last change was written is not known", last.error().message),
          Retry::outcome_unknown);
    }
    std::this_thread::sleep_for(resolve_every);
  }
}

Result<void> PostgresqlStore::append(const Facts& facts, Epoch epoch) {
  if (facts.empty()) return {};
  std::vector<std::string> bodies;
  for (const Fact& fact : facts) bodies.push_back(encode(fact));
  const std::vector<std::string> texts = {std::to_string(epoch.value), std::to_string(last_),
                                          array_of(bodies)};
  constexpr int tries_max = 3;
  for (int tries = 0; tries < tries_max; ++tries) {
    if (auto ok = connection_.open(); !ok) return ok;
    const auto done = connection_.ask(append_sql, texts);
    if (done) {
      if (done->changed() == 0) return superseded(epoch);
      last_ += facts.size();
      return {};
    }
    if (done.error().lack == Lack::refused) return fail(done.error().error);
    const auto written = resolve(epoch, facts.size());
    if (!written) return fail(written.error());
    if (*written) {
      last_ += facts.size();
      return {};
    }
  }
  return fail(
      Code::unavailable,
      fmt::format("{} went away {} times; nothing was written", connection_.where(), tries_max),
      Retry::safe);
}

// Done twice it is done once, so that nothing needs to be found out.
Result<void> PostgresqlStore::save(const std::vector<Row>& changed,
                                   const std::vector<std::string>& removed, Epoch epoch) {
  if (auto ok = connection_.open(); !ok) return ok;
  std::vector<std::string> keys, bodies;
  for (const Row& row : changed) {
    keys.push_back(row.key);
    bodies.push_back(row.text);
  }
  const auto led = ask(save_sql, {std::to_string(epoch.value), std::to_string(last_),
                                  array_of(keys), array_of(bodies), array_of(removed)});
  if (!led) return fail(led.error());
  if (led->number(0, 0) == 0) return superseded(epoch);
  return {};
}

// At one moment: somebody else may be writing, and rows and facts must fit together.
Result<void> PostgresqlStore::load(const std::function<Result<void>(const Row&)>& on_row,
                                   const std::function<Result<void>(const Fact&)>& on_fact) {
  return transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", [&]() -> Result<void> {
    std::string key;
    while (true) {
      const auto rows =
          ask("SELECT key, body FROM mohona.snapshot WHERE key > $1 ORDER BY key LIMIT $2::bigint",
              {key, std::to_string(page_max)});
      if (!rows) return fail(rows.error());
      for (int i = 0; i < rows->size(); ++i) {
        key = rows->text(i, 0);
        if (auto ok = on_row({key, std::string(rows->text(i, 1))}); !ok) return ok;
      }
      if (static_cast<std::uint64_t>(rows->size()) < page_max) break;
    }
    const auto term = ask("SELECT covered FROM mohona.term");
    if (!term) return fail(term.error());
    last_ = term->number(0, 0);
    return read_facts(last_, on_fact);
  });
}

Result<void> PostgresqlStore::replay(const std::function<Result<void>(const Fact&)>& on_fact) {
  return transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                     [&]() -> Result<void> { return read_facts(0, on_fact); });
}

Result<void> PostgresqlStore::read_facts(std::uint64_t after,
                                         const std::function<Result<void>(const Fact&)>& on_fact) {
  while (true) {
    const auto rows =
        ask("SELECT position, body FROM mohona.fact WHERE position > $1::bigint ORDER BY position"
            " LIMIT $2::bigint",
            {std::to_string(after), std::to_string(page_max)});
    if (!rows) return fail(rows.error());
    for (int i = 0; i < rows->size(); ++i) {
      after = rows->number(i, 0);
      const auto fact = decode_fact(rows->text(i, 1));
      if (!fact) return fail(fact.error());
      if (auto ok = on_fact(*fact); !ok) return ok;
    }
    last_ = std::max(last_, after);
    if (static_cast<std::uint64_t>(rows->size()) < page_max) return {};
  }
}

}  // namespace

Result<std::unique_ptr<Store>> open_postgresql_store(const std::string& target) {
  auto store = std::make_unique<PostgresqlStore>(target);
  if (auto ok = store->make_schema(); !ok) return fail(ok.error());
  return store;
}

}  // namespace mohona
