// mohona reconcile: a cloud's bill against what our own settlement says.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/complain.h"
#include "app/settle.h"
#include "app/terminal.h"
#include "focus/export.h"
#include "focus/names.h"
#include "focus/reconcile.h"
#include "focus/words.h"

namespace mohona {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* about =
    R"(The bill is FOCUS 1.0 to 1.2, which clouds export: comma-separated, plain or .gz, in US dollars. It is
compared with the ledger that `mohona settle` makes, by hour, or by day or month where either side has
no hours: cloud, region, sku, category and commitment. Every difference has one explanation, the first
that fits:

  rounding            the same quantity, and at most half a cent for each row of the bill
  late or corrected   corrections that only one side has
  coverage            commitments cover another part of what was used
  fee, tax or credit  that our contracts do not know
  only on the bill    usage that did not come from us: another team's, or by hand
  only in ours        not billed yet, or not metered by the cloud
  price               the same quantity (or fee) at another price
  quantity            another quantity, at our price

Together they are the bill less ours, to the last digit. Only the clouds that the bill names are
compared, from the beginning of its first usage to the end of its last, unless --cloud, --from and
--to say otherwise. --cost effective compares what things cost with fees spread over what they cover;
billed compares cash, and then what a commitment covers costs nothing on either side.

A bill has ids of its own for skus and commitments. A file of --names says what is what:

  what,theirs,ours
  sku,JRTCKXETXF6YS6EN,p5.48xlarge
  commitment,arn:aws:savingsplans::1234:savingsplan/56,aws/compute

Examples:
  mohona reconcile aws-march.csv.gz --names names.csv
  mohona reconcile bill.csv --contracts contracts.yaml --usage usage.csv --from 2026-03-01 --to 2026-04-01
  mohona export focus --out ours.csv && mohona reconcile ours.csv        no difference

Exit status: 0 both agree to rounding, 1 they differ, 2 a file or the command is wrong.)";

struct ReconcileOptions {
  std::string bill, names, cloud, cost = "billed";
  SettleFiles files;
  std::size_t largest = 10;
  bool json = false;
};

// The bill's rows that are compared.
struct Bill {
  BillTotals totals;
  Window span{Timestamp::max(), Timestamp::min()};  // of its usage that is no late correction
  std::size_t left_out = 0;                         // rows of another cloud or time
};

struct Wanted {
  BillMeasure measure = BillMeasure::billed;
  std::string cloud;  // empty: all
  std::optional<Timestamp> from, to;
  Window compared;  // the same, once it is known

  bool has(const FocusRow& row) const {
    const Timestamp at = counted_at(row);
    return (cloud.empty() || row.cloud == cloud) && (!from || at >= *from) && (!to || at < *to);
  }
};

Result<Wanted> wanted(const ReconcileOptions& options) {
  Wanted out;
  out.measure = options.cost == "billed" ? BillMeasure::billed : BillMeasure::effective;
  out.cloud = options.cloud;
  for (const auto& [text, at] :
       {std::pair{&options.files.from, &out.from}, std::pair{&options.files.to, &out.to}}) {
    if (text->empty()) continue;
    const auto given = parse_timestamp(*text);
    if (!given) return fail(given.error());
    *at = *given;
  }
  return out;
}

Result<Bill> read_bill(const ReconcileOptions& options, const Wanted& wanted) {
  BillNames names;
  if (!options.names.empty()) {
    auto read = read_bill_names(options.names);
    if (!read) return fail(read.error());
    names = std::move(*read);
  }
  Bill out;
  const auto read = import_focus(options.bill, [&](const FocusRow& given) -> Result<void> {
    FocusRow row = given;
    names.rename(row);
    if (!wanted.has(row)) return ++out.left_out, Result<void>();
    out.totals.add(row, wanted.measure);
    if (row.category != BillCategory::usage || row.correction) return {};
    out.span.from = std::min(out.span.from, row.begin);
    out.span.to = std::max(out.span.to, row.end);
    return {};
  });
  if (!read) return fail(read.error());
  if (out.totals.rows == 0) {
    return fail(Code::invalid, fmt::format("{}: none of its {} rows is of that cloud and time",
                                           options.bill, out.left_out));
  }
  return out;
}

