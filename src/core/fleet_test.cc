// What the core makes of what a fleet's owner says: pools, nodes, queues, reservations.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/audit/audit.h"
#include "core/core.h"
#include "model/codec.h"
#include "model/names.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start{std::chrono::hours(500'000)};

Pool pool(const std::string& name, std::int64_t nodes) {
  Pool p;
  p.name = p.cloud = name;
  p.shape.cpus_milli = 1'000;
  p.nodes = nodes;
  return p;
}

Queue queue(const std::string& name, const std::string& parent = "") {
  Queue q;
  q.name = name;
  q.parent = parent;
  return q;
}

AdvanceReservation reservation(const std::string& name, const std::string& pool_name) {
  AdvanceReservation r;
  r.name = name;
  r.pool = pool_name;
  r.nodes = 2;
  r.from = start + 1h;
  r.to = start + 2h;
  return r;
}

JobSpec job(const std::string& name) {
  JobSpec spec;
  spec.name = name;
  spec.run = "true";
  return spec;
}

// Through the snapshot's text and back.
State reload(const State& state) {
  State copy;
  copy.restore(*decode_queues(encode(QueuesDefined{state.queues(), state.scheduling()})));
  for (const auto& [name, known] : state.pools()) {
    copy.restore(*decode_pool(encode(known)));
  }
  for (const auto& [id, entry] : state.jobs()) copy.restore(*decode_job(encode(entry.job)));
  copy.restore(*decode_prices(encode(state.packing_prices())));
  copy.index();
  return copy;
}

// A state, and every fact in order, in the journal's form.
class World {
 public:
  explicit World(Fleet fleet = {{pool("hall", 8), pool("shed", 2)}, {}, {}, {}}) {
    say(DefineFleet{std::move(fleet)});
  }

  // The facts that the input itself led to, or what is wrong with it.
  std::string say(const Input& input) {
    const auto facts = take(state, input, now);
    if (!facts) return facts.error().message;
    std::string text;
    for (const Fact& fact : *facts) text += encode(fact) + "\n";
    log.insert(log.end(), facts->begin(), facts->end());
    return text;
  }

  std::string change(const std::string& nodes, NodeState to, const std::string& reason = "") {
    return say(
        ChangeNodes{"hall", nodes == "all" ? NodeRanges{} : *parse_node_ranges(nodes), to, reason});
  }

  // "0-3 cordoned fans, 7 down".
  std::string not_up() const {
    std::string text;
    for (const NodesChanged& entry : state.find_pool("hall")->nodes) {
      if (!text.empty()) text += ", ";
      text += fmt::format("{} {}", format_node_ranges(entry.nodes), name(entry.state));
      if (!entry.reason.empty()) text += " " + entry.reason;
    }
    return text;
  }

  // From every fact, and from the snapshot's rows, it is the same state.
  void check() const {
    State replayed;
    for (const Fact& fact : log) replayed.apply(*decode_fact(encode(fact)));
    EXPECT_EQ(replayed.digest(), state.digest());
    EXPECT_EQ(reload(state).digest(), state.digest());
  }

  State state;
  Facts log;
  Timestamp now = start;
};

TEST(Nodes, StandInOneEntryAtMostTheLastOneAboutThem) {
  World w;
  EXPECT_EQ(w.change("0-5", NodeState::cordoned, "fans"),
            R"({"nodes_changed":{"pool":"hall","nodes":[{"last":5}],"state":"cordoned",)"
            R"("reason":"fans","at":1800000000000000}})"
            "\n");
  EXPECT_EQ(w.not_up(), "0-5 cordoned fans");
  EXPECT_NE(w.change("2,7", NodeState::down, "no power"), "");
  EXPECT_EQ(w.not_up(), "0-1,3-5 cordoned fans, 2,7 down no power");
  EXPECT_NE(w.change("4-6", NodeState::draining), "");
  EXPECT_EQ(w.not_up(), "0-1,3 cordoned fans, 2,7 down no power, 4-6 draining");
  w.check();
  EXPECT_NE(w.change("all", NodeState::up), "");
  EXPECT_EQ(w.not_up(), "");
  w.check();
}

