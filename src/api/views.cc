#include "api/views.h"

#include <algorithm>

#include "control/effects.h"
#include "model/names.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

Json instant(const std::optional<Timestamp>& at) {
  return at ? Json(format_timestamp(*at)) : Json(nullptr);
}

double seconds(Duration d) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) /
         1'000.0;
}

// From submission, or first placement, to the end or now.
Duration elapsed(const Job& job, Timestamp now) {
  if (!job.started_at) return Duration{0};
  return job.ended_at.value_or(now) - *job.started_at;
}

// In the order of first use.
std::vector<std::string> pools_used(const Job& job) {
  std::vector<std::string> pools;
  const auto add = [&](const std::string& pool) {
    if (std::find(pools.begin(), pools.end(), pool) == pools.end()) pools.push_back(pool);
  };
  // Once some attempts are only sums, there is a row for every pool.
  for (const PastAttempts& past : job.past) add(past.pool);
  if (!job.past.empty()) return pools;
  for (const Attempt& attempt : job.attempts) add(attempt.pool);
  return pools;
}

std::vector<std::string> endpoints(const State& state, const Job& job) {
  std::vector<std::string> out;
  for (const Attempt& attempt : job.attempts) {
    if (attempt.ready && !attempt.ended_at) {
      out.push_back(fmt::format("http://{}:{}", host_of(state, attempt), attempt.port));
    }
  }
  return out;
}

// How far an attempt is, and when it will probably be done; null when it has not said anything.
Json steps_view(const Attempt* attempt, Timestamp now) {
  if (!attempt || !attempt->steps) return nullptr;
  const Steps& steps = *attempt->steps;
  Json json = {{"done", steps.done},       {"total", nullptr},
               {"percent", nullptr},       {"at", format_timestamp(steps.at)},
               {"ends_at", nullptr},       {"left_seconds", nullptr},
               {"metrics", Json::object()}};
  for (const auto& [key, value] : steps.metrics) json["metrics"][key] = value;
  if (steps.total == 0) return json;
  json["total"] = steps.total;
  json["percent"] = std::min(steps.done, steps.total) * 100 / steps.total;
  // Before it has a speed, its end is a guess from other runs: that is no news of this one.
  const bool has_speed = steps.done > steps.first_done;
  if (has_speed && attempt->ends_at && !attempt->ended_at && !attempt->stopping) {
    json["ends_at"] = format_timestamp(*attempt->ends_at);
    json["left_seconds"] = seconds(std::max(Duration{0}, *attempt->ends_at - now));
  }
  return json;
}

// The newest attempt of a job with one task that has said how far it is.
const Attempt* newest_with_steps(const Job& job) {
  if (job.tasks.size() != 1) return nullptr;
  const auto& places = job.attempts.places();
  const auto found = std::find_if(places.rbegin(), places.rend(),
                                  [](const auto& place) { return bool(place.second.steps); });
  return found == places.rend() ? nullptr : &found->second;
}

Json attempt_view(const Attempt& attempt, Timestamp now) {
  Json json = {{"id", to_string(attempt.id)},
               {"task", attempt.id.task},
               {"number", attempt.id.number},
               {"pool", attempt.pool},
               {"cloud", attempt.cloud},
               {"nodes", Json::array()},
               {"placed_at", format_timestamp(attempt.placed_at)},
               {"started_at", instant(attempt.started_at)},
               {"ended_at", instant(attempt.ended_at)},
               {"held_seconds", seconds(held_time(attempt, now))},
               {"cost_usd", format_money_exact(cost_of(attempt, now))}};
  for (const Holding& holding : attempt.holdings) {
    json["nodes"].push_back({{"node", holding.node}, {"gpus", holding.devices}});
  }
  if (attempt.stopping) json["stopping"] = name(*attempt.stopping);
  if (attempt.steps) json["steps"] = steps_view(&attempt, now);
  if (attempt.port > 0) json["port"] = attempt.port;
  if (attempt.ended_at) {
    json["end"] = name(attempt.outcome.end);
    json["exit_code"] = attempt.outcome.exit_code;
    if (!attempt.outcome.detail.empty()) json["detail"] = attempt.outcome.detail;
  }
  return json;
}

}  // namespace