// Our ledger up to the end of the time, from its own beginning if that is earlier: what is due at a
// milestone depends on all that was drawn before. `wanted` becomes the time that is compared.
Result<Accounts> settled_for(const ReconcileOptions& options, const Home& home, const Bill& bill,
                             Wanted& wanted) {
  if (bill.span.from < bill.span.to) {
    if (!wanted.from) wanted.from = bill.span.from;
    if (!wanted.to) wanted.to = bill.span.to;
  }
  SettleFiles files = options.files;
  files.from = "";
  if (wanted.to) files.to = format_timestamp(*wanted.to);
  Window span;
  auto accounts = settled(files, home, span);
  // Before the first usage there may be fees.
  if (wanted.from && (!accounts || *wanted.from < span.from)) {
    files.from = format_timestamp(*wanted.from);
    accounts = settled(files, home, span);
  }
  if (!accounts) return accounts;
  // A fee may be for a time that began before the ledger did.
  const bool whole = options.files.from.empty() && (!wanted.from || *wanted.from <= span.from);
  wanted.compared = {wanted.from.value_or(span.from), wanted.to.value_or(span.to)};
  if (whole) wanted.from.reset();
  return accounts;
}

// Our ledger goes the way of the bill: it is written as FOCUS and read again, so that both sides
// mean the same by each column.
Result<BillTotals> totals_of_ours(const Accounts& accounts, const std::set<std::string>& clouds,
                                  const Wanted& wanted) {
  BillTotals out;
  FocusReader reader("the ledger", [&](const FocusRow& row) -> Result<void> {
    if (wanted.has(row) && clouds.contains(row.cloud)) out.add(row, wanted.measure);
    return {};
  });
  std::size_t number = 0;
  Result<void> read;
  export_focus(accounts.book(), accounts.ledger(), {}, [&](std::string_view line) {
    if (!read) return;
    line.remove_suffix(1);  // its end
    read = reader.line(++number, line);
  });
  if (!read) return fail(read.error());
  return out;
}

Json json_of(const BillSum& sum) {
  return {{"rows", sum.rows}, {"quantity", to_text(sum.quantity)}, {"cost", to_decimal(sum.money)}};
}

Json json_of(const Reconciliation& found, const ReconcileOptions& options, const Bill& bill,
             const Window& span) {
  Json out = {{"from", format_timestamp(span.from)},
              {"to", format_timestamp(span.to)},
              {"compared", options.cost}};
  out["bill"] = {{"file", options.bill},
                 {"rows", found.bill_rows},
                 {"left_out", bill.left_out},
                 {"cost", to_decimal(found.bill)}};
  out["ours"] = {{"rows", found.our_rows}, {"cost", to_decimal(found.ours)}};
  out["difference"] = to_decimal(found.bill - found.ours);
  Json& kinds = out["kinds"] = Json::array();
  for (std::size_t i = 0; i < difference_kinds; ++i) {
    const Reconciliation::OfKind& kind = found.kinds[i];
    kinds.push_back({{"kind", name(static_cast<DifferenceKind>(i))},
                     {"differences", kind.differences},
                     {"rows", kind.rows},
                     {"cost", to_decimal(kind.money)}});
  }
  out["unexplained"] = to_decimal(found.residual());
  out["agrees"] = found.agrees();
  Json& list = out["differences"] = Json::array();
  for (const BillDifference& one : found.differences) {
    const BillThing& thing = one.group.thing;
    list.push_back({{"kind", name(one.kind)},
                    {"begin", format_timestamp(one.group.begin)},
                    {"period", name(one.group.step)},
                    {"category", name(thing.part)},
                    {"cloud", thing.cloud},
                    {"region", thing.region},
                    {"sku", thing.sku},
                    {"unit", thing.unit},
                    {"commitment", thing.commitment},
                    {"bill", json_of(one.bill)},
                    {"ours", json_of(one.ours)},
                    {"cost", to_decimal(one.money)},
                    {"sentence", sentence(one)}});
  }
  return out;
}