TEST(Nodes, WhatPeopleSayOfThemStaysWhenAnEngineSaysTheSame) {
  World w;
  w.say(ChangeNodes{"hall", {{0, 1}}, NodeState::cordoned, "Slurm: drained", "slurm"});
  EXPECT_NE(w.change("0", NodeState::cordoned), "");  // now they want it so, too
  const auto& entries = w.state.find_pool("hall")->nodes;
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].by, "");
  EXPECT_EQ(entries[1].by, "slurm");
}

TEST(Nodes, WhatChangesNothingIsNoFact) {
  World w;
  EXPECT_EQ(w.change("all", NodeState::up), "");
  w.change("0-3", NodeState::cordoned, "fans");
  w.now += 1h;
  EXPECT_EQ(w.change("1-2", NodeState::cordoned), "");
  EXPECT_EQ(w.change("1-2", NodeState::cordoned, "fans"), "");
  // Only what is new is in the fact: the others keep their time.
  EXPECT_EQ(w.change("2-5", NodeState::cordoned),
            R"({"nodes_changed":{"pool":"hall","nodes":[{"first":4,"last":5}],)"
            R"("state":"cordoned","at":1800003600000000}})"
            "\n");
  EXPECT_EQ(w.change("3-7", NodeState::up),
            R"({"nodes_changed":{"pool":"hall","nodes":[{"first":3,"last":5}],)"
            R"("at":1800003600000000}})"
            "\n");
  EXPECT_NE(w.change("0", NodeState::cordoned, "disks"), "");
  EXPECT_EQ(w.not_up(), "0 cordoned disks, 1-2 cordoned fans");
}

TEST(Nodes, ThatThereAreNotAreRefused) {
  World w;
  EXPECT_EQ(w.say(ChangeNodes{"hal", {{0, 1}}, NodeState::down, ""}),
            "there is no pool 'hal'; did you mean 'hall'?");
  EXPECT_EQ(w.change("6-8", NodeState::down), "'hall' has 8 nodes, from 0; there is no node 8");
  EXPECT_EQ(w.say(ChangeNodes{"hall", {{-1, 1}}, NodeState::down, ""}),
            "'hall' has 8 nodes, from 0; there is no node -1");
  EXPECT_EQ(w.say(LoadNode{"hall", 8, {}}), "'hall' has 8 nodes, from 0; there is no node 8");
  EXPECT_EQ(w.say(LoadNode{"hell", 0, {}}), "there is no pool 'hell'; did you mean 'hall'?");
}

TEST(Nodes, AreHeldByOthersToo) {
  World w;
  EXPECT_EQ(w.say(LoadNode{"hall", 3, {}}), "");
  const LoadNode load{"hall", 3, {.cpus_milli = 500, .memory_mib = 64, .devices = {1}}};
  EXPECT_EQ(w.say(load), R"({"node_loaded":{"pool":"hall","node":3,"load":{"cpus_milli":500,)"
                         R"("memory_mib":64,"devices":[1]}}})"
                         "\n");
  EXPECT_EQ(w.say(load), "");
  EXPECT_NE(w.say(LoadNode{"hall", 1, {.cpus_milli = 1}}), "");
  const auto& loads = w.state.find_pool("hall")->loads;
  ASSERT_EQ(loads.size(), 2u);
  EXPECT_EQ(loads[0].node, 1);
  EXPECT_EQ(loads[1].load, load.load);
  w.check();
  EXPECT_NE(w.say(LoadNode{"hall", 3, {}}), "");
  EXPECT_EQ(loads.size(), 1u);
  w.check();
}

