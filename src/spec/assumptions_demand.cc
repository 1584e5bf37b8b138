// The assumptions' demand: how much of what is wanted where, how it grows, and when capacity comes.
#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "money/book.h"
#include "spec/assumptions_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t demand_max = 1'000;
constexpr std::int64_t deliveries_max = 1'000;
constexpr std::int64_t growth_max_ppm = 100'000'000;  // a hundredfold a year
constexpr std::int64_t slip_months_max = 120;

struct DemandDraft {
  ExpectedDemand demand;
  const Contracts& contracts;
  Problems& problems;
};

bool read_units(const SpecNode& node, std::int64_t& out_milli, Problems& problems) {
  const auto milli = parse_scaled(node.text, 1'000);
  if (node.is_scalar() && milli && *milli <= milli_units_max) return out_milli = *milli, true;
  wrong(node,
        fmt::format("expected a number of units up to {}, such as 250 or 0.5",
                    milli_units_max / 1'000),
        problems);
  return false;
}

// {peak: 12, swing: 10%}
void read_season(const SpecNode& node, DemandDraft& draft) {
  constexpr std::string_view expected = "{peak: MONTH, swing: 10%}";
  if (!is_map(node, expected, draft.problems)) return;
  for (const SpecNode& value : node.children) {
    if (value.key == "peak") {
      read_whole(value, {1, 12}, draft.demand.season_month, draft.problems);
    } else if (value.key == "swing") {
      read_percent(value, draft.demand.season_swing_ppm, draft.problems);
    } else {
      unknown_key(value, {"peak", "swing"}, {}, draft.problems);
    }
  }
  require(node, "season", {"peak", "swing"}, draft.problems);
}

// {chance: 30%, months: 6}
void read_slip(const SpecNode& node, DemandDraft& draft) {
  if (!is_map(node, "{chance: 30%, months: 6}", draft.problems)) return;
  for (const SpecNode& value : node.children) {
    if (value.key == "chance") {
      read_percent(value, draft.demand.slip.chance_ppm, draft.problems);
    } else if (value.key == "months") {
      read_whole(value, {1, slip_months_max}, draft.demand.slip.months_max, draft.problems);
    } else {
      unknown_key(value, {"chance", "months"}, {}, draft.problems);
    }
  }
  require(node, "slip", {"chance", "months"}, draft.problems);
}

// CONTRACT/COMMITMENT: what its steps promise arrives when they begin.
void read_delivered_commitment(const SpecNode& node, DemandDraft& draft) {
  std::vector<std::string> names;
  for (const Contract& contract : draft.contracts.contracts) {
    for (const Commitment& commitment : contract.commitments) {
      if (draws_dollars(commitment.draw)) continue;
      names.push_back(contract.name + "/" + commitment.name);
      if (names.back() != node.text) continue;
      draft.demand.contract = contract.name;
      draft.demand.commitment = commitment.name;
      for (const Step& step : commitment.steps) {
        draft.demand.deliveries.push_back({step.from, std::min(step.amount, milli_units_max)});
      }
      return;
    }
  }
  if (names.empty()) {
    wrong(node, "expected a list [{from: DAY, units: 100}]; no contract promises units",
          draft.problems);
  } else {
    wrong(node, suggestion(node.text, {names.begin(), names.end()}), draft.problems);
  }
}

// [{from: DAY, units: 100}, …], or CONTRACT/COMMITMENT
void read_deliveries(const SpecNode& node, DemandDraft& draft) {
  if (node.is_scalar()) return read_delivered_commitment(node, draft);
  read_items(node, "[{from: DAY, units: 100}, ...] or CONTRACT/COMMITMENT", deliveries_max,
             draft.problems, [&](const SpecNode& item) {
               Delivery delivery;
               const SpecNode *from = item.find("from"), *units = item.find("units");
               if (!from || !units) {
                 draft.problems.add(item.place, "this delivery lacks its day or its units",
                                    "expected {from: DAY, units: 100}, units in all");
                 return;
               }
               if (!read_day(*from, delivery.from, draft.problems) ||
                   !read_units(*units, delivery.units_milli, draft.problems)) {
                 return;
               }
               auto& all = draft.demand.deliveries;
               if (!all.empty() && delivery.from <= all.back().from) {
                 wrong(*from, "expected a later day than the delivery before it", draft.problems);
               }
               all.push_back(delivery);
             });
}

constexpr std::array<Key<DemandDraft>, 17> demand_keys = {{
    {"name", [](const SpecNode& n, DemandDraft& d) { read_name(n, d.demand.name, d.problems); }},
    {"sku",
     [](const SpecNode& n, DemandDraft& d) { read_text(n, d.demand.meter.sku, d.problems); }},
    {"cloud", [](const SpecNode& n,
                 DemandDraft& d) { read_cloud(n, d.demand.meter.place.cloud, d.problems); }},
    {"region", [](const SpecNode& n,
                  DemandDraft& d) { read_text(n, d.demand.meter.place.region, d.problems); }},
    {"zone", [](const SpecNode& n,
                DemandDraft& d) { read_text(n, d.demand.meter.place.zone, d.problems); }},
    {"account",
     [](const SpecNode& n, DemandDraft& d) { read_text(n, d.demand.meter.account, d.problems); }},
    {"reservation", [](const SpecNode& n,
                       DemandDraft& d) { read_text(n, d.demand.meter.reservation, d.problems); }},
    {"units",
     [](const SpecNode& n, DemandDraft& d) { read_units(n, d.demand.units_milli, d.problems); }},
    {"from",
     [](const SpecNode& n, DemandDraft& d) { read_day(n, d.demand.window.from, d.problems); }},
    {"to", [](const SpecNode& n, DemandDraft& d) { read_day(n, d.demand.window.to, d.problems); }},
    {"growth",
     [](const SpecNode& n, DemandDraft& d) { read_growth(n, d.demand.growth_ppm, d.problems); }},
    {"growth_spread",
     [](const SpecNode& n, DemandDraft& d) {
       read_percent(n, d.demand.growth_spread_ppm, d.problems);
     }},
    {"noise",
     [](const SpecNode& n, DemandDraft& d) { read_percent(n, d.demand.noise_ppm, d.problems); }},
    {"season", read_season},
    {"day_swing", [](const SpecNode& n,
                     DemandDraft& d) { read_percent(n, d.demand.day_swing_ppm, d.problems); }},
    {"deliveries", read_deliveries},
    {"slip", read_slip},
}};

void check(const SpecNode& node, const DemandDraft& draft) {
  require(node, "demand", {"name", "sku", "cloud", "units"}, draft.problems);
  if (const SpecNode* sku = node.find("sku"); sku && draft.problems.none()) {
    const auto meter = Book({{}, draft.contracts.offers}).meter(draft.demand.meter);
    if (!meter) draft.problems.add(sku->place, meter.error().message, "expected one of 'offers'");
  }
  const SpecNode* slip = node.find("slip");
  if (slip && !node.find("deliveries")) {
    draft.problems.add(slip->key_place, "there is nothing that could slip",
                       "expected 'deliveries' beside it");
  }
}

}  // namespace

bool read_growth(const SpecNode& node, std::int64_t& out_ppm, Problems& problems) {
  std::string_view text = node.text;
  const bool shrinks = text.starts_with('-');
  if (shrinks) text.remove_prefix(1);
  if (node.is_scalar() && text.ends_with('%')) {
    constexpr std::int64_t ppm_per_percent = 10'000;
    const auto ppm = parse_scaled(trim(text.substr(0, text.size() - 1)), ppm_per_percent);
    if (ppm && *ppm <= (shrinks ? 950'000 : growth_max_ppm)) {
      return out_ppm = shrinks ? -*ppm : *ppm, true;
    }
  }
  wrong(node, "expected a growth a year from -95% to 10000%, such as 40% or -10%", problems);
  return false;
}

void read_demand(const SpecNode& node, const Contracts& contracts, std::vector<ExpectedDemand>& out,
                 Problems& problems) {
  std::set<std::string> names;
  for (const ExpectedDemand& known : out) names.insert(known.name);
  read_items(node, "a list such as [{name: training, sku: SKU, cloud: aws, units: 100}]",
             demand_max, problems, [&](const SpecNode& item) {
               DemandDraft draft{{}, contracts, problems};
               read_keys(item, demand_keys, {}, draft, problems);
               check(item, draft);
               const SpecNode* name = item.find("name");
               if (name && !names.insert(draft.demand.name).second) {
                 problems.add(name->place,
                              fmt::format("two demands are named {}", in_quotes(name->text)),
                              "expected a name of its own for each");
               }
               out.push_back(std::move(draft.demand));
             });
}

}  // namespace mohona
