#include "spec/fleet_file.h"

#include "spec/contracts_draft.h"
#include "spec/fleet_draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

constexpr std::array<Key<FleetDraft>, 6> fleet_keys = {{
    {"pools", read_pools},
    {"queues", read_queues},
    {"scheduling", read_scheduling},
    {"reservations", [](const SpecNode& n, FleetDraft& d) { d.reservations = &n; }},
    {"offers",
     [](const SpecNode& n, FleetDraft& d) { read_offers(n, d.fleet.contracts, d.problems); }},
    {"contracts",
     [](const SpecNode& n, FleetDraft& d) { read_contracts(n, d.fleet.contracts, d.problems); }},
}};

}  // namespace

Fleet read_fleet(const SpecNode& map, Problems& problems) {
  FleetDraft draft{{}, problems};
  read_keys(map, fleet_keys, {}, draft, problems);
  if (draft.reservations) read_reservations(*draft.reservations, draft);
  check_contract_names(map, problems);
  return std::move(draft.fleet);
}

Result<Fleet> parse_fleet_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  Fleet fleet;
  std::vector<SpecNode> documents;
  if (check_text(source.text, problems)) documents = parse_yaml(source.text, problems);
  if (problems.none()) {
    constexpr std::string_view expected = "expected pools: [...]";
    if (documents.size() != 1) {
      problems.add(documents.empty() ? Place{} : documents[1].place,
                   documents.empty() ? "the file is empty" : "a fleet file has one document",
                   std::string(expected));
    } else if (!documents[0].is_map() || !documents[0].find("pools")) {
      problems.add(documents[0].place, "the file has no 'pools'", std::string(expected));
    }
    if (!documents.empty() && documents[0].is_map()) fleet = read_fleet(documents[0], problems);
  }
  if (!problems.none()) return fail(problems.error(source));
  return fleet;
}

}  // namespace mohona
