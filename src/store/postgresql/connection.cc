#include "store/postgresql/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include "base/text.h"

namespace mohona::postgresql {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_max = 30s;  // then the server counts as lost
constexpr const char* connect_seconds_max = "5";
// A peer that is gone without a word is noticed by then.
constexpr const char* unanswered_ms_max = "10000";

// libpq's texts end their lines, and may have several.
std::string said(const char* text) {
  std::string out(trim(text == nullptr ? "" : text));
  for (char& c : out) c = c == '\n' ? ' ' : c;
  return out;
}

}  // namespace

std::uint64_t Rows::number(int row, int column) const {
  return std::strtoull(PQgetvalue(result_.get(), row, column), nullptr, 10);
}

std::uint64_t Rows::changed() const {
  return std::strtoull(PQcmdTuples(result_.get()), nullptr, 10);
}

Result<void> Connection::open() {
  if (connection_) return {};
  // `dbname` is first, and is expanded: the others stand for what it does not say.
  const char* const keys[] = {"connect_timeout",  "tcp_user_timeout", "keepalives_idle",
                              "application_name", "dbname",           nullptr};
  const char* const values[] = {
      connect_seconds_max, unanswered_ms_max, "10", "mohona", target_.c_str(), nullptr};
  std::unique_ptr<PGconn, Finish> made(PQconnectdbParams(keys, values, 1));
  if (!made || PQstatus(made.get()) != CONNECTION_OK) {
    return fail(Code::unavailable,
                fmt::format("PostgreSQL does not answer: {}",
                            said(made ? PQerrorMessage(made.get()) : "no memory")),
                Retry::safe);
  }
  PQsetNoticeProcessor(
      made.get(), [](void*, const char*) {}, nullptr);
  const char* host = PQhost(made.get());
  where_ =
      fmt::format("database {} on {} port {}", PQdb(made.get()),
                  host == nullptr || *host == '\0' ? "this machine" : host, PQport(made.get()));
  connection_ = std::move(made);
  // Whatever the server's defaults are: on return from COMMIT it survives a loss of power.
  if (auto set = ask("SET synchronous_commit = on"); !set) return fail(set.error().error);
  const auto encoding = ask("SHOW server_encoding");
  if (!encoding) return fail(encoding.error().error);
  if (encoding->text(0, 0) == "UTF8") return {};
  const std::string other(encoding->text(0, 0));
  close();
  return fail(Code::invalid, fmt::format("{} has the encoding {}; create one with ENCODING 'UTF8'",
                                         where_, other));
}

tl::unexpected<Failed> Connection::lost(const std::string& why) {
  const std::string text = fmt::format("{} does not answer any more: {}", where_, why);
  close();
  return tl::unexpected(Failed{Lack::lost, Error{Code::unavailable, text, Retry::outcome_unknown}});
}

// Nothing: it is there. libpq itself would wait for ever.
std::optional<std::string> Connection::wait_for_answer() {
  const auto until = std::chrono::steady_clock::now() + answer_max;
  while (PQisBusy(connection_.get())) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left <= 0ms) return fmt::format("nothing for {} s", answer_max.count());
    pollfd look{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&look, 1, static_cast<int>(left.count())) <= 0) continue;
    if (!PQconsumeInput(connection_.get())) return said(PQerrorMessage(connection_.get()));
  }
  return std::nullopt;
}

tl::expected<Rows, Failed> Connection::ask(const char* sql, const std::vector<std::string>& texts) {
  std::vector<const char*> values;
  for (const std::string& text : texts) values.push_back(text.c_str());
  if (!PQsendQueryParams(connection_.get(), sql, static_cast<int>(values.size()), nullptr,
                         values.data(), nullptr, nullptr, 0)) {
    return lost(said(PQerrorMessage(connection_.get())));
  }
  std::unique_ptr<PGresult, void (*)(PGresult*)> result(nullptr, PQclear);
  while (true) {
    if (const auto why = wait_for_answer()) return lost(*why);
    PGresult* next = PQgetResult(connection_.get());
    if (next == nullptr) break;  // the statement is over
    result.reset(next);
  }
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return Rows(result.release());
  if (PQstatus(connection_.get()) == CONNECTION_BAD) {
    return lost(said(PQerrorMessage(connection_.get())));
  }
  const char* code = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  const std::string state = code == nullptr ? "" : code;
  const std::string why = said(PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY));
  // Class 57 is an operator's doing (a shutdown, a crash of another backend): it will end.
  if (state.starts_with("57")) return lost(why);
  Failed out{state == "23505" ? Lack::duplicate : Lack::refused, {}};
  out.error =
      state.starts_with("53")
          ? Error{Code::unavailable, fmt::format("no room in {}: {}", where_, why), Retry::safe}
          : Error{Code::internal, fmt::format("{}: {} ({})", where_, why, state)};
  return tl::unexpected(std::move(out));
}

std::string array_of(const std::vector<std::string>& texts) {
  std::size_t size = 2;
  for (const std::string& text : texts) size += text.size() + text.size() / 8 + 3;
  std::string out = "{";
  out.reserve(size);
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out += '}';
}

}  // namespace mohona::postgresql
