// Which commitment to buy: questions, each of a demand and its options.
#include <fmt/format.h>

#include <set>

#include "spec/assumptions_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t questions_max = 100;
constexpr std::int64_t options_max = 20;

// {name: three years, off: 46%} or {name: reserved, hourly: 4.10, running: 0.20}
BuyOption read_option(const SpecNode& node, Problems& problems) {
  BuyOption out;
  for (const SpecNode& value : node.children) {
    if (value.key == "name") {
      read_text(value, out.name, problems);
    } else if (value.key == "off") {
      std::int64_t off_ppm = 0;
      if (read_percent(value, off_ppm, problems)) out.off_ppm = off_ppm;
    } else if (value.key == "hourly") {
      read_price(value, out.hourly, problems);
    } else if (value.key == "running") {
      read_price(value, out.running, problems);
    } else {
      unknown_key(value, {"name", "off", "hourly", "running"}, {}, problems);
    }
  }
  require(node, "option", {"name"}, problems);
  if (!node.find("off") == !node.find("hourly")) {
    problems.add(node.place, "this option needs an 'off' or an 'hourly'",
                 "expected one of the two");
  }
  return out;
}

}  // namespace

void read_buy(const SpecNode& node, Assumptions& assumptions, Problems& problems) {
  std::vector<std::string_view> known;
  for (const ExpectedDemand& demand : assumptions.demand) known.push_back(demand.name);
  read_items(node, "a list such as [{demand: NAME, options: [{name: a year, off: 28%}]}]",
             questions_max, problems, [&](const SpecNode& item) {
               BuyQuestion question;
               std::set<std::string> names;
               for (const SpecNode& value : item.children) {
                 if (value.key == "demand") {
                   question.demand = value.text;
                   if (std::find(known.begin(), known.end(), value.text) == known.end()) {
                     wrong(value, suggestion(value.text, known), problems);
                   }
                 } else if (value.key == "options") {
                   read_items(value, "a list such as [{name: a year, off: 28%}]", options_max,
                              problems, [&](const SpecNode& option) {
                                question.options.push_back(read_option(option, problems));
                                if (names.insert(question.options.back().name).second) return;
                                problems.add(option.place,
                                             fmt::format("two options are named {}",
                                                         in_quotes(question.options.back().name)),
                                             "expected a name of its own for each");
                              });
                 } else {
                   unknown_key(value, {"demand", "options"}, {}, problems);
                 }
               }
               require(item, "question", {"demand", "options"}, problems);
               assumptions.buy.push_back(std::move(question));
             });
}

}  // namespace mohona
