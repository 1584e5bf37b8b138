#include "api/api.h"

#include "api/answers.h"
#include "api/views.h"
#include "base/text.h"
#include "core/audit/audit.h"
#include "core/explain_price.h"
#include "core/submit.h"
#include "model/names.h"
#include "spec/job_file.h"

namespace mohona {
namespace {

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 1'000;
constexpr std::size_t batch_jobs_max = 50'000;
constexpr std::size_t log_bytes_max = 1u << 20;
// A job file is mostly a page. A larger one takes longer to read than others should wait.
constexpr std::size_t at_once_bytes_max = 16u << 10;
constexpr std::size_t waits_shown_max = 10;  // of a job's attempts that have not started

// By number or, the newest of that name, by name.
const JobEntry* find_job(const State& state, const std::string& which) {
  if (const JobEntry* entry = state.find(parse_job_id(which))) return entry;
  return state.find_by_name(which);
}

Error no_such_job(const std::string& which) {
  return {Code::not_found, fmt::format("there is no job '{}'", which)};
}

Result<std::uint64_t> number_in(const HttpRequest& request, const char* key, std::uint64_t absent) {
  const std::string text = find_in(request.query, key);
  if (text.empty()) return absent;
  if (text.find_first_not_of("0123456789") != std::string::npos || text.size() > 18) {
    return fail(Code::invalid, fmt::format("{} is '{}'; expected a whole number", key, text));
  }
  return std::stoull(text);
}

// Whether to take the job means to look at paths, or to write its secrets down.
bool touches_files(const Submission& submission, const std::string& directory) {
  const JobSpec& spec = submission.spec;
  return !submission.secrets.empty() || !spec.workdir.empty() || !spec.file_mounts.empty() ||
         *spec.submit_directory != directory;
}

Variables variables_in(const Json& json, const char* key) {
  Variables out;
  if (!json.contains(key)) return out;
  for (const auto& [k, v] : json.at(key).items()) out.emplace_back(k, v.get<std::string>());
  return out;
}

}  // namespace

void Api::handle(HttpRequest request, Reply reply) {
  // "/v1/jobs/17" -> {"", "v1", "jobs", "17"}
  const std::string path = request.path;
  Segments segments = split(path, '/');
  if (segments.size() < 3 || segments[1] != "v1") return reply(no_such_page(request));
  segments.erase(segments.begin(), segments.begin() + 2);
  const std::string_view what = segments[0];
  const bool get = request.method == "GET", post = request.method == "POST";
  if (what == "jobs") return jobs(request, segments, std::move(reply));
  if (what == "pools") return pools(request, segments, std::move(reply));
  if (segments.size() == 1) {
    if (what == "jobs:batch" && post) {
      return on_files(&Api::submit_batch, request, std::move(reply));
    }
    if (what == "jobs:cancel" && post) return cancel_all(std::move(reply));
    if (what == "cost" && get) return cost(request, std::move(reply));
    if (what == "status" && get) return status(std::move(reply));
    if (what == "audit" && get) return audit_state(std::move(reply));
    if (what == "openapi.json" && get) return reply({200, openapi()});
    if (what == "shutdown" && post) {
      reply(answer({{"stopping", true}}));
      return parts_.shutdown();
    }
  }
  reply(no_such_page(request));
}

void Api::jobs(const HttpRequest& request, const Segments& path, Reply reply) {
  if (path.size() == 1) {
    if (request.method == "POST") return submit(request, std::move(reply));
    if (request.method == "GET") return list_jobs(request, std::move(reply));
  }
  if (path.size() == 2 || path.size() == 3) return one_job(request, path, std::move(reply));
  reply(no_such_page(request));
}

void Api::one_job(const HttpRequest& request, const Segments& path, Reply reply) {
  const std::string which(path[1]);
  const std::string what(path.size() == 3 ? path[2] : std::string_view());
  const bool get = request.method == "GET";
  if (what == "logs" && get) return logs(request, which, std::move(reply));
  if (what == "cancel" && request.method == "POST") return cancel(which, std::move(reply));
  if (!get || (what != "" && what != "explain" && what != "price")) {
    return reply(no_such_page(request));
  }
  parts_.controller.read([=, this, reply = std::move(reply)](const State& state, Timestamp now) {
    const JobEntry* entry = find_job(state, which);
    if (!entry) return reply(error_answer(no_such_job(which)));
    if (what == "price") {
      const auto price = explain_price(state, *entry, now);
      return reply(price ? answer(price_view(*entry, *price)) : error_answer(price.error()));
    }
    if (what != "explain") return reply(answer(job_details(state, *entry, now)));
    Explanation why = explain(state, *entry, now);
    // What only the engine knows of what it has been given.
    for (const Attempt& attempt : entry->job.attempts) {
      if (attempt.ended_at || attempt.started_at || why.pools.size() == waits_shown_max) continue;
      const std::string waits = parts_.controller.waits_for(attempt.id);
      if (!waits.empty()) why.pools.push_back({attempt.pool, waits, ""});
    }
    reply(answer(explanation_view(*entry, why)));
  });
}

// --- submitting
// -----------------------------------------------------------------------------------

// A submission looks for the paths that it names and writes its secrets down: files that may hang.
void Api::on_files(Submitting handler, const HttpRequest& request, Reply reply) {
  const bool posted =
      files_.post([this, handler, request, reply] { (this->*handler)(request, reply); });
  if (!posted) {
    reply(error_answer(
        {Code::unavailable, "too many requests wait for files; try again", Retry::safe}));
  }
}

// A small file of jobs that name no files is taken on the server's thread.
void Api::submit(const HttpRequest& request, Reply reply) {
  if (request.body.size() <= at_once_bytes_max && try_submit(request, reply, false)) return;
  on_files(&Api::submit_with_files, request, std::move(reply));
}

void Api::submit_with_files(const HttpRequest& request, Reply reply) {
  (void)try_submit(request, reply, true);
}

// False, and nothing has happened: files would have to be looked at, or something is wrong, and
// what it is may depend on them.
bool Api::try_submit(const HttpRequest& request, const Reply& reply, bool with_files) {
  if (!is_utf8(request.idempotency_key)) {
    reply(error_answer({Code::invalid, "the idempotency key is not UTF-8"}));
    return true;
  }
  bool answered = true;
  with_json(request, reply, [&](const Json& body) {
    const Source source{body.value("file", "job"), body.at("text").get<std::string>(),
                        body.value("directory", "/"), with_files};
    const Overrides overrides{variables_in(body, "envs"), variables_in(body, "secrets")};
    std::vector<std::string> notes;
    auto parsed = parse_job_file(source, overrides, &notes);
    const auto needs_files = [&](const Submission& job) {
      return touches_files(job, source.directory);
    };
    if (!with_files && (!parsed || std::any_of(parsed->begin(), parsed->end(), needs_files))) {
      answered = false;
      return;
    }
    if (!parsed) return reply(error_answer(parsed.error()));
    Submit input;
    input.key = request.idempotency_key;
    for (Submission& submission : *parsed) {
      std::string file;
      if (!submission.secrets.empty()) {
        auto written = parts_.secrets.write(submission.secrets);
        if (!written) return reply(error_answer(written.error()));
        file = *written;
      }
      input.jobs.push_back(std::move(submission.spec));
      input.secrets.push_back(std::move(file));
    }
    submit_jobs(std::move(input), reply, notes);
  });
  return answered;
}

void Api::submit_batch(const HttpRequest& request, Reply reply) {
  if (!is_utf8(request.idempotency_key)) {
    return reply(error_answer({Code::invalid, "the idempotency key is not UTF-8"}));
  }
  with_json(request, reply, [&](const Json& body) {
    const std::string directory = body.value("directory", "/");
    const Json& jobs = body.at("jobs");
    if (!jobs.is_array() || jobs.empty() || jobs.size() > batch_jobs_max) {
      return reply(error_answer(
          {Code::invalid, fmt::format("jobs: expected a list of 1 to {} jobs", batch_jobs_max)}));
    }
    Submit input;
    input.key = request.idempotency_key;
    input.jobs.reserve(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      auto parsed = parse_job_json(jobs[i].dump(), directory);
      if (!parsed) {
        return reply(error_answer(
            {parsed.error().code, fmt::format("jobs[{}]: {}", i, parsed.error().message)}));
      }
      if (!parsed->secrets.empty()) {
        return reply(error_answer(
            {Code::invalid, fmt::format("jobs[{}]: secrets are taken one job at a time, by POST "
                                        "/v1/jobs",
                                        i)}));
      }
      input.jobs.push_back(std::move(parsed->spec));
    }
    submit_jobs(std::move(input), reply);
  });
}

void Api::submit_jobs(Submit input, Reply reply, std::vector<std::string> notes) {
  const std::string key = input.key;
  const auto secrets = input.secrets;
  parts_.controller.submit(std::move(input), [this, key, secrets, notes = std::move(notes),
                                              reply = std::move(reply)](Result<Accepted> accepted) {
    std::vector<JobId> ids;
    if (accepted) {
      for (const Fact& fact : accepted->facts) {
        if (const auto* submitted = std::get_if<JobSubmitted>(&fact)) ids.push_back(submitted->job);
      }
    }
    if (ids.empty()) {  // refused, or repeated: then the first time's secrets are the ones kept
      for (const std::string& file : secrets) {
        if (!file.empty()) parts_.secrets.remove(file);
      }
    }
    if (!accepted) return reply(error_answer(accepted.error()));
    const bool repeated = ids.empty();
    if (repeated) ids = submitted_before(accepted->state, key);
    Json json = {{"jobs", Json::array()}};
    for (const JobId id : ids) {
      json["jobs"].push_back(
          {{"id", id.value}, {"name", accepted->state.find(id)->job.spec->name}});
    }
    if (!notes.empty()) json["notes"] = notes;
    reply(answer(json, repeated ? 200 : 201));
  });
}

// --- asking
// ---------------------------------------------------------------------------------------

void Api::list_jobs(const HttpRequest& request, Reply reply) {
  const auto limit = number_in(request, "limit", page_default);
  const auto after = number_in(request, "after", 0);
  if (!limit || !after) return reply(error_answer(limit ? after.error() : limit.error()));
  const std::string state_name = find_in(request.query, "state");
  const auto wanted = parse_name<JobState>(state_name);
  if (!state_name.empty() && !wanted) {
    return reply(error_answer({Code::invalid, fmt::format("there is no state '{}'", state_name)}));
  }
  const std::string name = find_in(request.query, "name");
  const std::string queue = find_in(request.query, "queue");
  const std::size_t most = std::clamp<std::size_t>(*limit, 1, page_max);
  if (const std::string ids = find_in(request.query, "ids"); !ids.empty()) {
    return parts_.controller.read([=, reply = std::move(reply)](const State& state, Timestamp now) {
      Json json = {{"jobs", Json::array()}, {"next", nullptr}};
      for (const std::string_view id : split(ids, ',')) {
        if (json["jobs"].size() == page_max) break;
        const JobEntry* entry = state.find(parse_job_id(id));
        if (entry) json["jobs"].push_back(job_summary(state, *entry, now));
      }
      reply(answer(json));
    });
  }
  parts_.controller.read(
      [=, reply = std::move(reply), after = JobId{*after}](const State& state, Timestamp now) {
        // Newest first; `after` is the last id of the page before.
        Json json = {{"jobs", Json::array()}, {"next", nullptr}};
        const auto& jobs = state.jobs();
        auto it = after.value == 0 ? jobs.end() : jobs.lower_bound(after);
        while (it != jobs.begin()) {
          --it;
          const JobEntry& entry = it->second;
          if (wanted && entry.job.state != *wanted) continue;
          if (!name.empty() && entry.job.spec->name != name) continue;
          if (!queue.empty() && entry.job.spec->queue != queue) continue;
          if (json["jobs"].size() == most) {
            json["next"] = json["jobs"].back()["id"];
            break;
          }
          json["jobs"].push_back(job_summary(state, entry, now));
        }
        reply(answer(json));
      });
}

void Api::logs(const HttpRequest& request, const std::string& which, Reply reply) {
  const auto task = number_in(request, "task", 0);
  const auto rank = number_in(request, "rank", 0);
  const auto attempt = number_in(request, "attempt", 0);
  const auto offset = number_in(request, "offset", 0);
  const bool says_attempt = !find_in(request.query, "attempt").empty();
  for (const auto* number : {&task, &rank, &attempt, &offset}) {
    if (!*number) return reply(error_answer(number->error()));
  }
  parts_.controller.read([=, this, reply = std::move(reply)](const State& state, Timestamp) {
    const JobEntry* entry = find_job(state, which);
    if (!entry) return reply(error_answer(no_such_job(which)));
    const Job& job = entry->job;
    if (*task >= job.tasks.size()) {
      return reply(error_answer({Code::not_found, fmt::format("job {} has {} task(s), from 0",
                                                              job.id.value, job.tasks.size())}));
    }
    const std::uint64_t newest = job.tasks[*task].attempts;
    if (says_attempt && (*attempt == 0 || *attempt > newest)) {
      return reply(
          error_answer({Code::not_found,
                        newest == 0 ? fmt::format("job {} has no attempt yet", job.id.value)
                                    : fmt::format("job {} has {} attempt{}, from 1", job.id.value,
                                                  newest, newest == 1 ? "" : "s")}));
    }
    AttemptId id{job.id, static_cast<std::uint32_t>(*task),
                 static_cast<std::uint32_t>(*attempt == 0 ? newest : *attempt)};
    Json json = {{"attempt", to_string(id)}, {"newest", newest}, {"text", ""}, {"next", *offset}};
    const Attempt* found = state.find(id);
    // An elastic gang has as many ranks as it was granted nodes.
    const auto ranks = found ? std::ssize(found->holdings) : job.spec->num_nodes;
    if (*rank >= static_cast<std::uint64_t>(ranks)) {
      return reply(error_answer(
          {Code::not_found, fmt::format("job {} has {} rank(s), from 0", job.id.value, ranks)}));
    }
    // Of one that is only a sum in its job's record, the engine still has the log.
    const bool past = !found && id.number >= 1 && id.number <= newest;
    json["ended"] = is_terminal(job.state) || past || (found && found->ended_at.has_value());
    json["job_ended"] = is_terminal(job.state);
    std::vector<Engine*> engines;  // where it may have run; none: nothing has run yet
    const auto add = [&](const std::string& name) {
      // Also of a pool that is no more: its engine still has the file.
      const PoolRecord* pool = state.find_pool(name);
      const auto engine = parts_.engines.find(pool ? pool->pool.engine : "local");
      if (engine != parts_.engines.end()) engines.push_back(engine->second);
    };
    if (found) add(found->pool);
    for (const PastAttempts& some : job.past) {
      if (past) add(some.pool);
    }
    read_log(std::move(engines), id, static_cast<std::int64_t>(*rank), std::move(json), reply);
  });
}

// Where the file system of the log hangs, only those who read logs wait.
void Api::read_log(std::vector<Engine*> engines, const AttemptId& id, std::int64_t rank, Json json,
                   Reply reply) {
  auto read = [=, json = std::move(json)]() mutable {
    for (Engine* engine : engines) {
      const auto part =
          engine->read_log(id, rank, json["next"].get<std::uint64_t>(), log_bytes_max);
      if (!part) return reply(error_answer(part.error()));
      json["text"] = part->text;
      json["next"] = part->next;
      if (!part->text.empty()) break;
    }
    reply(answer(json));
  };
  if (!files_.post(std::move(read))) {
    reply(error_answer(
        {Code::unavailable, "too many requests wait for logs; try again", Retry::safe}));
  }
}

void Api::cost(const HttpRequest& request, Reply reply) {
  const std::string by_name = find_in(request.query, "by");
  const auto by = by_name.empty() || by_name == "job" ? std::optional(CostBy::job)
                  : by_name == "queue"                ? std::optional(CostBy::queue)
                  : by_name == "cloud"                ? std::optional(CostBy::cloud)
                                                      : std::nullopt;
  if (!by) {
    return reply(error_answer(
        {Code::invalid, fmt::format("by is '{}'; expected job, queue or cloud", by_name)}));
  }
  const std::string which = find_in(request.query, "job");
  parts_.controller.read([=, reply = std::move(reply)](const State& state, Timestamp now) {
    std::optional<JobId> only;
    if (!which.empty()) {
      const JobEntry* entry = find_job(state, which);
      if (!entry) return reply(error_answer(no_such_job(which)));
      only = entry->job.id;
    }
    reply(answer(cost_view(state, *by, only, now)));
  });
}

void Api::status(Reply reply) {
  parts_.controller.read([this, reply = std::move(reply)](const State& state, Timestamp now) {
    std::map<JobState, std::size_t> counts;
    for (const auto& [id, entry] : state.jobs()) ++counts[entry.job.state];
    Json json = {{"epoch", state.epoch().value},
                 {"now", format_timestamp(now)},
                 {"jobs", Json::object()},
                 {"live_attempts", state.live().size()},
                 {"pools", state.pools().size()}};
    for (const auto& [job_state, count] : counts) json["jobs"][name(job_state)] = count;
    const auto suspended = parts_.controller.suspended();
    json["accepting"] = !suspended.has_value();
    if (suspended) json["why_not"] = suspended->message;
    reply(answer(json));
  });
}

// Whether what is derived is what the records say; see core/audit/audit.h.
void Api::audit_state(Reply reply) {
  parts_.controller.read([reply = std::move(reply)](const State& state, Timestamp now) {
    Json json = {{"jobs", state.jobs().size()},
                 {"live_attempts", state.live().size()},
                 {"violations", Json::array()}};
    for (const Violation& v : audit(state, now)) {
      json["violations"].push_back({{"rule", static_cast<int>(v.rule)},
                                    {"name", rule_name(v.rule)},
                                    {"at", format_timestamp(v.at)},
                                    {"what", v.what}});
    }
    json["clean"] = json["violations"].empty();
    reply(answer(json));
  });
}

// --- changing
// -------------------------------------------------------------------------------------

void Api::cancel(const std::string& which, Reply reply) {
  parts_.controller.read([=, this, reply = std::move(reply)](const State& state, Timestamp) {
    const JobEntry* entry = find_job(state, which);
    if (!entry) return reply(error_answer(no_such_job(which)));
    change(Cancel{entry->job.id, "cancelled by request"}, reply);
  });
}

void Api::cancel_all(Reply reply) {
  parts_.controller.submit(
      CancelAll{"cancelled by request"},
      [name = parts_.name, reply = std::move(reply)](Result<Accepted> accepted) {
        if (!accepted) return reply(error_answer(accepted.error()));
        std::size_t cancelled = 0;
        for (const Fact& fact : accepted->facts) {
          cancelled += std::holds_alternative<JobCancelling>(fact) ? 1 : 0;
        }
        // What runs where only another controller reaches ends when that one leads.
        Json away = Json::object();
        for (const auto& [id, live] : accepted->state.live()) {
          const PoolRecord* pool = accepted->state.find_pool(live.attempt->pool);
          if (!pool || !is_away(pool->pool, name) || away.size() == page_max) continue;
          away[to_string(id.job)] = {{"name", accepted->state.find(id.job)->job.spec->name},
                                     {"pool", pool->pool.name},
                                     {"controller", pool->pool.controller}};
        }
        reply(answer({{"cancelled", cancelled}, {"out_of_reach", away}}));
      });
}

void Api::change(Input input, Reply reply) {
  parts_.controller.submit(std::move(input), [reply = std::move(reply)](Result<Accepted> accepted) {
    if (!accepted) return reply(error_answer(accepted.error()));
    reply(answer({{"changed", !accepted->facts.empty()}}));
  });
}

}  // namespace mohona
