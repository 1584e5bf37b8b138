// One connection to PostgreSQL that knows the difference between an answer and none.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace mohona::postgresql {

// Rows of text; absent for NULL.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result, PQclear) {}
  int size() const { return PQntuples(result_.get()); }
  std::string_view text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  std::uint64_t number(int row, int column) const;
  // Of an INSERT, UPDATE or DELETE.
  std::uint64_t changed() const;

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

// How far a statement came that has no rows to show.
enum class Lack {
  refused,    // the server says no: nothing was done
  duplicate,  // likewise, because a key is there already
  lost,       // no answer: it may have been done, or be done yet
};
struct Failed {
  Lack lack = Lack::refused;
  Error error;
};

class Connection {
 public:
  // A URI or "key=value" text; what it does not say comes from PGHOST, PGPASSFILE and so on.
  explicit Connection(std::string target) : target_(std::move(target)) {}

  // Connects where it is not connected. Code::unavailable: it could not; nothing was sent.
  Result<void> open();
  bool is_open() const { return connection_ != nullptr; }
  void close() { connection_.reset(); }

  // One statement, with $1, $2 … for the texts. A lost connection is closed.
  tl::expected<Rows, Failed> ask(const char* sql, const std::vector<std::string>& texts = {});

  // The target without a password, for messages.
  const std::string& where() const { return where_; }

 private:
  tl::unexpected<Failed> lost(const std::string& why);
  std::optional<std::string> wait_for_answer();

  std::string target_, where_;
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, Finish> connection_;
};

// {"a","b\"c"}: a list of texts as one text parameter.
std::string array_of(const std::vector<std::string>& texts);

}  // namespace mohona::postgresql