// What runs on nodes that the fleet no longer offers stays there, also in a scheduler made anew.
TEST(Nodes, ThatTheFleetNoLongerOffersAreHeldUntilTheirWorkEnds) {
  World w;
  Fleet fleet{{pool("hall", 8), pool("shed", 2)}, {}, {}, {}};
  JobSpec spec = job("wide");
  spec.num_nodes = 8;
  EXPECT_NE(w.say(Submit{{spec}, {}, ""}), "");
  for (Fact& fact : follow_up(w.state, w.now)) w.log.push_back(std::move(fact));
  ASSERT_EQ(w.state.live().size(), 1u);
  EXPECT_NE(w.change("6", NodeState::down, "fans"), "");
  fleet.pools[0].nodes = 2;
  fleet.scheduling.min_run = 1min;  // makes the scheduler anew
  EXPECT_NE(w.say(DefineFleet{fleet}), "");
  w.check();
  for (const Violation& v : audit(w.state, w.now)) ADD_FAILURE() << to_string(v);
  // Offered again they are what was said of them last.
  fleet.pools[0].nodes = 8;
  EXPECT_NE(w.say(DefineFleet{fleet}), "");
  EXPECT_NE(w.say(Ended{{{1}, 0, 1}, {}, {}}), "");
  const Space& space = w.state.scheduler().space(*w.state.scheduler().find_pool("hall"));
  EXPECT_EQ(space.node(6).state, NodeState::down);
  EXPECT_EQ(space.node(5).state, NodeState::up);
  for (const Violation& v : audit(w.state, w.now)) ADD_FAILURE() << to_string(v);
}

TEST(Nodes, OfALeafThatTheFleetNoLongerOffersAreNothingToTheScheduler) {
  World w;
  Fleet fleet{{pool("hall", 12), pool("shed", 2)}, {}, {}, {}};
  fleet.pools[0].topology.leaf = 4;
  EXPECT_NE(w.say(DefineFleet{fleet}), "");
  EXPECT_NE(w.change("9", NodeState::down, "fans"), "");
  fleet.pools[0].nodes = 4;
  fleet.scheduling.min_run = 1min;  // makes the scheduler anew
  EXPECT_NE(w.say(DefineFleet{fleet}), "");
  EXPECT_NE(w.say(Submit{{job("narrow")}, {}, ""}), "");
  for (Fact& fact : follow_up(w.state, w.now)) w.log.push_back(std::move(fact));
  EXPECT_EQ(w.state.live().size(), 1u);
  w.check();
  for (const Violation& v : audit(w.state, w.now)) ADD_FAILURE() << to_string(v);
}

RC_GTEST_PROP(Nodes, AreWhatWasSaidOfThemLast, ()) {
  World w;
  std::map<std::int64_t, std::pair<NodeState, std::string>> naive;
  for (int step = *rc::gen::inRange(0, 30); step > 0; --step) {
    w.now += 1s;
    const std::int64_t first = *rc::gen::inRange(0, 8);
    const NodeRange range{first, *rc::gen::inRange<std::int64_t>(first, 8)};
    const auto to = static_cast<NodeState>(*rc::gen::inRange(0, 4));
    const std::string reason(1, *rc::gen::elementOf(std::string("ab")));
    w.say(ChangeNodes{"hall", {range}, to, reason});
    for (std::int64_t i = range.first; i <= range.last; ++i) {
      naive[i] = {to, to == NodeState::up ? "" : reason};
    }
    std::map<std::int64_t, std::pair<NodeState, std::string>> known;
    for (std::int64_t i = 0; i < 8; ++i) known[i] = {NodeState::up, ""};
    for (const NodesChanged& entry : w.state.find_pool("hall")->nodes) {
      RC_ASSERT(entry.state != NodeState::up);
      RC_ASSERT(entry.nodes == normalised(entry.nodes));
      for (const NodeRange& r : entry.nodes) {
        for (std::int64_t i = r.first; i <= r.last; ++i) {
          RC_ASSERT(known[i].first == NodeState::up);
          known[i] = {entry.state, entry.reason};
        }
      }
    }
    for (const auto& [i, what] : naive) RC_ASSERT(known[i] == what);
  }
  w.check();
}

