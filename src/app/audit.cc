// mohona audit: the rules over a running controller's state or, without one, over the home's
// journal.
#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/complain.h"
#include "app/remote.h"
#include "app/stores.h"
#include "app/terminal.h"
#include "control/controller.h"
#include "core/audit/audit.h"
#include "core/audit/auditor.h"

namespace mohona {
namespace {

int print_audit(const Json& found, bool json, const std::string& what) {
  const Json& violations = found.at("violations");
  if (json) {
    fmt::print("{}\n", json_line(found));
  } else {
    for (const Json& v : violations) {
      fmt::print("{}, rule {} ({}): {}\n", v.at("at").get<std::string>(), v.at("rule").get<int>(),
                 v.at("name").get<std::string>(), v.at("what").get<std::string>());
    }
    fmt::print("{}: {}\n", what,
               violations.empty()
                   ? "every rule is kept"
                   : fmt::format("{} times a rule is broken; please report it with the journal",
                                 violations.size()));
  }
  return violations.empty() ? exit_ok : exit_job_failed;
}

// Every fact from the first, and then the state that the snapshot and the rest give.
int audit_journal(const Home& home, bool json) {
  auto store = open_store(home);
  if (!store) return complain(store.error());
  Auditor auditor;
  State whole;
  const auto replayed = (*store)->replay([&](const Fact& fact) -> Result<void> {
    auditor.see(fact);
    whole.apply(fact);
    return {};
  });
  if (!replayed) return complain(replayed.error());
  const auto loaded = load_state(**store);
  if (!loaded) return complain(loaded.error());
  auditor.compare(loaded->state);
  for (const Violation& v : audit(loaded->state, auditor.now())) auditor.report(v.rule, v.what);
  if (whole.digest() != loaded->state.digest()) {
    auditor.report(Rule::replay, "the journal and the snapshot give different states");
  }
  Json found = {{"facts", auditor.facts()},
                {"jobs", loaded->state.jobs().size()},
                {"violations", Json::array()}};
  for (const Violation& v : auditor.violations()) {
    found["violations"].push_back({{"rule", static_cast<int>(v.rule)},
                                   {"name", rule_name(v.rule)},
                                   {"at", format_timestamp(v.at)},
                                   {"what", v.what}});
  }
  found["clean"] = found["violations"].empty();
  return print_audit(found, json, fmt::format("{} facts", auditor.facts()));
}

}  // namespace

int audit_home(const Home& home, bool json) {
  Remote remote(home);
  const auto found = json ? remote.get_exact("/v1/audit") : remote.get("/v1/audit");
  if (found) {
    const auto jobs = found->at("jobs").get<std::size_t>();
    const auto live = found->at("live_attempts").get<std::size_t>();
    return print_audit(*found, json,
                       fmt::format("{} job{}, {} live attempt{}", jobs, jobs == 1 ? "" : "s", live,
                                   live == 1 ? "" : "s"));
  }
  if (found.error().code != Code::unavailable) return complain(found.error());
  return audit_journal(home, json);
}

}  // namespace mohona
