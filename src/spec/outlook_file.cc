#include "spec/outlook_file.h"

#include <fmt/format.h>

#include "spec/outlook_draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t years_max = 30;
constexpr std::int64_t paths_max = 10'000;

struct OutlookDraft {
  Outlook outlook;
  Problems& problems;
  const SpecNode* demand = nullptr;   // read when the contracts are known
  const SpecNode* what_if = nullptr;  // read when all is known
};

constexpr std::array<Key<OutlookDraft>, 10> outlook_keys = {{
    {"name", [](const SpecNode& n, OutlookDraft& d) { read_text(n, d.outlook.name, d.problems); }},
    {"begin",
     [](const SpecNode& n, OutlookDraft& d) {
       if (!read_day(n, d.outlook.begin, d.problems)) return;
       if (d.outlook.begin == floor<days>(d.outlook.begin)) return;
       wrong(n, "expected a day; it begins at midnight UTC", d.problems);
     }},
    {"years",
     [](const SpecNode& n, OutlookDraft& d) {
       read_whole(n, {1, years_max}, d.outlook.years, d.problems);
     }},
    {"today", [](const SpecNode& n, OutlookDraft& d) { read_day(n, d.outlook.today, d.problems); }},
    {"paths",
     [](const SpecNode& n, OutlookDraft& d) {
       read_whole(n, {1, paths_max}, d.outlook.paths, d.problems);
     }},
    {"seed",
     [](const SpecNode& n, OutlookDraft& d) {
       std::int64_t seed = 0;
       if (read_whole(n, {0, INT64_MAX}, seed, d.problems)) d.outlook.seed = std::uint64_t(seed);
     }},
    {"offers",
     [](const SpecNode& n, OutlookDraft& d) { read_offers(n, d.outlook.contracts, d.problems); }},
    {"contracts", [](const SpecNode& n,
                     OutlookDraft& d) { read_contracts(n, d.outlook.contracts, d.problems); }},
    {"demand", [](const SpecNode& n, OutlookDraft& d) { d.demand = &n; }},
    {"what_if", [](const SpecNode& n, OutlookDraft& d) { d.what_if = &n; }},
}};

void read_outlook(const SpecNode& document, OutlookDraft& draft) {
  read_keys(document, outlook_keys, {}, draft, draft.problems);
  require(document, "outlook", {"begin", "years", "demand"}, draft.problems);
  check_contract_names(document, draft.problems);
  Outlook& outlook = draft.outlook;
  if (!document.find("today")) outlook.today = outlook.begin;
  if (draft.demand) {
    read_demand(*draft.demand, outlook.contracts, outlook.demand, draft.problems);
  }
  if (draft.what_if) read_what_if(*draft.what_if, outlook, draft.problems);
}

}  // namespace

Result<Outlook> parse_outlook_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  OutlookDraft draft{{}, problems};
  std::vector<SpecNode> documents;
  if (check_text(source.text, problems)) documents = parse_yaml(source.text, problems);
  if (problems.none()) {
    constexpr std::string_view expected = "expected begin, years, contracts, demand, what_if";
    if (documents.size() != 1) {
      problems.add(documents.empty() ? Place{} : documents[1].place,
                   documents.empty() ? "the file is empty" : "an outlook has one document",
                   std::string(expected));
    } else if (!documents[0].is_map()) {
      problems.add(documents[0].place, "the file has no 'years'", std::string(expected));
    } else {
      read_outlook(documents[0], draft);
    }
  }
  if (!problems.none()) return fail(problems.error(source));
  return std::move(draft.outlook);
}

bool is_outlook(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  if (!check_text(source.text, problems)) return false;
  const std::vector<SpecNode> documents = parse_yaml(source.text, problems);
  return problems.none() && !documents.empty() && documents[0].find("years");
}

}  // namespace mohona