TEST(Queues, AreDefinedWhenTheyAreOthersThanBefore) {
  Fleet fleet{{pool("hall", 8)}, {}, {}, {}};
  World w(fleet);
  const std::string plain = w.state.digest();
  EXPECT_EQ(w.say(DefineFleet{fleet}), "");
  fleet.queues = {queue("research"), queue("nlp", "research")};
  fleet.scheduling.preempt = Preempt::never;
  EXPECT_EQ(w.say(DefineFleet{fleet}),
            R"({"queues_defined":{"queues":[{"name":"research"},)"
            R"({"name":"nlp","parent":"research"}],"scheduling":{"preempt":"never"}}})"
            "\n");
  EXPECT_EQ(w.say(DefineFleet{fleet}), "");
  EXPECT_EQ(w.state.queues(), fleet.queues);
  EXPECT_EQ(w.state.scheduling(), fleet.scheduling);
  EXPECT_NE(w.state.digest(), plain);
  w.check();
  EXPECT_EQ(w.say(DefineFleet{{fleet.pools, {}, {}, {}}}), "{\"queues_defined\":{}}\n");
  EXPECT_EQ(w.state.digest(), plain);
}

TEST(Queues, TakeJobsInTheirLeavesAlone) {
  World w(
      {{pool("hall", 8)}, {queue("research"), queue("nlp", "research"), queue("product")}, {}, {}});
  const auto refusal = [&](const std::string& name) {
    JobSpec spec = job("a");
    spec.queue = name;
    const std::string said = w.say(Submit{{spec}, {}, ""});
    return said.starts_with("{") ? "" : said;
  };
  EXPECT_EQ(refusal("nlp"), "");
  EXPECT_EQ(refusal("product"), "");
  EXPECT_EQ(refusal("produkt"),
            "job 'a' asks for the queue 'produkt', which the fleet does not declare; did you mean "
            "'product'?");
  EXPECT_EQ(refusal("default"),
            "job 'a' asks for the queue 'default', which the fleet does not declare; there is nlp, "
            "product");
  EXPECT_EQ(refusal("research"),
            "job 'a' asks for the queue 'research', in which no job can wait, for it is divided; "
            "take one of nlp");
  w.say(DefineFleet{{{pool("hall", 8)}, {}, {}, {}}});
  EXPECT_EQ(refusal("anything"), "");
}

TEST(Packing, PricesAreAFactAndARowOfTheSnapshot) {
  Fleet fleet{{pool("hall", 2)}, {}, {}, {}};
  fleet.pools[0].shape = {"", 8'000, 0, "l4", 2};
  fleet.scheduling.packing = Packing::learned;
  World w(fleet);
  PackingPrices prices;
  prices.classes = {{"hall", 0, 0}};
  prices.types = {{1'000, 0, 0, 600, {}, 600'000'000, 500'000},
                  {1'000, 0, 0, 400, {}, 400'000'000, 500'000}};
  EXPECT_NE(w.say(PricePacking{prices}), "");
  EXPECT_EQ(w.say(PricePacking{prices}), "");  // nothing new
  w.check();
  PackingPrices wrong = prices;
  wrong.types[0].gpu_milli = 5'000;
  EXPECT_EQ(w.say(PricePacking{wrong}),
            "these prices of packing cannot be used: those of a type of work are out of bounds");
  w.check();
}

TEST(Reservations, ComeAndGoWithTheFleet) {
  Fleet fleet{{pool("hall", 8), pool("shed", 2)}, {}, {reservation("exam", "hall")}, {}};
  World w;
  EXPECT_EQ(w.say(DefineFleet{fleet}),
            R"({"reservation_defined":{"reservation":{"name":"exam","pool":"hall","nodes":2,)"
            R"("from":1800003600000000,"to":1800007200000000}}})"
            "\n");
  EXPECT_EQ(w.say(DefineFleet{fleet}), "");
  // Its nodes were chosen when it was made; the same words do not ask for others.
  AdvanceReservation chosen = fleet.reservations[0];
  chosen.where = {{2, 3}};
  w.state.apply(ReservationDefined{chosen}), w.log.push_back(ReservationDefined{chosen});
  EXPECT_EQ(w.say(DefineFleet{fleet}), "");
  w.check();
  fleet.reservations[0].pool = "shed";
  EXPECT_EQ(w.say(DefineFleet{fleet}),
            R"({"reservation_removed":{"pool":"hall","name":"exam"}})"
            "\n"
            R"({"reservation_defined":{"reservation":{"name":"exam","pool":"shed","nodes":2,)"
            R"("from":1800003600000000,"to":1800007200000000}}})"
            "\n");
  fleet.reservations[0].to += 1h;
  fleet.reservations.push_back(reservation("audit", "shed"));
  EXPECT_NE(w.say(DefineFleet{fleet}), "");
  const auto& known = w.state.find_pool("shed")->reservations;
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].name, "audit");
  EXPECT_EQ(known[1], fleet.reservations[0]);
  w.check();
  // A pool takes its reservations with it.
  EXPECT_NE(w.say(DefineFleet{{{pool("hall", 8)}, {}, {}, {}}}), "");
  EXPECT_FALSE(w.state.find_reservation("exam"));
  w.check();
}

