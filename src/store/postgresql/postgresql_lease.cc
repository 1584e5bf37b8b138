#include "store/postgresql/postgresql_lease.h"

#include <mutex>

#include "store/postgresql/connection.h"

namespace mohona {
namespace {

using postgresql::Connection;
using postgresql::Rows;

class PostgresqlLease : public LeaseTable {
 public:
  explicit PostgresqlLease(const std::string& target) : connection_(target) {}

  Result<Lease> read() override {
    const std::lock_guard lock(mutex_);
    auto rows = ask("SELECT beat, leader, address FROM mohona.lease", {});
    if (!rows) return fail(rows.error());
    return lease_of(*rows);
  }

  Result<std::optional<Lease>> claim(const Lease& seen, const std::string& leader,
                                     const std::string& address) override {
    const std::lock_guard lock(mutex_);
    auto rows =
        ask("UPDATE mohona.lease SET beat = beat + 1, leader = $2, address = $3"
            " WHERE beat = $1::bigint RETURNING beat, leader, address",
            {std::to_string(seen.beat), leader, address});
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return std::optional<Lease>();
    return std::optional(lease_of(*rows));
  }

  Result<Lease> renew(const Lease& held) override {
    const std::lock_guard lock(mutex_);
    // An answer that was lost has counted: what is one further on and still ours is ours.
    auto rows =
        ask("UPDATE mohona.lease SET beat = beat + 1 WHERE leader = $2"
            " AND beat >= $1::bigint RETURNING beat, leader, address",
            {std::to_string(held.beat), held.leader});
    if (!rows) return fail(rows.error());
    if (rows->size() > 0) return lease_of(*rows);
    auto now = ask("SELECT beat, leader, address FROM mohona.lease", {});
    if (!now) return fail(now.error());
    return fail(Code::superseded, fmt::format("{} leads now", lease_of(*now).leader));
  }

  Result<void> resign(const Lease& held) override {
    const std::lock_guard lock(mutex_);
    const auto done =
        ask("UPDATE mohona.lease SET beat = beat + 1, leader = '', address = ''"
            " WHERE leader = $2 AND beat >= $1::bigint",
            {std::to_string(held.beat), held.leader});
    return done ? Result<void>() : fail(done.error());
  }

 private:
  Result<Rows> ask(const char* sql, const std::vector<std::string>& texts) {
    if (auto ok = connection_.open(); !ok) return fail(ok.error());
    auto rows = connection_.ask(sql, texts);
    if (!rows) return fail(std::move(rows.error().error));
    return std::move(*rows);
  }

  static Lease lease_of(const Rows& rows) {
    if (rows.size() == 0) return {};
    return {rows.number(0, 0), std::string(rows.text(0, 1)), std::string(rows.text(0, 2))};
  }

  std::mutex mutex_;
  Connection connection_;
};

}  // namespace

std::unique_ptr<LeaseTable> open_postgresql_lease(const std::string& target) {
  return std::make_unique<PostgresqlLease>(target);
}

}  // namespace mohona
