#include "spec/fleet_file.h"

#include "spec/contracts_draft.h"
#include "spec/fleet_draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

constexpr std::array<Key<FleetDraft>, 7> fleet_keys = {{
    {"pools", read_pools},
    {"queues", read_queues},
    {"scheduling", read_scheduling},
    {"reservations", [](const SpecNode& n, FleetDraft& d) { d.reservations = &n; }},
    {"prices", [](const SpecNode& n, FleetDraft& d) { d.prices = &n; }},
    {"offers",
     [](const SpecNode& n, FleetDraft& d) { read_offers(n, d.fleet.contracts, d.problems); }},
    {"contracts",
     [](const SpecNode& n, FleetDraft& d) { read_contracts(n, d.fleet.contracts, d.problems); }},
}};

}  // namespace

Fleet read_fleet(const SpecNode& map, const Source& source, Problems& problems) {
  FleetDraft draft{{}, problems};
  read_keys(map, fleet_keys, {}, draft, problems);
  if (draft.reservations) read_reservations(*draft.reservations, draft);
  check_contract_names(map, problems);
  if (draft.prices) read_prices(*draft.prices, source, draft.fleet.contracts, problems);
  return std::move(draft.fleet);
}

Result<Fleet> parse_fleet_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  Fleet fleet;
  const OneDocument says{"a fleet file has one document", "the file has no 'pools'",
                         "expected pools: [...]"};
  if (const auto file = parse_one_map(source.text, says, problems)) {
    if (!file->find("pools")) {
      lacks(*file, "pools", file->place, std::string(says.lacks), std::string(says.expected),
            problems);
    }
    fleet = read_fleet(*file, source, problems);
  }
  if (!problems.none()) return fail(problems.error(source));
  return fleet;
}

}  // namespace mohona