TEST(Reservations, AreForThoseWhoMayUseThem) {
  AdvanceReservation exam = reservation("exam", "hall"), works = reservation("works", "hall");
  exam.queues = {"research"};
  works.maintenance = true;
  World w({{pool("hall", 8)},
           {queue("research"), queue("nlp", "research"), queue("product")},
           {exam, works, reservation("open", "hall")},
           {}});
  const auto refusal = [&](const std::string& queue_name, const std::string& reservation_name) {
    JobSpec spec = job("a");
    spec.queue = queue_name;
    spec.reservation = reservation_name;
    const std::string said = w.say(Submit{{spec}, {}, ""});
    return said.starts_with("{") ? "" : said;
  };
  EXPECT_EQ(refusal("nlp", "exam"), "");
  EXPECT_EQ(refusal("product", "open"), "");
  EXPECT_EQ(refusal("product", "exam"),
            "job 'a' asks for the reservation 'exam', which is not for its queue, 'product', but "
            "for research");
  EXPECT_EQ(refusal("nlp", "exams"),
            "job 'a' asks for the reservation 'exams', which there is not; did you mean 'exam'?");
  EXPECT_EQ(refusal("nlp", "works"),
            "job 'a' asks for the reservation 'works', which is for maintenance");
}

TEST(Progress, IsOfLiveAttemptsAndOnlyWhatIsNew) {
  World w;
  w.say(Submit{{job("a")}, {}, ""});
  w.log.clear();
  for (const Fact& fact : follow_up(w.state, w.now)) w.log.push_back(fact);
  const AttemptId id{JobId{1}, 0, 1};
  w.now += 10s;
  EXPECT_EQ(w.say(Progress{{JobId{2}, 0, 1}, w.now, {}}), "");
  EXPECT_EQ(w.say(Progress{id, {}, {}}), "");
  // A machine's clock may run ahead: no checkpoint is of the future.
  EXPECT_EQ(w.say(Progress{id, start + 3h, start + 30s}),
            R"({"attempt_progressed":{"attempt":"1.0.1","ends_at":1800010800000000,)"
            R"("checkpoint_at":1800000010000000}})"
            "\n");
  EXPECT_EQ(w.say(Progress{id, start + 3h, start + 10s}), "");
  EXPECT_EQ(w.say(Progress{id, start + 2h, {}}),
            R"({"attempt_progressed":{"attempt":"1.0.1","ends_at":1800007200000000}})"
            "\n");
  const Attempt& attempt = w.state.live_attempt(id);
  EXPECT_EQ(attempt.ends_at, start + 2h);
  EXPECT_EQ(attempt.checkpoint_at, start + 10s);
  w.say(Ended{id, Outcome{}, {}});
  EXPECT_EQ(w.say(Progress{id, start + 3h, {}}), "");
}

}  // namespace
}  // namespace mohona
