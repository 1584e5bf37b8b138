#include "core/submit.h"

#include <algorithm>

#include "base/text.h"
#include "core/decide_fleet.h"

namespace mohona {
namespace {

// The n-th job of a submission is found by its key and place. A header's value holds no newline, so
// that no other key can look like this.
std::string key_of(const std::string& key, std::size_t place) {
  return place == 0 ? key : fmt::format("{}\n{}", key, place);
}

// The places of a submission's jobs, by name. Of equal names the first.
using ByName = std::map<std::string_view, std::size_t>;

// A needed job, by name within the submission, by number, or by the newest job of that name.
Result<JobId> resolve(const State& state, const ByName& submitted, const std::string& need) {
  const auto found = submitted.find(need);
  if (found != submitted.end()) return JobId{state.next_job().value + found->second};
  if (const JobId id = parse_job_id(need); id.value != 0 && state.find(id)) return id;
  if (const JobEntry* entry = state.find_by_name(need)) return entry->job.id;
  return fail(Code::invalid,
              fmt::format("needs '{}', but there is no job of that name or number, neither in the "
                          "file nor accepted earlier",
                          need));
}

// Whether a job waits for itself, perhaps through others: it would wait for ever. Without
// recursion, for a submission may be a chain of as many jobs as it may hold.
bool has_cycle(const std::vector<std::vector<JobId>>& needs, JobId first) {
  const auto inside = [&](JobId id) {
    return id >= first && id.value - first.value < needs.size();
  };
  std::vector<std::size_t> waits_for(needs.size(), 0);
  std::vector<std::vector<std::size_t>> needed_by(needs.size());
  for (std::size_t i = 0; i < needs.size(); ++i) {
    for (const JobId id : needs[i]) {
      if (!inside(id)) continue;
      ++waits_for[i];
      needed_by[id.value - first.value].push_back(i);
    }
  }
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    if (waits_for[i] == 0) free.push_back(i);
  }
  std::size_t done = 0;
  while (!free.empty()) {
    const std::size_t i = free.back();
    free.pop_back();
    ++done;
    for (const std::size_t next : needed_by[i]) {
      if (--waits_for[next] == 0) free.push_back(next);
    }
  }
  return done < needs.size();
}

// Two needed jobs whose outputs are in one variable: the work would see those of one of them alone.
Result<void> check_variables(const State& state, const Submit& input,
                             const std::vector<JobId>& needs) {
  if (needs.size() < 2) return {};
  std::map<std::string, JobId> seen;
  for (const JobId id : needs) {
    const bool submitted = id >= state.next_job();
    const std::string& name = submitted ? input.jobs[id.value - state.next_job().value].name
                                        : state.find(id)->job.spec->name;
    const auto [other, is_new] = seen.emplace(environment_name(name), id);
    if (is_new || other->second == id) continue;
    return fail(Code::invalid,
                fmt::format("needs two jobs, {} and {}, whose outputs would be in one variable, "
                            "MOHONA_INPUT_{}; rename one of them",
                            other->second.value, id.value, other->first));
  }
  return {};
}

// A reservation for a queue is for those below it too.
bool may_use(const State& state, const AdvanceReservation& reservation, std::string queue) {
  if (reservation.queues.empty()) return true;
  const auto& allowed = reservation.queues;
  // Bounded: queues form a tree.
  while (!queue.empty()) {
    if (std::find(allowed.begin(), allowed.end(), queue) != allowed.end()) return true;
    std::string parent;
    for (const Queue& known : state.queues()) {
      if (known.name == queue) parent = known.parent;
    }
    queue = std::move(parent);
  }
  return false;
}

Failure no_such_queue(const State& state, const std::string& wanted) {
  std::set<std::string_view> leaves;
  for (const Queue& queue : state.queues()) leaves.insert(queue.name);
  for (const Queue& queue : state.queues()) leaves.erase(queue.parent);
  return fail(Code::invalid,
              fmt::format("asks for the queue '{}', which the fleet does not declare{}", wanted,
                          advice(wanted, {leaves.begin(), leaves.end()})));
}

// Work waits in the leaves of the tree: what a queue has is divided among those below it.
Result<void> check_queue(const State& state, const std::string& wanted) {
  if (state.queues().empty()) return {};
  std::vector<std::string_view> below;
  bool known = false;
  for (const Queue& queue : state.queues()) {
    known |= queue.name == wanted;
    if (queue.parent == wanted) below.push_back(queue.name);
  }
  if (!known) return no_such_queue(state, wanted);
  if (below.empty()) return {};
  return fail(Code::invalid,
              fmt::format("asks for the queue '{}', in which no job can wait, for it "
                          "is divided; take one of {}",
                          wanted, fmt::join(below, ", ")));
}

Result<void> check_reservation(const State& state, const JobSpec& spec) {
  if (spec.reservation.empty()) return {};
  const AdvanceReservation* found = state.find_reservation(spec.reservation);
  if (!found) {
    std::vector<std::string_view> names;
    for (const auto& [name, pool] : state.pools()) {
      for (const auto& reservation : pool.reservations) names.push_back(reservation.name);
    }
    return fail(Code::invalid, fmt::format("asks for the reservation '{}', which there is not{}",
                                           *spec.reservation, advice(*spec.reservation, names)));
  }
  if (found->maintenance) {
    return fail(
        Code::invalid,
        fmt::format("asks for the reservation '{}', which is for maintenance", *spec.reservation));
  }
  if (may_use(state, *found, spec.queue)) return {};
  return fail(
      Code::invalid,
      fmt::format("asks for the reservation '{}', which is not for its queue, '{}', but for "
                  "{}",
                  *spec.reservation, spec.queue, join(found->queues, ", ")));
}

Result<Facts> repeated(const State& state, const Submit& input) {
  const std::vector<JobId> before = submitted_before(state, input.key);
  bool same = before.size() == input.jobs.size();
  for (std::size_t i = 0; same && i < before.size(); ++i) {
    same = *state.find(before[i])->job.spec == input.jobs[i];
  }
  if (same) return Facts{};
  return fail(Code::conflict,
              fmt::format("the idempotency key '{}' was used for another job (job {}): nothing was "
                          "submitted; use a new key for new work",
                          input.key, before.front().value));
}

}  // namespace

