#include "spec/contracts_file.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "spec/contracts_draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t contracts_max = 1'000;
constexpr std::int64_t months_max = 1'200;  // that one commitment is paid for

// "UTC", "-08:00". Rules of daylight saving change under contracts' feet: an instant within summer
// time is written with its own offset.
void read_time_zone(const SpecNode& node, ContractDraft& draft) {
  if (node.is_scalar() && node.text == "UTC") {
    draft.zone = Duration{0};
    return;
  }
  const auto midnight = parse_timestamp("2000-01-01T00:00:00" + node.text);
  if (node.is_scalar() && node.text.size() == 6 && midnight) {
    draft.zone = Timestamp(sys_days(2000y / January / 1)) - *midnight;
    return;
  }
  wrong(node, "expected an offset from UTC, such as \"-08:00\", or UTC", draft.problems);
}

constexpr std::array<Key<ContractDraft>, 9> contract_keys = {{
    {"name",
     [](const SpecNode& n, ContractDraft& d) { read_name(n, d.contract.name, d.problems); }},
    {"version",
     [](const SpecNode& n, ContractDraft& d) {
       read_whole(n, {1, 1'000'000}, d.contract.version, d.problems);
     }},
    {"cloud",
     [](const SpecNode& n, ContractDraft& d) { read_cloud(n, d.contract.cloud, d.problems); }},
    {"account",
     [](const SpecNode& n, ContractDraft& d) { read_text(n, d.contract.account, d.problems); }},
    {"time_zone", read_time_zone},
    {"commitments", [](const SpecNode& n, ContractDraft& d) { d.commitments = &n; }},
    {"reservations", [](const SpecNode& n, ContractDraft& d) { d.reservations = &n; }},
    {"discounts", [](const SpecNode& n, ContractDraft& d) { d.discounts = &n; }},
    {"minimums", [](const SpecNode& n, ContractDraft& d) { d.minimums = &n; }},
}};

// One name for one thing: balances are asked for by it.
void check_names(const SpecNode& map, std::initializer_list<std::string_view> lists,
                 std::string_view what, Problems& problems) {
  std::set<std::string> names;
  for (const std::string_view list : lists) {
    const SpecNode* items = map.find(list);
    if (!items) continue;
    for (const SpecNode& item : items->children) {
      const SpecNode* name = item.find("name");
      if (!name || names.insert(name->text).second) continue;
      problems.add(name->place, fmt::format("two {} are named {}", what, in_quotes(name->text)),
                   "expected a name of its own for each");
    }
  }
}

void read_contract(const SpecNode& node, Contracts& out, Problems& problems) {
  ContractDraft draft{{}, Duration{0}, problems};
  read_keys(node, contract_keys, {}, draft, problems);
  require(node, "contract", {"name", "cloud"}, problems);
  if (draft.commitments) read_commitments(*draft.commitments, draft);
  if (draft.reservations) read_reservations(*draft.reservations, draft);
  if (draft.discounts) read_discounts(*draft.discounts, draft);
  if (draft.minimums) read_minimums(*draft.minimums, draft);
  check_names(node, {"commitments", "reservations", "minimums"}, "terms", problems);
  out.contracts.push_back(draft.contract);
}

struct FileDraft {
  Contracts contracts;
  Problems& problems;
  const SpecNode* prices = nullptr;  // read last: what the file says itself wins
};

constexpr std::array<Key<FileDraft>, 3> file_keys = {{
    {"prices", [](const SpecNode& n, FileDraft& d) { d.prices = &n; }},
    {"offers", [](const SpecNode& n, FileDraft& d) { read_offers(n, d.contracts, d.problems); }},
    {"contracts",
     [](const SpecNode& n, FileDraft& d) { read_contracts(n, d.contracts, d.problems); }},
}};

}  // namespace

// --- what the parts share -----------------------------------------------------------------------

void check_contract_names(const SpecNode& map, Problems& problems) {
  check_names(map, {"contracts"}, "contracts", problems);
}

void read_contracts(const SpecNode& node, Contracts& out, Problems& problems) {
  read_items(node, "a list of contracts", contracts_max, problems,
             [&](const SpecNode& item) { read_contract(item, out, problems); });
}

bool read_scope_key(const SpecNode& node, Scope& out, Problems& problems) {
  constexpr std::array<std::vector<std::string> Scope::*, 7> lists = {
      &Scope::clouds, &Scope::regions,  &Scope::zones,          &Scope::families,
      &Scope::skus,   &Scope::accounts, &Scope::except_families};
  for (std::size_t i = 0; i < scope_keys.size(); ++i) {
    if (node.key != scope_keys[i]) continue;
    read_texts(node, out.*lists[i], problems);
    if (i == 0) {
      for (std::string& cloud : out.clouds) cloud = canonical_cloud(cloud);
    }
    return true;
  }
  return false;
}