// "99.5 %", cut off and never rounded up: 100 % is all of it.
std::string percent(BillMoney part, BillMoney whole) {
  if (whole == BillMoney{}) return "100.0 %";
  // Whole micro-dollars are enough for a share; so the product fits.
  constexpr Wide coarse = attos_per_dollar / 1'000'000;
  const Wide size = std::max<Wide>(whole.attos / coarse, 1);
  const auto permille = static_cast<std::int64_t>(part.attos / coarse * 1'000 / size);
  return fmt::format("{}.{} %", permille / 10, permille % 10);
}

void print(const Reconciliation& found, const ReconcileOptions& options, const Bill& bill,
           const Window& span) {
  constexpr const char* row = "  {:<20} {:>12} {:>12} {:>24}\n";
  fmt::print("{} to {}, {} cost\n\n", format_timestamp(span.from), format_timestamp(span.to),
             options.cost);
  fmt::print(row, "", "", "ROWS", "MONEY");
  fmt::print(row, "the bill", "", found.bill_rows, to_text(found.bill));
  fmt::print(row, "ours", "", found.our_rows, to_text(found.ours));
  fmt::print(row, "difference", "", "", to_text(found.bill - found.ours));
  if (bill.left_out > 0) {
    fmt::print("  {} rows of the bill are of another cloud or time.\n", bill.left_out);
  }
  if (found.differences.empty()) {
    fmt::print("\nBoth agree.\n");
    return;
  }
  fmt::print("\n");
  fmt::print(row, "WHY", "DIFFERENCES", "ROWS", "MONEY");
  BillMoney size;
  for (std::size_t i = 0; i < difference_kinds; ++i) {
    const Reconciliation::OfKind& kind = found.kinds[i];
    size += kind.size;
    if (kind.differences == 0) continue;
    fmt::print(row, name(static_cast<DifferenceKind>(i)), kind.differences, kind.rows,
               to_text(kind.money));
  }
  fmt::print(row, "unexplained", "", "", to_text(found.residual()));
  const BillMoney rounding = found.kinds[0].size, left = abs(found.residual());
  fmt::print("\nOf {} that differ up or down, {} are explained; by rounding {} ({}).\n",
             to_text(size + left), percent(size, size + left), to_text(rounding),
             percent(rounding, size + left));
  std::size_t shown = 0;
  for (const BillDifference& one : found.differences) {
    if (one.kind == DifferenceKind::rounding) continue;
    if (shown++ == options.largest) break;
    if (shown == 1) fmt::print("\nThe largest:\n");
    fmt::print("  {}  {}: {}\n", to_text(one.money), name(one.kind), printable(sentence(one)));
  }
}

int run_reconcile(const ReconcileOptions& options, const Home& home) {
  auto want = wanted(options);
  if (!want) return complain(want.error());
  const auto bill = read_bill(options, *want);
  if (!bill) return complain(bill.error());
  const auto accounts = settled_for(options, home, *bill, *want);
  if (!accounts) return complain(accounts.error());
  const auto ours = totals_of_ours(*accounts, bill->totals.clouds(), *want);
  if (!ours) return complain(ours.error());
  const Reconciliation found = reconcile(bill->totals, *ours);
  if (options.json) {
    fmt::print("{}\n", json_line(json_of(found, options, *bill, want->compared)));
  } else {
    print(found, options, *bill, want->compared);
  }
  return found.agrees() ? exit_ok : exit_differs;
}

}  // namespace

void add_reconcile(CLI::App& app, const std::function<Home()>& home, int& status) {
  auto options = std::make_shared<ReconcileOptions>();
  CLI::App* sub = app.add_subcommand(
      "reconcile",
      "Compare a cloud's bill (FOCUS) with our own settlement, and say why they differ");
  sub->footer(about);
  sub->add_option("bill", options->bill, "The bill: FILE.csv or FILE.csv.gz")->required();
  add_settle_options(*sub, options->files);
  sub->get_option("--from")->description("From here on; the bill's first usage if not said");
  sub->get_option("--to")->description("To here; the end of the bill's last usage if not said");
  sub->add_option("--cloud", options->cloud, "Only this cloud, as contracts name it: aws, gcp, …");
  sub->add_option("--names", options->names, "What the bill's names are called in ours (CSV)");
  sub->add_option("--cost", options->cost, "Which money to compare")
      ->check(CLI::IsMember({"billed", "effective"}))
      ->capture_default_str();
  sub->add_option("--largest", options->largest, "How many differences to tell one by one")
      ->capture_default_str();
  sub->add_flag("--json", options->json, "Print JSON for scripts, with every difference");
  sub->callback([options, home, &status] { status = run_reconcile(*options, home()); });
}

}  // namespace mohona
