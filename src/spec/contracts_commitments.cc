// A contract's commitments: what is promised for every hour.
#include <fmt/format.h>

#include "base/text.h"
#include "spec/contracts_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t commitments_max = 10'000;
constexpr std::int64_t units_max_milli = 1'000'000'000'000;
constexpr Price dollars_max{1'000'000'000'000'000};  // a million an hour

// Ranks where none is given: reservations of a zone, reservations, narrow plans, broad plans
// (contracts.md, settlement step 3).
enum Rank { rank_zonal, rank_units, rank_narrow, rank_broad };

struct CommitmentDraft {
  Commitment commitment;
  Duration zone;
  Problems& problems;
  Step step;  // when there are no steps
  Payments payments;
  const SpecNode* steps = nullptr;
  const SpecNode* amount = nullptr;  // the key that says what is promised
  const SpecNode* hourly = nullptr;
  const SpecNode* rank = nullptr;
};

constexpr std::array<std::string_view, 3> amount_keys = {"instances", "units", "dollars_per_hour"};

bool is_amount(std::string_view key) {
  return std::find(amount_keys.begin(), amount_keys.end(), key) != amount_keys.end();
}

void read_amount(const SpecNode& node, CommitmentDraft& draft, std::int64_t& amount) {
  if (node.key == "dollars_per_hour") {
    Price price;
    if (!read_price(node, price, draft.problems)) return;
    if (price > dollars_max) wrong(node, "expected at most 1000000", draft.problems);
    amount = price.nanos;
    if (!draws_dollars(draft.commitment.draw)) draft.commitment.draw = Draw::plan_rate;
    return;
  }
  const auto milli = parse_scaled(node.text, 1'000);
  if (node.is_scalar() && milli && *milli <= units_max_milli) {
    amount = *milli;
    draft.commitment.draw = node.key == "units" ? Draw::size : Draw::instances;
  } else {
    wrong(node, "expected a number of them, such as 2", draft.problems);
  }
}

void read_amount_key(const SpecNode& node, CommitmentDraft& draft) {
  if (draft.amount) {
    draft.problems.add(node.key_place,
                       fmt::format("'{}' stands beside '{}'", node.key, draft.amount->key),
                       "expected one of instances, units, dollars_per_hour");
    return;
  }
  draft.amount = &node;
  read_amount(node, draft, draft.step.amount);
}

void read_measured_in(const SpecNode& node, CommitmentDraft& draft) {
  if (node.is_scalar() && node.text == "list_price") {
    draft.commitment.draw = Draw::list_price;
  } else if (node.is_scalar() && node.text == "plan_rate") {
    draft.commitment.draw = Draw::plan_rate;
  } else {
    wrong(node, suggestion(node.text, {"plan_rate", "list_price"}), draft.problems);
  }
}

struct RateDraft {
  Rate rate;
  Duration zone;
  Problems& problems;
};

constexpr std::array<Key<RateDraft>, 4> rate_keys = {{
    {"price",
     [](const SpecNode& n, RateDraft& d) {
       Price price;
       if (read_price(n, price, d.problems)) d.rate.price = price;
     }},
    {"off", [](const SpecNode& n, RateDraft& d) { read_percent(n, d.rate.off_ppm, d.problems); }},
    {"from",
     [](const SpecNode& n, RateDraft& d) { read_local(n, d.zone, d.rate.valid.from, d.problems); }},
    {"to",
     [](const SpecNode& n, RateDraft& d) { read_local(n, d.zone, d.rate.valid.to, d.problems); }},
}};

void read_rates(const SpecNode& node, CommitmentDraft& draft) {
  read_items(node, "a list such as [{families: [p5], off: 28%}]", commitments_max, draft.problems,
             [&](const SpecNode& item) {
               RateDraft rate{{}, draft.zone, draft.problems};
               read_scoped_keys(item, rate_keys, rate.rate.scope, rate, draft.problems);
               if (!item.find("price") == !item.find("off")) {
                 draft.problems.add(item.place, "this rate needs a 'price' or an 'off'",
                                    "expected one of the two");
               }
               draft.commitment.rates.push_back(rate.rate);
             });
}

constexpr std::array<Key<CommitmentDraft>, 20> commitment_keys = {{
    {"name",
     [](const SpecNode& n, CommitmentDraft& d) { read_name(n, d.commitment.name, d.problems); }},
    {"account",
     [](const SpecNode& n, CommitmentDraft& d) { read_text(n, d.commitment.account, d.problems); }},
    {"shared",
     [](const SpecNode& n, CommitmentDraft& d) { read_flag(n, d.commitment.shared, d.problems); }},
    {"covers",
     [](const SpecNode& n, CommitmentDraft& d) { read_scope(n, d.commitment.scope, d.problems); }},
    {"from",
     [](const SpecNode& n, CommitmentDraft& d) {
       read_local(n, d.zone, d.commitment.window.from, d.problems);
     }},
    {"to", [](const SpecNode& n,
              CommitmentDraft& d) { read_local(n, d.zone, d.commitment.window.to, d.problems); }},
    {"instances", read_amount_key},
    {"units", read_amount_key},
    {"dollars_per_hour", read_amount_key},
    {"measured_in", [](const SpecNode&, CommitmentDraft&) {}},  // when the amount is known
    {"hourly",
     [](const SpecNode& n, CommitmentDraft& d) {
       d.hourly = &n;
       read_price(n, d.step.hourly, d.problems);
     }},
    {"upfront", [](const SpecNode& n, CommitmentDraft& d) { d.payments.upfront = &n; }},
    {"monthly", [](const SpecNode& n, CommitmentDraft& d) { d.payments.monthly = &n; }},
    {"instalments", [](const SpecNode& n, CommitmentDraft& d) { d.payments.instalments = &n; }},
    {"rates", read_rates},
    {"running", [](const SpecNode& n,
                   CommitmentDraft& d) { read_price(n, d.commitment.running, d.problems); }},
    {"capacity", [](const SpecNode& n,
                    CommitmentDraft& d) { read_flag(n, d.commitment.capacity, d.problems); }},
    {"named",
     [](const SpecNode& n, CommitmentDraft& d) { read_flag(n, d.commitment.named, d.problems); }},
    {"rank", [](const SpecNode& n, CommitmentDraft& d) { d.rank = &n; }},
    {"steps", [](const SpecNode& n, CommitmentDraft& d) { d.steps = &n; }},
}};

// [{from: DAY, instances: 2, hourly: 1.5}, …]
void read_steps(const SpecNode& node, CommitmentDraft& draft) {
  if (!is_list(node, "[{from: DAY, instances: 2, hourly: 1.5}, ...]", draft.problems)) return;
  for (const SpecNode& item : node.children) {
    Step step;
    bool amount = false;
    for (const SpecNode& value : item.children) {
      if (value.key == "from") {
        read_local(value, draft.zone, step.from, draft.problems);
      } else if (value.key == "hourly") {
        read_price(value, step.hourly, draft.problems);
      } else if (is_amount(value.key)) {
        amount = true;
        read_amount(value, draft, step.amount);
      } else {
        unknown_key(value, {"from", "hourly", "instances", "units", "dollars_per_hour"}, {},
                    draft.problems);
      }
    }
    if (!item.find("from") || !amount) {
      draft.problems.add(item.place, "this step lacks its day or its amount",
                         "expected {from: DAY, instances: 2}");
    } else if (!draft.commitment.steps.empty() && step.from <= draft.commitment.steps.back().from) {
      draft.problems.add(item.place, "steps go forward in time",
                         "expected a later 'from' than the one before it");
    }
    // A dollar promised is a dollar paid, unless it is said otherwise.
    if (draft.commitment.draw == Draw::plan_rate && !item.find("hourly") && !draft.payments.any()) {
      step.hourly = {step.amount};
    }
    draft.commitment.steps.push_back(step);
  }
}

std::int64_t default_rank(const Commitment& commitment) {
  const Scope& scope = commitment.scope;
  if (!draws_dollars(commitment.draw)) return scope.zones.empty() ? rank_units : rank_zonal;
  return scope.families.empty() && scope.skus.empty() ? rank_broad : rank_narrow;
}

void check(const SpecNode& node, CommitmentDraft& draft) {
  require(node, "commitment", {"name", "from", "to"}, draft.problems);
  const SpecNode* to = node.find("to");
  const Window& window = draft.commitment.window;
  if (to && node.find("from") && window.from >= window.to) {
    wrong(*to, "expected a later instant than 'from'", draft.problems);
  }
  if (!draft.amount == !draft.steps) {
    draft.problems.add(node.place, "this commitment does not say how much, or twice",
                       "expected one of instances, units, dollars_per_hour, steps");
  }
  const SpecNode* rates = node.find("rates");
  if (draft.commitment.draw == Draw::plan_rate ? !rates : rates != nullptr) {
    draft.problems.add(rates ? rates->key_place : node.place,
                       rates
                           ? "'rates' are for plans that are drawn on in dollars at their own rate"
                           : "this plan has no 'rates'",
                       "expected dollars_per_hour: N and rates: [{families: [p5], off: 28%}], "
                       "or measured_in: list_price");
  }
}

Commitment read_commitment(const SpecNode& node, const ContractDraft& contract) {
  CommitmentDraft draft{{}, contract.zone, contract.problems};
  Commitment& commitment = draft.commitment;
  commitment.account = contract.contract.account;
  if (!contract.contract.cloud.empty()) commitment.scope.clouds = {contract.contract.cloud};
  read_keys(node, commitment_keys, {}, draft, draft.problems);
  if (const SpecNode* measured = node.find("measured_in")) read_measured_in(*measured, draft);
  if (draft.steps) read_steps(*draft.steps, draft);
  check(node, draft);
  if (commitment.window.from < commitment.window.to) {
    commitment.fees = read_fees(draft.payments, commitment.window, draft.zone, draft.problems);
  }
  if (!draft.steps) {
    draft.step.from = commitment.window.from;
    if (commitment.draw == Draw::plan_rate && !draft.hourly && !draft.payments.any()) {
      draft.step.hourly = {draft.step.amount};
    }
    commitment.steps = {draft.step};
  }
  commitment.rank = default_rank(commitment);
  if (draft.rank) read_whole(*draft.rank, {0, 1'000}, commitment.rank, draft.problems);
  return commitment;
}

}  // namespace

void read_commitments(const SpecNode& node, ContractDraft& draft) {
  read_items(node, "a list of commitments", commitments_max, draft.problems,
             [&](const SpecNode& item) {
               draft.contract.commitments.push_back(read_commitment(item, draft));
             });
}

}  // namespace mohona
