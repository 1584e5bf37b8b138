// A contract's minimums: what must be spent by its milestones, or was paid ahead for them.
#include <fmt/format.h>

#include "spec/contracts_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t minimums_max = 1'000;
constexpr std::int64_t weights_max = 1'000;
constexpr std::int64_t months_max = 120;

struct MinimumDraft {
  Minimum minimum;
  Duration zone;
  Problems& problems;
  Payments payments;
};

void read_milestones(const SpecNode& node, MinimumDraft& draft) {
  constexpr std::string_view expected = "[{due: DAY, amount: DOLLARS}, ...]";
  if (!is_list(node, expected, draft.problems)) return;
  for (const SpecNode& item : node.children) {
    const SpecNode *due = item.find("due"), *amount = item.find("amount");
    if (!due || !amount) {
      draft.problems.add(item.place, "this milestone lacks its day or its amount",
                         "expected {due: DAY, amount: DOLLARS}");
      continue;
    }
    Milestone milestone;
    if (!read_local(*due, draft.zone, milestone.due, draft.problems) ||
        !read_money(*amount, milestone.amount, draft.problems)) {
      continue;
    }
    auto& milestones = draft.minimum.milestones;
    if (!milestones.empty() && milestone.due <= milestones.back().due) {
      wrong(*due, "expected a later day than the milestone before it", draft.problems);
    }
    milestones.push_back(milestone);
  }
}

struct WeightDraft {
  Weight weight;
  Problems& problems;
};

constexpr std::array<Key<WeightDraft>, 2> weight_keys = {{
    {"weight",
     [](const SpecNode& n, WeightDraft& d) { read_percent(n, d.weight.ppm, d.problems); }},
    {"at_most",
     [](const SpecNode& n, WeightDraft& d) { read_percent(n, d.weight.cap_ppm, d.problems); }},
}};

void read_weights(const SpecNode& node, MinimumDraft& draft) {
  read_items(node, "a list such as [{families: [marketplace], weight: 100%, at_most: 25%}]",
             weights_max, draft.problems, [&](const SpecNode& item) {
               WeightDraft one{{}, draft.problems};
               read_scoped_keys(item, weight_keys, one.weight.scope, one, draft.problems);
               draft.minimum.weights.push_back(one.weight);
             });
}

void read_measured(const SpecNode& node, MinimumDraft& draft) {
  if (node.is_scalar() && (node.text == "before_discount" || node.text == "after_discount")) {
    draft.minimum.before_discount = node.text == "before_discount";
  } else {
    wrong(node, suggestion(node.text, {"before_discount", "after_discount"}), draft.problems);
  }
}

// forfeit, or one of {invoice: 100%}, {credit: 100%, months: 12, pays: {...}}, {carry: 50%,
// at_most: 1000}
void read_missed(const SpecNode& node, MinimumDraft& draft) {
  constexpr std::string_view expected =
      "expected forfeit, {invoice: 100%}, {credit: 100%, months: 12} or {carry: 50%}";
  Missed& missed = draft.minimum.missed;
  if (node.is_scalar() && node.text == "forfeit") {
    missed.then = Missed::Then::forfeit;
    return;
  }
  if (!node.is_map()) return wrong(node, std::string(expected), draft.problems);
  int kinds = 0;
  for (const SpecNode& value : node.children) {
    const auto then = value.key == "invoice"  ? std::optional(Missed::Then::invoice)
                      : value.key == "credit" ? std::optional(Missed::Then::credit)
                      : value.key == "carry"  ? std::optional(Missed::Then::carry)
                                              : std::nullopt;
    if (then) {
      missed.then = *then;
      ++kinds;
      read_percent(value, missed.ppm, draft.problems);
    } else if (value.key == "months") {
      read_whole(value, {1, months_max}, missed.credit_months, draft.problems);
    } else if (value.key == "pays") {
      read_scope(value, missed.credit_pays, draft.problems);
    } else if (value.key == "at_most") {
      read_money(value, missed.carry_max, draft.problems);
    } else {
      unknown_key(value, {"invoice", "credit", "carry", "months", "pays", "at_most"}, {},
                  draft.problems);
    }
  }
  if (kinds != 1) draft.problems.add(node.place, "'missed' says one thing", std::string(expected));
}