std::vector<JobId> submitted_before(const State& state, const std::string& key) {
  std::vector<JobId> jobs;
  if (key.empty()) return jobs;
  while (const JobEntry* entry = state.find_by_key(key_of(key, jobs.size()))) {
    jobs.push_back(entry->job.id);
  }
  return jobs;
}

Result<Facts> decide_submit(const State& state, const Submit& input, Timestamp now) {
  if (!input.key.empty() && state.find_by_key(input.key)) return repeated(state, input);
  Facts facts;
  std::vector<std::vector<JobId>> needs(input.jobs.size());
  ByName submitted;
  for (std::size_t i = 0; i < input.jobs.size(); ++i) submitted.emplace(input.jobs[i].name, i);
  for (std::size_t i = 0; i < input.jobs.size(); ++i) {
    const JobSpec& spec = input.jobs[i];
    for (const auto& checked : {check_queue(state, spec.queue), check_reservation(state, spec)}) {
      if (!checked) {
        return fail(checked.error().code,
                    fmt::format("job '{}' {}", spec.name, checked.error().message));
      }
    }
    for (const std::string& need : spec.needs) {
      const auto id = resolve(state, submitted, need);
      if (!id)
        return fail(id.error().code, fmt::format("job '{}' {}", spec.name, id.error().message));
      needs[i].push_back(*id);
    }
    if (auto ok = check_variables(state, input, needs[i]); !ok) {
      return fail(ok.error().code, fmt::format("job '{}' {}", spec.name, ok.error().message));
    }
    facts.push_back(JobSubmitted{JobId{state.next_job().value + i}, spec, needs[i],
                                 input.key.empty() ? "" : key_of(input.key, i),
                                 i < input.secrets.size() ? input.secrets[i] : "", now});
  }
  if (has_cycle(needs, state.next_job())) {
    return fail(Code::invalid,
                "the jobs need each other in a circle: none of them could ever start");
  }
  return facts;
}

}  // namespace mohona
