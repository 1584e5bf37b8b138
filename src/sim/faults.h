// What goes wrong in a simulation, and when: a function of a seed.
//
// Each kind has its own dice, so that leaving one out does not move the others.
#pragma once

#include <array>
#include <set>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace mohona {

enum class FaultKind : std::uint8_t {
  nodes,              // a node is gone with what runs there; noticed later, repaired in the end
  spot,               // a cloud takes a spot pool back, with notice, and returns it
  silence,            // an engine neither answers nor takes
  lost_reports,       // what changed is not said; only a look at everything tells
  doubled_reports,    // everything is said twice, also what is long over
  reordered_reports,  // things are said in another order than they happened
  unknown_launches,   // a launch happens, and its answer is lost
  lost_launches,      // a launch does not happen, and nobody says so
  slow_store,         // time goes by while facts are written
  full_store,         // there is no room for them
  crash,              // the controller dies: before or after a write, between effects, twice
  failing_work,       // work leaves with something else than 0
  deaf_work,          // work that does not stop until it is killed
  cancels,            // people change their minds
  fleet,              // pools grow and shrink, queues get other shares
  cordon,             // nodes are cordoned and drained
  twice,              // what was submitted is submitted again
};
constexpr std::array<std::string_view, 17> fault_names = {"nodes",
                                                          "spot",
                                                          "silence",
                                                          "lost-reports",
                                                          "doubled-reports",
                                                          "reordered-reports",
                                                          "unknown-launches",
                                                          "lost-launches",
                                                          "slow-store",
                                                          "full-store",
                                                          "crash",
                                                          "failing-work",
                                                          "deaf-work",
                                                          "cancels",
                                                          "fleet",
                                                          "cordon",
                                                          "twice"};
constexpr std::string_view name_of(FaultKind kind) {
  return fault_names[static_cast<std::size_t>(kind)];
}

using FaultKinds = std::set<FaultKind>;
// "all", "none", or names with commas between them.
Result<FaultKinds> parse_faults(std::string_view text);

struct Fault {
  Timestamp at;
  FaultKind kind = FaultKind::nodes;
  Duration lasts{0};
  std::uint64_t salt = 0;  // which node, which pool, …
};

// In order. Work that fails or is deaf is made by the workload; see generate.h.
std::vector<Fault> make_faults(std::uint64_t seed, const FaultKinds& kinds, Timestamp begin,
                               Duration lasts);

}  // namespace mohona