void read_scope(const SpecNode& node, Scope& out, Problems& problems) {
  if (!is_map(node, "which usage, such as {families: [p5], regions: [us-east-1]}", problems))
    return;
  for (const SpecNode& value : node.children) {
    if (read_scope_key(value, out, problems)) continue;
    unknown_key(value, {scope_keys.begin(), scope_keys.end()}, {}, problems);
  }
}

bool read_local(const SpecNode& node, Duration zone, Timestamp& out, Problems& problems) {
  const std::string& text = node.text;
  const std::size_t time = text.find_first_of("T ");
  const bool zoned = time != text.npos && text.find_first_of("Z+-", time) != text.npos;
  const std::string whole = time == text.npos ? text + "T00:00:00Z" : zoned ? text : text + "Z";
  const auto at = parse_timestamp(whole);
  if (node.is_scalar() && at) return out = zoned ? *at : *at - zone, true;
  wrong(node, "expected a day or an instant, such as 2026-12-01 or 2026-12-01T00:00:00Z", problems);
  return false;
}

std::vector<Fee> read_fees(const Payments& payments, const Window& window, Duration zone,
                           Problems& problems) {
  std::vector<Fee> fees;
  Money amount;
  if (payments.upfront && read_money(*payments.upfront, amount, problems)) {
    fees.push_back({window.from, amount, window});
  }
  // Without its two ends, of which the reader of the window complains, there are no months.
  const bool ends = window.from != Timestamp::min() && window.to != Timestamp::max();
  if (payments.monthly && read_money(*payments.monthly, amount, problems) && ends) {
    if (window.to - window.from > days(31) * months_max) {
      problems.add(payments.monthly->place,
                   fmt::format("there are more than {} months from 'from' to 'to'", months_max),
                   "expected a 'to' that is nearer");
      return fees;
    }
    const year_month_day first(floor<days>(window.from + zone));
    Timestamp from = window.from;
    for (int i = 1; from < window.to; ++i) {  // the same day of each month, by local time
      const auto day = first + months(i);
      const sys_days date = day.ok() ? sys_days(day) : sys_days(day.year() / day.month() / last);
      const Timestamp to = date + (window.from + zone - floor<days>(window.from + zone)) - zone;
      fees.push_back({from, amount, {from, to}});
      from = to;
    }
    if (from != window.to) {
      problems.add(payments.monthly->place, "the time from 'from' to 'to' is not whole months",
                   "expected instalments: [{due: DAY, amount: DOLLARS}] instead");
    }
  }
  if (payments.instalments &&
      is_list(*payments.instalments, "[{due: DAY, amount: DOLLARS}]", problems)) {
    for (const SpecNode& item : payments.instalments->children) {
      const SpecNode *due = item.find("due"), *sum = item.find("amount");
      Fee fee{{}, {}, window};
      if (!due || !sum) {
        problems.add(item.place, "this instalment lacks its day or its amount",
                     "expected {due: DAY, amount: DOLLARS}");
      } else if (read_local(*due, zone, fee.due, problems) &&
                 read_money(*sum, fee.amount, problems)) {
        fees.push_back(fee);
      }
    }
  }
  return fees;
}

void read_items(const SpecNode& node, std::string_view expected, std::int64_t max,
                Problems& problems, const std::function<void(const SpecNode&)>& read) {
  if (node.is_null() || !is_list(node, expected, problems)) return;
  if (std::ssize(node.children) > max) {
    problems.add(node.place, fmt::format("'{}' has {} items", node.key, node.children.size()),
                 fmt::format("expected at most {}", max));
    return;
  }
  for (const SpecNode& item : node.children) {
    if (is_map(item, "a map of keys and values", problems)) read(item);
  }
}

void require(const SpecNode& node, std::string_view what,
             std::initializer_list<std::string_view> keys, Problems& problems) {
  for (const std::string_view key : keys) {
    if (node.find(key)) continue;
    lacks(node, key, node.place, fmt::format("this {} has no '{}'", what, key),
          fmt::format("expected {}", fmt::join(keys, ", ")), problems);
  }
}

// --- the file -----------------------------------------------------------------------------------

Result<Contracts> parse_contracts_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  FileDraft draft{{}, problems};
  const auto file =
      parse_one_map(source.text,
                    {"a contracts file has one document", "the file has no 'contracts'",
                     "expected offers: [...] and contracts: [...]"},
                    problems);
  if (file) {
    read_keys(*file, file_keys, {}, draft, problems);
    check_contract_names(*file, problems);
    if (draft.prices) read_prices(*draft.prices, source, draft.contracts, problems);
  }
  if (!problems.none()) return fail(problems.error(source));
  return std::move(draft.contracts);
}

}  // namespace mohona