Json job_summary(const State& state, const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  const auto pools = pools_used(job);
  return {{"id", job.id.value},
          {"name", job.spec->name},
          {"kind", name(job.spec->kind)},
          {"state", name(job.state)},
          {"reason", *job.reason},
          {"cancelling", job.cancelling && !is_terminal(job.state)},
          {"attempts", job.attempts_made()},
          {"pool", pools.empty() ? Json(nullptr) : Json(job.attempts.back().pool)},
          {"pools", pools},
          {"queue", job.spec->queue},
          {"priority", job.spec->priority},
          {"progress",
           {{"done", entry.count(JobState::succeeded)},
            {"running", entry.count(JobState::running)},
            {"total", job.tasks.size()}}},
          {"steps", steps_view(newest_with_steps(job), now)},
          {"submitted_at", format_timestamp(job.submitted_at)},
          {"started_at", instant(job.started_at)},
          {"ended_at", instant(job.ended_at)},
          {"elapsed_seconds", seconds(elapsed(job, now))},
          {"cost_usd", format_money_exact(cost_of(job, now))},
          {"endpoints", endpoints(state, job)}};
}

Json job_details(const State& state, const JobEntry& entry, Timestamp now) {
  constexpr std::size_t listed_max = 1'000;
  const Job& job = entry.job;
  Json json = job_summary(state, entry, now);
  json["needs"] = Json::array();
  for (const JobId id : job.needs) json["needs"].push_back(id.value);
  json["num_nodes"] = job.spec->num_nodes;
  json["run"] = job.spec->run;
  json["tasks"] = Json::array();
  for (std::size_t i = 0; i < std::min(listed_max, job.tasks.size()); ++i) {
    const Task& task = job.tasks[i];
    Json row = {{"task", i}, {"state", name(task.state)}, {"attempts", task.attempts}};
    const auto place = static_cast<std::uint32_t>(i);
    if (job.spec->kind == Kind::data) row["shard"] = job.shard(place);
    const std::string& reason = job.tasks.note(place).reason;
    if (!reason.empty()) row["reason"] = reason;
    json["tasks"].push_back(std::move(row));
  }
  if (job.tasks.size() > listed_max) {  // the list is not all of them
    json["tasks_by_state"] = Json::object();
    for (std::size_t i = 0; i < entry.counts.size(); ++i) {
      if (entry.counts[i] == 0) continue;
      json["tasks_by_state"][name(static_cast<JobState>(i))] = entry.counts[i];
    }
  }
  // The newest, and of those that have ended only what the job's record keeps.
  json["attempt_list"] = Json::array();
  auto newest = job.attempts.end();
  for (std::size_t i = 0; i < listed_max && newest != job.attempts.begin(); ++i) --newest;
  for (; newest != job.attempts.end(); ++newest) {
    json["attempt_list"].push_back(attempt_view(*newest, now));
  }
  return json;
}

namespace {

Json topology_view(const Topology& t) {
  return {{"leaf", t.leaf}, {"block", t.block}, {"fabric", t.fabric}};
}

// No nodes: all of the pool's.
Json features_view(const Pool& pool) {
  Json json = Json::array();
  for (const Feature& feature : pool.features) {
    json.push_back({{"name", feature.name},
                    {"nodes", feature.nodes.empty() ? "all" : format_node_ranges(feature.nodes)}});
  }
  return json;
}

Json reservations_view(const PoolRecord& record) {
  Json json = Json::array();
  for (const AdvanceReservation& r : record.reservations) {
    json.push_back({{"name", r.name},
                    {"nodes", r.where.empty() ? r.nodes : count_nodes(r.where)},
                    {"where", format_node_ranges(r.where)},
                    {"from", format_timestamp(r.from)},
                    {"to", format_timestamp(r.to)},
                    {"queues", r.queues},
                    {"maintenance", r.maintenance}});
  }
  return json;
}

Json not_up_view(const PoolRecord& record) {
  Json json = Json::array();
  for (const NodesChanged& entry : record.nodes) {
    json.push_back({{"nodes", format_node_ranges(entry.nodes)},
                    {"state", name(entry.state)},
                    {"reason", entry.reason},
                    {"at", format_timestamp(entry.at)}});
  }
  return json;
}

}  // namespace

