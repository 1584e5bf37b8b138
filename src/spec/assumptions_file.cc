#include "spec/assumptions_file.h"

#include <fmt/format.h>

#include "spec/assumptions_draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t years_max = 30;
constexpr std::int64_t paths_max = 10'000;

struct AssumptionsDraft {
  Assumptions assumptions;
  Problems& problems;
  const SpecNode* prices = nullptr;   // read when the file's own offers are known
  const SpecNode* demand = nullptr;   // read when the contracts are known
  const SpecNode* what_if = nullptr;  // read when all is known
  const SpecNode* buy = nullptr;
};

constexpr std::array<Key<AssumptionsDraft>, 12> assumptions_keys = {{
    {"name",
     [](const SpecNode& n, AssumptionsDraft& d) { read_text(n, d.assumptions.name, d.problems); }},
    {"begin",
     [](const SpecNode& n, AssumptionsDraft& d) {
       if (!read_day(n, d.assumptions.begin, d.problems)) return;
       if (d.assumptions.begin == floor<hours>(d.assumptions.begin)) return;
       wrong(n, "expected a day, or the beginning of an hour", d.problems);
     }},
    {"years",
     [](const SpecNode& n, AssumptionsDraft& d) {
       read_whole(n, {1, years_max}, d.assumptions.years, d.problems);
     }},
    {"today",
     [](const SpecNode& n, AssumptionsDraft& d) { read_day(n, d.assumptions.today, d.problems); }},
    {"paths",
     [](const SpecNode& n, AssumptionsDraft& d) {
       read_whole(n, {1, paths_max}, d.assumptions.paths, d.problems);
     }},
    {"seed",
     [](const SpecNode& n, AssumptionsDraft& d) {
       std::int64_t seed = 0;
       if (read_whole(n, {0, INT64_MAX}, seed, d.problems))
         d.assumptions.seed = std::uint64_t(seed);
     }},
    {"prices", [](const SpecNode& n, AssumptionsDraft& d) { d.prices = &n; }},
    {"offers", [](const SpecNode& n,
                  AssumptionsDraft& d) { read_offers(n, d.assumptions.contracts, d.problems); }},
    {"contracts",
     [](const SpecNode& n, AssumptionsDraft& d) {
       read_contracts(n, d.assumptions.contracts, d.problems);
     }},
    {"demand", [](const SpecNode& n, AssumptionsDraft& d) { d.demand = &n; }},
    {"what_if", [](const SpecNode& n, AssumptionsDraft& d) { d.what_if = &n; }},
    {"buy", [](const SpecNode& n, AssumptionsDraft& d) { d.buy = &n; }},
}};

void read_assumptions(const SpecNode& document, const Source& source, AssumptionsDraft& draft) {
  read_keys(document, assumptions_keys, {}, draft, draft.problems);
  require(document, "file", {"begin", "years", "demand"}, draft.problems);
  check_contract_names(document, draft.problems);
  Assumptions& assumptions = draft.assumptions;
  if (!document.find("today")) assumptions.today = assumptions.begin;
  if (draft.prices) read_prices(*draft.prices, source, assumptions.contracts, draft.problems);
  if (draft.demand) {
    read_demand(*draft.demand, assumptions.contracts, assumptions.demand, draft.problems);
  }
  if (draft.what_if) read_what_if(*draft.what_if, assumptions, draft.problems);
  if (draft.buy) read_buy(*draft.buy, assumptions, draft.problems);
}

}  // namespace

Result<Assumptions> parse_assumptions_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  AssumptionsDraft draft{{}, problems};
  const auto file =
      parse_one_map(source.text,
                    {"there is one document of assumptions", "the file has no 'years'",
                     "expected begin, years, contracts, demand, what_if"},
                    problems);
  if (file) read_assumptions(*file, source, draft);
  if (!problems.none()) return fail(problems.error(source));
  return std::move(draft.assumptions);
}

bool are_assumptions(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  if (!check_text(source.text, problems)) return false;
  const std::vector<SpecNode> documents = parse_yaml(source.text, problems);
  return problems.none() && !documents.empty() && documents[0].find("years");
}

}  // namespace mohona
