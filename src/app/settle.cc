#include "app/settle.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/complain.h"
#include "app/stores.h"
#include "app/terminal.h"
#include "base/file.h"
#include "control/controller.h"
#include "core/ledger/metered.h"
#include "money/accounts.h"
#include "money/close.h"
#include "money/invoice.h"
#include "spec/contracts_file.h"
#include "spec/usage_file.h"

namespace mohona {
namespace {

using namespace std::chrono;
using Json = nlohmann::ordered_json;

constexpr const char* about =
    R"(Every hour is settled as docs/money.md says: reserved capacity, then commitments by rank, the rest at
the on-demand price; then what falls due by the end. BILLED is cash; EFFECTIVE is the same money where it
was used, so that fees stand with what they cover, and `unused` is what was paid for nothing.

Without files it is what the control plane has run, under the contracts of its fleet file.

Examples:
  mohona settle
  mohona settle --contracts examples/contracts/aws-savings-plans.yaml --usage usage.csv
  mohona settle --contracts contracts.yaml --usage usage.csv --from 2026-01-01 --to 2026-02-01 --json

A usage file is comma-separated (columns in any order; region, zone, account, resource, reservation and
hours may be missing):

  hour,hours,resource,sku,cloud,region,zone,account,unit_seconds
  2026-01-01T00:00:00Z,24,i-1,p5.48xlarge,aws,us-east-1,us-east-1a,research,3600

`hours`: so many hours one after another. `unit_seconds`: within each of them, of all units together.)";

Result<void> apply_span(const SettleFiles& files, Window& out) {
  for (const auto& [text, at] :
       {std::pair{&files.from, &out.from}, std::pair{&files.to, &out.to}}) {
    if (text->empty()) continue;
    const auto given = parse_timestamp(*text);
    if (!given) return fail(given.error());
    *at = *given;
  }
  if (out.from >= out.to) {
    return fail(Code::invalid, "there is nothing between --from and --to");
  }
  constexpr hours hours_max = days(366 * 20);
  if (out.to - out.from > hours_max) {
    return fail(Code::invalid, "from --from to --to there are more than 20 years");
  }
  return {};
}

// The hours from the first usage to the last, unless it is said otherwise.
Result<Window> span_of(const SettleFiles& files, const std::vector<UsageSlice>& usage) {
  Window out;
  if (!usage.empty()) {
    const auto [first, last] = std::minmax_element(
        usage.begin(), usage.end(),
        [](const UsageSlice& a, const UsageSlice& b) { return a.hour < b.hour; });
    out = {first->hour, last->hour + hours(1)};
  }
  if (usage.empty() && (files.from.empty() || files.to.empty())) {
    return fail(Code::invalid, "there is no usage: say --from and --to");
  }
  if (auto ok = apply_span(files, out); !ok) return fail(ok.error());
  return out;
}

Result<Accounts> settled_files(const SettleFiles& files, Window& span) {
  const auto contracts_text = read_file(files.contracts);
  if (!contracts_text) return fail(contracts_text.error());
  const auto folder = std::filesystem::absolute(files.contracts).parent_path();
  auto contracts = parse_contracts_file({files.contracts, *contracts_text, folder});
  if (!contracts) return fail(contracts.error());
  const auto usage_text = read_file(files.usage);
  if (!usage_text) return fail(usage_text.error());
  const auto usage = parse_usage_file({files.usage, *usage_text, "/"});
  if (!usage) return fail(usage.error());
  const auto found = span_of(files, *usage);
  if (!found) return fail(found.error());
  span = *found;

  Accounts accounts(std::move(*contracts), span.from);
  for (const UsageSlice& slice : *usage) {
    if (slice.hour < span.from || slice.hour >= span.to) continue;
    if (auto ok = accounts.add(slice); !ok) return fail(ok.error());
  }
  if (auto ok = accounts.settle(span.to); !ok) return fail(ok.error());
  return accounts;
}

// What the home's own journal tells. The hour that has begun is settled as far as it has got.
Result<Accounts> settled_home(const SettleFiles& files, const Home& home, Window& span) {
  auto store = open_store(home);
  if (!store && store.error().code == Code::not_found) {
    return fail(Code::not_found,
                store.error().message + "; say --contracts and --usage to settle files");
  }
  if (!store) return fail(store.error());
  const auto loaded = load_state(**store);
  if (!loaded) return fail(loaded.error());
  const Timestamp now = SystemClock().now();
  span = {floor<hours>(now), now};
  for (const auto& [id, entry] : loaded->state.jobs()) {
    if (entry.job.started_at)
      span.from = std::min<Timestamp>(span.from, floor<hours>(*entry.job.started_at));
  }
  if (auto ok = apply_span(files, span); !ok) return fail(ok.error());
  if (span.from >= now) {
    return fail(Code::invalid, fmt::format("nothing has run yet from {} on: it is {}",
                                           format_timestamp(span.from), format_timestamp(now)));
  }
  span.to = std::min(span.to, now);
  return settled_accounts(loaded->state, span.from, span.to);
}

// How much of what was promised was used, in tenths of a percent; -1: nothing was promised.
std::int64_t used_permille(const Balance& balance) {
  const Wide all = balance.used + balance.unused;
  return all == 0 ? -1 : static_cast<std::int64_t>(balance.used * 1'000 / all);
}

Json json_of(const Accounts& accounts, const Window& span) {
  const Book& book = accounts.book();
  Json out = {{"from", format_timestamp(span.from)}, {"to", format_timestamp(span.to)}};
  Json& lines = out["lines"] = Json::array();
  Money billed, effective;
  for (const InvoiceLine& line : invoice(book, accounts.ledger())) {
    billed += line.billed, effective += line.effective;
    lines.push_back({{"month", line.month},
                     {"contract", line.contract},
                     {"term", line.term},
                     {"cause", name(line.cause)},
                     {"sku", line.sku},
                     {"place", line.place},
                     {"unit_hours", format_unit_hours(line.unit_micros)},
                     {"billed", format_money_exact(line.billed)},
                     {"effective", format_money_exact(line.effective)}});
  }
  out["billed"] = format_money_exact(billed);
  out["effective"] = format_money_exact(effective);
  Json& commitments = out["commitments"] = Json::array();
  Json& minimums = out["minimums"] = Json::array();
  for (TermId id = 0; id < book.terms().size(); ++id) {
    const Term& term = book.terms()[id];
    if (term.kind == Term::Kind::commitment) {
      const Balance balance = accounts.ledger().balance(id);
      commitments.push_back({{"contract", term.contract_name},
                             {"name", term.name},
                             {"used_permille", used_permille(balance)},
                             {"billed", format_money_exact(rounded(balance.billed))},
                             {"effective", format_money_exact(rounded(balance.effective))}});
    }
    if (term.kind != Term::Kind::minimum) continue;
    for (const DrawDown& period : draw_downs(book, accounts.ledger(), id, span.to)) {
      minimums.push_back({{"contract", term.contract_name},
                          {"name", term.name},
                          {"due", format_timestamp(period.period.to)},
                          {"needed", format_money_exact(rounded(period.needed))},
                          {"drawn", format_money_exact(rounded(period.drawn))},
                          {"missing", format_money_exact(rounded(period.missing))}});
    }
  }
  return out;
}

void print_invoice(const Json& out) {
  std::string heading;
  constexpr const char* row = "  {:<14} {:<8} {:<22} {:<22} {:>14} {:>16} {:>16}\n";
  for (const Json& line : out.at("lines")) {
    const auto text = [&](const char* key) { return line.at(key).get<std::string>(); };
    const std::string contract = text("contract").empty() ? "on demand" : text("contract");
    const std::string here = fmt::format("{}  {}", text("month"), contract);
    if (here != heading) {
      fmt::print("\n{}\n", here);
      fmt::print(row, "TERM", "WHY", "SKU", "PLACE", "UNIT-HOURS", "BILLED", "EFFECTIVE");
      heading = here;
    }
    fmt::print(row, text("term"), text("cause"), text("sku"), text("place"), text("unit_hours"),
               text("billed"), text("effective"));
  }
  fmt::print("\n");
  fmt::print(row, "total", "", "", "", "", out.at("billed").get<std::string>(),
             out.at("effective").get<std::string>());
  for (const Json& one : out.at("commitments")) {
    const auto permille = one.at("used_permille").get<std::int64_t>();
    fmt::print("{} {}: {}\n", one.at("contract").get<std::string>(),
               one.at("name").get<std::string>(),
               permille < 0 ? "nothing was promised for this time"
                            : fmt::format("{}.{} % used", permille / 10, permille % 10));
  }
  for (const Json& one : out.at("minimums")) {
    fmt::print("{} {}, due {}: {} of {}, {} missing\n", one.at("contract").get<std::string>(),
               one.at("name").get<std::string>(), one.at("due").get<std::string>(),
               one.at("drawn").get<std::string>(), one.at("needed").get<std::string>(),
               one.at("missing").get<std::string>());
  }
}

int settle(const SettleFiles& files, const Home& home, bool json) {
  Window span;
  const auto accounts = settled(files, home, span);
  if (!accounts) return complain(accounts.error());
  Json out = json_of(*accounts, span);
  const auto open = open_hour(files, span);
  out["open_hour"] = open ? Json(format_timestamp(*open)) : Json(nullptr);
  if (!json) say_open_hour(files, span);
  if (json) {
    fmt::print("{}\n", json_line(out));
  } else {
    print_invoice(printable_json(out));
  }
  return exit_ok;
}

}  // namespace

Result<Accounts> settled(const SettleFiles& files, const Home& home, Window& span) {
  if (files.contracts.empty() != files.usage.empty()) {
    return fail(Code::invalid,
                "--contracts and --usage go together; without both, the home's own "
                "contracts and journal are settled");
  }
  return files.contracts.empty() ? settled_home(files, home, span) : settled_files(files, span);
}

std::optional<Timestamp> open_hour(const SettleFiles& files, const Window& span) {
  const Timestamp hour = floor<hours>(span.to);
  const bool ended = hour == span.to || SystemClock().now() >= hour + hours(1);
  return files.contracts.empty() && !ended ? std::optional(hour) : std::nullopt;
}

void say_open_hour(const SettleFiles& files, const Window& span) {
  const auto hour = open_hour(files, span);
  if (!hour) return;
  fmt::print(
      stderr,
      "mohona: the hour from {} is still open: it is settled as far as {}, and will change\n",
      format_timestamp(*hour), format_timestamp(span.to));
}

void add_settle_options(CLI::App& sub, SettleFiles& files) {
  sub.add_option("--contracts", files.contracts, "Contracts and offers (YAML)");
  sub.add_option("--usage", files.usage, "What was used (CSV)");
  sub.add_option("--from", files.from, "From here on; the first hour of usage if not said");
  sub.add_option("--to", files.to, "To here; the end of the last hour of usage if not said");
}

void add_settle(CLI::App& app, const std::function<Home()>& home, int& status) {
  auto files = std::make_shared<SettleFiles>();
  auto json = std::make_shared<bool>(false);
  CLI::App* sub = app.add_subcommand(
      "settle", "Settle what ran, or a usage file, under contracts, and print the invoice");
  sub->footer(about);
  add_settle_options(*sub, *files);
  sub->add_flag("--json", *json, "Print JSON for scripts");
  sub->callback([files, json, home, &status] { status = settle(*files, home(), *json); });
}

}  // namespace mohona