// {carry: 100%, at_most: 100000}
void read_excess(const SpecNode& node, MinimumDraft& draft) {
  if (!is_map(node, "{carry: 100%, at_most: DOLLARS}", draft.problems)) return;
  for (const SpecNode& value : node.children) {
    if (value.key == "carry") {
      read_percent(value, draft.minimum.excess.carry_ppm, draft.problems);
    } else if (value.key == "at_most") {
      read_money(value, draft.minimum.excess.carry_max, draft.problems);
    } else {
      unknown_key(value, {"carry", "at_most"}, {}, draft.problems);
    }
  }
}

constexpr std::array<Key<MinimumDraft>, 14> minimum_keys = {{
    {"name", [](const SpecNode& n, MinimumDraft& d) { read_name(n, d.minimum.name, d.problems); }},
    {"counts",
     [](const SpecNode& n, MinimumDraft& d) { read_scope(n, d.minimum.scope, d.problems); }},
    {"from", [](const SpecNode& n,
                MinimumDraft& d) { read_local(n, d.zone, d.minimum.window.from, d.problems); }},
    {"milestones", read_milestones},
    {"weights", read_weights},
    {"measured", read_measured},
    {"counts_fees",
     [](const SpecNode& n, MinimumDraft& d) { read_flag(n, d.minimum.counts_fees, d.problems); }},
    {"prepaid",
     [](const SpecNode& n, MinimumDraft& d) { read_flag(n, d.minimum.prepaid, d.problems); }},
    {"overage", [](const SpecNode& n,
                   MinimumDraft& d) { read_percent(n, d.minimum.overage_ppm, d.problems); }},
    {"upfront", [](const SpecNode& n, MinimumDraft& d) { d.payments.upfront = &n; }},
    {"monthly", [](const SpecNode& n, MinimumDraft& d) { d.payments.monthly = &n; }},
    {"instalments", [](const SpecNode& n, MinimumDraft& d) { d.payments.instalments = &n; }},
    {"missed", read_missed},
    {"excess", read_excess},
}};

void check(const SpecNode& node, MinimumDraft& draft) {
  require(node, "minimum", {"name", "from", "milestones"}, draft.problems);
  Minimum& minimum = draft.minimum;
  if (const SpecNode* list = node.find("milestones"); list && minimum.milestones.empty()) {
    draft.problems.add(list->key_place, "there are no milestones",
                       "expected [{due: DAY, amount: DOLLARS}]");
  }
  if (minimum.prepaid != draft.payments.any()) {
    draft.problems.add(node.place,
                       minimum.prepaid ? "what is paid ahead has a price"
                                       : "a minimum that is not 'prepaid' has no fees",
                       "expected prepaid: true and one of upfront, monthly, instalments");
  }
  const SpecNode* missed = node.find("missed");
  if (minimum.prepaid && missed &&
      (minimum.missed.then == Missed::Then::invoice ||
       minimum.missed.then == Missed::Then::credit)) {
    draft.problems.add(missed->key_place, "what is paid ahead cannot be invoiced again",
                       "expected missed: forfeit or {carry: 50%}");
  }
  for (const std::string_view key : {"weights", "excess", "measured"}) {
    const SpecNode* given = node.find(key);
    if (!given || !minimum.prepaid) continue;
    draft.problems.add(given->key_place, fmt::format("'{}' stands beside 'prepaid'", key),
                       "expected it where spending counts toward a minimum");
  }
}

}  // namespace

void read_minimums(const SpecNode& node, ContractDraft& contract) {
  read_items(
      node, "a list of minimums", minimums_max, contract.problems, [&](const SpecNode& item) {
        MinimumDraft draft{{}, contract.zone, contract.problems};
        Minimum& minimum = draft.minimum;
        minimum.scope.clouds = {contract.contract.cloud};
        read_keys(item, minimum_keys, {}, draft, draft.problems);
        check(item, draft);
        if (!minimum.milestones.empty()) {
          minimum.window.to = minimum.milestones.back().due;
          if (minimum.window.from < minimum.milestones.front().due) {
            minimum.fees = read_fees(draft.payments, minimum.window, draft.zone, contract.problems);
          } else if (item.find("from")) {
            wrong(*item.find("from"), "expected a day before the first milestone",
                  contract.problems);
          }
        }
        if (minimum.prepaid && minimum.missed.then != Missed::Then::carry) {
          minimum.missed.then = Missed::Then::forfeit;
        }
        contract.contract.minimums.push_back(minimum);
      });
}

}  // namespace mohona
