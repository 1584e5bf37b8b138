// The assumptions' what-ifs: each a name and one change.
#include <fmt/format.h>

#include <set>

#include "spec/assumptions_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t what_if_max = 100;
constexpr std::int64_t months_max = 120;
constexpr std::int64_t days_max = 3'660;
constexpr std::int64_t times_max_ppm = 100'000'000;

struct Changing {
  const Assumptions& assumptions;  // all but its what-ifs
  Problems& problems;
};

// Names of demand, each of which must be there.
void read_demand_names(const SpecNode& node, const Changing& in, std::vector<std::string>& out) {
  if (!read_texts(node, out, in.problems)) return;
  std::vector<std::string_view> known;
  for (const ExpectedDemand& demand : in.assumptions.demand) known.push_back(demand.name);
  const auto check = [&](const SpecNode& name) {
    if (std::find(known.begin(), known.end(), name.text) != known.end()) return;
    in.problems.add(name.place, fmt::format("there is no demand {}", in_quotes(name.text)),
                    suggestion(name.text, known));
  };
  if (node.is_scalar()) check(node);
  for (const SpecNode& name : node.children) check(name);
}

// {offers: [...], contracts: [...], demand: [...]}, as at the top of the file
SignChange read_sign(const SpecNode& node, const Changing& in) {
  SignChange out;
  const SpecNode* demand = nullptr;
  for (const SpecNode& value : node.children) {
    if (value.key == "offers") {
      read_offers(value, out.contracts, in.problems);
    } else if (value.key == "contracts") {
      read_contracts(value, out.contracts, in.problems);
    } else if (value.key == "demand") {
      demand = &value;
    } else {
      unknown_key(value, {"offers", "contracts", "demand"}, {}, in.problems);
    }
  }
  check_contract_names(node, in.problems);
  for (const Contract& contract : out.contracts.contracts) {
    for (const Contract& known : in.assumptions.contracts.contracts) {
      if (contract.name != known.name) continue;
      in.problems.add(node.find("contracts")->key_place,
                      fmt::format("there is a contract {} already", in_quotes(contract.name)),
                      "expected a name of its own for each");
    }
  }
  if (!demand) return out;
  Contracts both = in.assumptions.contracts;
  both.offers.insert(both.offers.end(), out.contracts.offers.begin(), out.contracts.offers.end());
  both.contracts.insert(both.contracts.end(), out.contracts.contracts.begin(),
                        out.contracts.contracts.end());
  std::vector<ExpectedDemand> all = in.assumptions.demand;
  read_demand(*demand, both, all, in.problems);
  out.demand.assign(all.begin() + std::ssize(in.assumptions.demand), all.end());
  return out;
}

// {months: 6, demand: NAMES, from: DAY}
SlipChange read_slip(const SpecNode& node, const Changing& in) {
  SlipChange out;
  for (const SpecNode& value : node.children) {
    if (value.key == "months") {
      read_whole(value, {0, months_max}, out.months, in.problems);
    } else if (value.key == "demand") {
      read_demand_names(value, in, out.demand);
    } else if (value.key == "from") {
      read_day(value, out.from, in.problems);
    } else {
      unknown_key(value, {"months", "demand", "from"}, {}, in.problems);
    }
  }
  require(node, "slip", {"months"}, in.problems);
  return out;
}

// {contract: NAME, from: DAY, costs: DOLLARS, demand: NAMES}
CancelChange read_cancel(const SpecNode& node, const Changing& in) {
  CancelChange out;
  for (const SpecNode& value : node.children) {
    if (value.key == "contract") {
      std::vector<std::string_view> known;
      for (const Contract& one : in.assumptions.contracts.contracts) known.push_back(one.name);
      if (!value.is_scalar() || std::find(known.begin(), known.end(), value.text) == known.end()) {
        wrong(value, suggestion(value.text, known), in.problems);
      }
      out.contract = value.text;
    } else if (value.key == "from") {
      read_day(value, out.from, in.problems);
    } else if (value.key == "costs") {
      read_money(value, out.costs, in.problems);
    } else if (value.key == "demand") {
      read_demand_names(value, in, out.demand);
    } else {
      unknown_key(value, {"contract", "from", "costs", "demand"}, {}, in.problems);
    }
  }
  require(node, "cancel", {"contract", "from"}, in.problems);
  return out;
}