Json pool_view(const State& state, const PoolRecord& pool) {
  const Pool& p = pool.pool;
  std::size_t attempts = 0;
  std::int64_t cpus = 0, memory = 0;
  std::set<std::pair<std::int64_t, std::int64_t>> gpus;  // a shared one counts once
  for (const auto& [id, live] : state.live()) {
    const Attempt& attempt = *live.attempt;
    if (attempt.pool != p.name) continue;
    ++attempts;
    cpus += attempt.demand.cpus_milli * std::ssize(attempt.holdings);
    memory += attempt.demand.memory_mib * std::ssize(attempt.holdings);
    for (const Holding& holding : attempt.holdings) {
      for (const std::int64_t gpu : holding.devices) gpus.insert({holding.node, gpu});
    }
  }
  ForeignLoad foreign;
  for (const NodeLoaded& loaded : pool.loads) {
    foreign.cpus_milli += loaded.load.cpus_milli;
    foreign.memory_mib += loaded.load.memory_mib;
    foreign.devices.insert(foreign.devices.end(), loaded.load.devices.begin(),
                           loaded.load.devices.end());
  }
  return {
      {"name", p.name},
      {"cloud", p.cloud},
      {"region", p.region},
      {"zone", p.zone},
      {"shape", p.shape.name},
      {"nodes", p.nodes},
      {"engine", p.engine},
      {"purchase", name(p.purchase)},
      {"price_per_node_hour_nanos", p.price.nanos},
      {"price_per_node_hour_usd", format_money_exact(Money{p.price.nanos / 1'000})},
      {"state", pool.reclaimed_at ? "reclaimed" : "up"},
      {"gone_at", instant(pool.gone_at)},
      {"not_up", not_up_view(pool)},
      {"topology", topology_view(p.topology)},
      {"features", features_view(p)},
      {"reservations", reservations_view(pool)},
      {"cpus", {{"used_milli", cpus}, {"total_milli", p.nodes * p.shape.cpus_milli}}},
      {"memory_mib", {{"used", memory}, {"total", p.nodes * p.shape.memory_mib}}},
      {"gpus", {{"name", p.shape.gpu}, {"used", gpus.size()}, {"total", p.nodes * p.shape.gpus}}},
      {"foreign_load",
       {{"cpus_milli", foreign.cpus_milli},
        {"memory_mib", foreign.memory_mib},
        {"gpus", foreign.devices.size()}}},
      {"hosts", p.hosts},
      {"attempts", attempts}};
}

Json explanation_view(const JobEntry& entry, const Explanation& explanation) {
  Json json = {{"id", entry.job.id.value},
               {"name", entry.job.spec->name},
               {"state", name(entry.job.state)},
               {"explanation", explanation.headline},
               {"waits_for_room", explanation.waits_for_room},
               {"fits_nowhere", explanation.fits_nowhere},
               {"pools", Json::array()}};
  for (const PoolExplanation& pool : explanation.pools) {
    json["pools"].push_back({{"pool", pool.pool}, {"why", pool.why}, {"lift", pool.lift}});
  }
  return json;
}

namespace {

// Dollars an hour, to the nano-dollar.
std::string hourly(Price price) {
  const std::int64_t nanos = price.nanos;
  return fmt::format("{}{}.{:09}", nanos < 0 ? "-" : "", std::abs(nanos) / 1'000'000'000,
                     std::abs(nanos) % 1'000'000'000);
}

Json sum_view(const PriceSum& sum) {
  return {{"rate", hourly(sum.rate)},     {"displaced", hourly(sum.displaced)},
          {"relief", hourly(sum.relief)}, {"egress", hourly(sum.egress)},
          {"risk", hourly(sum.risk)},     {"total", hourly(sum.total())}};
}

}  // namespace

Json price_view(const JobEntry& entry, const PriceExplanation& price) {
  Json json = {{"id", entry.job.id.value},
               {"name", entry.job.spec->name},
               {"state", name(entry.job.state)},
               {"places", Json::array()},
               {"attempts", Json::array()}};
  for (const PlacePrice& place : price.places) {
    json["places"].push_back({{"pool", place.pool},
                              {"nodes", place.nodes},
                              {"usd_per_hour", sum_view(place.sum)},
                              {"sticker_usd_per_hour", hourly(place.sticker)}});
  }
  for (const AttemptPrice& attempt : price.attempts) {
    json["attempts"].push_back({{"id", to_string(attempt.id)},
                                {"pool", attempt.pool},
                                {"held_seconds", seconds(attempt.held)},
                                {"usd_per_hour", sum_view(attempt.sum)},
                                {"reckoned_usd", format_money_exact(attempt.reckoned)},
                                {"charged_usd", format_money_exact(attempt.charged)}});
  }
  return json;
}

Json cost_view(const State& state, CostBy by, std::optional<JobId> only, Timestamp now) {
  std::map<std::string, CostRow> rows;
  std::vector<std::string> order;
  Money total;
  const auto bill = [&](const Job& job, const std::string& cloud, const CostRow& some) {
    const std::string key = by == CostBy::job     ? to_string(job.id)
                            : by == CostBy::queue ? job.spec->queue
                                                  : cloud;
    if (!rows.contains(key)) order.push_back(key);
    CostRow& row = rows[key];
    row.key = key;
    row.name = by == CostBy::job ? job.spec->name : key;
    row.attempts += some.attempts;
    row.node_time += some.node_time;
    row.cost += some.cost;
    total += some.cost;
  };
  for (const auto& [id, entry] : state.jobs()) {
    if (only && id != *only) continue;
    for (const PastAttempts& past : entry.job.past) {
      if (past.attempts == 0) continue;  // all of this pool's are still kept
      bill(entry.job, past.cloud, {"", "", past.attempts, past.node_time, past.cost});
    }
    for (const Attempt& attempt : entry.job.attempts) {
      const Duration node_time = held_time(attempt, now) * std::ssize(attempt.holdings);
      bill(entry.job, attempt.cloud, {"", "", 1, node_time, cost_of(attempt, now)});
    }
  }
  if (by != CostBy::job) std::sort(order.begin(), order.end());
  Json json = {{"by", by == CostBy::job     ? "job"
                      : by == CostBy::queue ? "queue"
                                            : "cloud"},
               {"currency", "USD"},
               {"rows", Json::array()}};
  for (const std::string& key : order) {
    const CostRow& row = rows.at(key);
    json["rows"].push_back({{"key", row.key},
                            {"name", row.name},
                            {"attempts", row.attempts},
                            {"node_seconds", seconds(row.node_time)},
                            {"cost_usd", format_money_exact(row.cost)}});
  }
  json["total_usd"] = format_money_exact(total);
  if (by != CostBy::queue || only) return json;
  for (const auto& one : state.budget_standings(now)) {
    json["budgets"].push_back({{"queue", one.queue},
                               {"per", name(one.budget.per)},
                               {"from", format_timestamp(one.period.from)},
                               {"to", format_timestamp(one.period.to)},
                               {"budget_usd", format_money_exact(one.budget.amount)},
                               {"spent_usd", format_money_exact(one.spent)},
                               {"put_aside_usd", format_money_exact(one.ahead)},
                               {"left_usd", format_money_exact(one.left())}});
  }
  return json;
}

}  // namespace mohona