// {clouds: aws, families: p5, times: 0.8, from: DAY}
PriceChange read_price_change(const SpecNode& node, const Changing& in) {
  PriceChange out;
  for (const SpecNode& value : node.children) {
    if (value.key == "times") {
      const auto ppm = parse_scaled(value.text, 1'000'000);
      if (value.is_scalar() && ppm && *ppm <= times_max_ppm) {
        out.times_ppm = *ppm;
      } else {
        wrong(value, "expected a factor from 0 to 100, such as 0.8", in.problems);
      }
    } else if (value.key == "from") {
      read_day(value, out.from, in.problems);
    } else if (!read_scope_key(value, out.scope, in.problems)) {
      std::vector<std::string_view> known = {"times", "from"};
      known.insert(known.end(), scope_keys.begin(), scope_keys.end());
      unknown_key(value, known, {}, in.problems);
    }
  }
  require(node, "price", {"times", "from"}, in.problems);
  return out;
}

// {cloud: aws, region: us-east-1, from: DAY, days: 14}
OutageChange read_outage(const SpecNode& node, const Changing& in) {
  OutageChange out;
  std::int64_t days = 0;
  for (const SpecNode& value : node.children) {
    if (value.key == "cloud") {
      read_cloud(value, out.place.cloud, in.problems);
    } else if (value.key == "region") {
      read_text(value, out.place.region, in.problems);
    } else if (value.key == "zone") {
      read_text(value, out.place.zone, in.problems);
    } else if (value.key == "from") {
      read_day(value, out.window.from, in.problems);
    } else if (value.key == "days") {
      read_whole(value, {1, days_max}, days, in.problems);
    } else {
      unknown_key(value, {"cloud", "region", "zone", "from", "days"}, {}, in.problems);
    }
  }
  require(node, "outage", {"cloud", "from", "days"}, in.problems);
  out.window.to = out.window.from + std::chrono::days(days);
  return out;
}

constexpr std::array<std::string_view, 5> kinds = {"sign", "slip", "cancel", "price", "outage"};

bool read_change(const SpecNode& node, const Changing& in, WhatIf& out) {
  if (std::find(kinds.begin(), kinds.end(), node.key) == kinds.end()) return false;
  if (!is_map(node, "a map that says what changes", in.problems)) return true;
  if (node.key == "sign") out.change = read_sign(node, in);
  if (node.key == "slip") out.change = read_slip(node, in);
  if (node.key == "cancel") out.change = read_cancel(node, in);
  if (node.key == "price") out.change = read_price_change(node, in);
  if (node.key == "outage") out.change = read_outage(node, in);
  return true;
}

}  // namespace

void read_what_if(const SpecNode& node, Assumptions& assumptions, Problems& problems) {
  std::vector<WhatIf> all;
  std::set<std::string> names;
  read_items(
      node, "a list such as [{name: prices fall, price: {times: 0.8, from: DAY}}]", what_if_max,
      problems, [&](const SpecNode& item) {
        WhatIf one;
        int changes = 0;
        for (const SpecNode& value : item.children) {
          if (value.key == "name") {
            read_text(value, one.name, problems);
            if (names.insert(one.name).second) continue;
            problems.add(value.place, fmt::format("two what-ifs are named {}", in_quotes(one.name)),
                         "expected a name of its own for each");
          } else if (read_change(value, {assumptions, problems}, one)) {
            ++changes;
          } else {
            unknown_key(value, {"name", "sign", "slip", "cancel", "price", "outage"}, {}, problems);
          }
        }
        require(item, "what-if", {"name"}, problems);
        if (changes != 1) {
          problems.add(item.place, "a what-if changes one thing",
                       fmt::format("expected one of {}", fmt::join(kinds, ", ")));
        }
        all.push_back(std::move(one));
      });
  assumptions.what_if = std::move(all);
}

}  // namespace mohona
