// A cluster by slurmrestd, version v0.0.38 of its interface: over a unix socket, as whoever runs
// it, or over TCP with a token.
#include <pwd.h>
#include <unistd.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "engine/slurm/cluster.h"
#include "engine/slurm/words.h"
#include "model/host_list.h"
#include "net/client.h"

namespace mohona::slurm {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr auto answer_within = 30s;
constexpr std::string_view version = "v0.0.38";
// What a missing record is called: the job has ended, or is gone.
constexpr std::array<std::int64_t, 2> gone = {2017, 2021};  // ESLURM_INVALID_JOB_ID, _ALREADY_DONE

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user ? user->pw_name : "";
}

class RestCluster : public Cluster {
 public:
  explicit RestCluster(Site site);

  Result<std::string> submit(const JobRequest& request) override;
  Result<std::vector<JobInfo>> jobs(const std::string& prefix) override;
  // slurmrestd of this version ends itself over questions to accounting that it does not like.
  Result<std::string> past_state(const std::string&) override { return std::string(); }
  Result<std::vector<NodeInfo>> nodes() override;
  Result<void> cancel(const std::string& id) override;
  // Its signals reach the work as well, for which they are not meant. The supervisor looks for its
  // stop once a second without them.
  Result<void> signal(const std::string&, const std::string&) override { return {}; }

 private:
  Result<Json> ask(const std::string& method, const std::string& path, const Json& body = {});

  Site site_;
  std::mutex mutex_;
  std::unique_ptr<HttpClient> client_;
};

RestCluster::RestCluster(Site site) : site_(std::move(site)) {
  Endpoint endpoint;
  std::string_view where = site_.rest;
  if (where.starts_with("unix:")) {
    endpoint.unix_path = where.substr(5);
  } else {
    if (where.starts_with("http://")) where.remove_prefix(7);
    const std::size_t colon = where.rfind(':');
    endpoint.host = where.substr(0, colon);
    endpoint.port = colon == std::string_view::npos
                        ? 6'820
                        : std::atoi(std::string(where.substr(colon + 1)).c_str());
  }
  client_ = make_http_client(endpoint);
}

Result<Json> RestCluster::ask(const std::string& method, const std::string& path,
                              const Json& body) {
  HttpRequest request;
  request.method = method;
  if (!body.is_null()) {
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    request.content_type = "application/json";
  }
  if (!site_.token.empty()) {
    // Read anew each time: tokens are renewed.
    const auto token = read_file(site_.token);
    if (!token) return fail(Code::unavailable, token.error().message, Retry::safe);
    request.headers = {{"X-SLURM-USER-NAME", user_name()},
                       {"X-SLURM-USER-TOKEN", std::string(trim(*token))}};
  }
  const std::lock_guard lock(mutex_);
  const auto response =
      client_->send(request, fmt::format("/slurm/{}/{}", version, path), answer_within);
  if (!response) {
    Error error = response.error();
    error.message = "slurmrestd does not answer: " + error.message;
    return fail(error);
  }
  const Json answer = Json::parse(response->body, nullptr, false);
  if (answer.is_discarded() || !answer.is_object()) {
    return fail(Code::unavailable,
                fmt::format("slurmrestd answers {} to {}, which is not {} of its interface",
                            response->status, path, version),
                Retry::outcome_unknown);
  }
  const auto errors = answer.find("errors");
  if (errors == answer.end() || !errors->is_array() || errors->empty()) return answer;
  const Json& first = errors->front();
  const std::string said = text_of(first, "description").empty() ? text_of(first, "error")
                                                                 : text_of(first, "description");
  const std::int64_t number = first.contains("error_code") ? number_of(first, "error_code")
                                                           : number_of(first, "error_number");
  if (std::find(gone.begin(), gone.end(), number) != gone.end()) {
    return fail(Code::not_found, said);
  }
  // The controller behind it does not answer: 1800 and on are errors of the conversation.
  if (number >= 1'800 && number < 2'000) {
    return fail(Code::unavailable, "slurmctld does not answer: " + said, Retry::outcome_unknown);
  }
  return fail(Code::invalid, said);
}

Result<std::string> RestCluster::submit(const JobRequest& s) {
  const std::int64_t nodes = std::ssize(s.nodes);
  Json job = {{"name", s.name},
              {"comment", s.comment},
              {"nodelist", join(s.nodes, ",")},
              {"nodes", Json::array({nodes, nodes})},
              {"tasks_per_node", s.tasks_per_node},
              {"cpus_per_task", std::max<std::int64_t>(1, s.cpus_per_node / s.tasks_per_node)},
              {"requeue", false},
              {"standard_output", s.output},
              {"open_mode", "append"},
              {"current_working_directory", "/"},
              {"environment", {{"PATH", "/usr/local/bin:/usr/bin:/bin"}}}};
  const auto add = [&](bool said, const char* key, const Json& value) {
    if (said) job[key] = value;
  };
  add(!s.partition.empty(), "partition", s.partition);
  add(!s.account.empty(), "account", s.account);
  add(!s.qos.empty(), "qos", s.qos);
  add(!s.reservation.empty(), "reservation", s.reservation);
  add(s.tasks > 1, "array", fmt::format("0-{}", s.tasks - 1));
  add(s.memory_mib_per_node > 0, "memory_per_node", s.memory_mib_per_node);
  add(s.gpus_per_node > 0, "gres",
      fmt::format("gpu:{}{}{}", s.gpu, s.gpu.empty() ? "" : ":", s.gpus_per_node));
  add(s.minutes_max > 0, "time_limit", s.minutes_max);
  const auto answer = ask("POST", "job/submit", {{"script", s.script}, {"job", job}});
  if (!answer) return fail(answer.error());
  const std::int64_t id = number_of(*answer, "job_id");
  if (id == 0) {
    return fail(Code::unavailable, "slurmrestd did not say the job's number",
                Retry::outcome_unknown);
  }
  return std::to_string(id);
}

Result<std::vector<JobInfo>> RestCluster::jobs(const std::string& prefix) {
  const auto answer = ask("GET", "jobs");
  if (!answer) return fail(answer.error());
  std::vector<JobInfo> out;
  for (const Json& record : answer->value("jobs", Json::array())) {
    JobInfo job;
    job.comment = text_of(record, "comment");
    if (!job.comment.starts_with(prefix)) continue;
    job.state = text_of(record, "job_state");
    job.phase = phase_of(job.state);
    job.reason = text_of(record, "state_reason");
    if (job.reason == "None") job.reason.clear();
    job.cpus = number_of(record, "cpus");
    const std::int64_t array = number_of(record, "array_job_id");
    std::string waiting = text_of(record, "array_task_string");
    waiting = waiting.substr(0, waiting.find('%'));
    if (array > 0 && !waiting.empty()) {
      // Tasks of an array that wait are one record: "2-9".
      const auto tasks = parse_host_list("[" + waiting + "]");
      for (const std::string& task : tasks.value_or(std::vector<std::string>{})) {
        job.id = fmt::format("{}_{}", array, task);
        job.index = std::atoll(task.c_str());
        out.push_back(job);
      }
      continue;
    }
    job.index = number_of(record, "array_task_id");
    job.id = array > 0 ? fmt::format("{}_{}", array, job.index)
                       : std::to_string(number_of(record, "job_id"));
    out.push_back(std::move(job));
  }
  return out;
}

Result<std::vector<NodeInfo>> RestCluster::nodes() {
  const auto answer = ask("GET", "nodes");
  if (!answer) return fail(answer.error());
  std::vector<NodeInfo> out;
  for (const Json& record : answer->value("nodes", Json::array())) {
    NodeInfo node;
    node.name = text_of(record, "name");
    node.address = text_of(record, "address");
    for (const Json& partition : record.value("partitions", Json::array())) {
      if (partition.is_string()) node.partitions.push_back(partition.get<std::string>());
    }
    for (const std::string_view feature : split(text_of(record, "active_features"), ',')) {
      if (!feature.empty()) node.features.emplace_back(feature);
    }
    node.cpus = number_of(record, "cpus");
    node.cpus_used = number_of(record, "alloc_cpus");
    node.memory_mib = number_of(record, "real_memory");
    node.memory_mib_used = number_of(record, "alloc_memory");
    parse_gres(text_of(record, "gres"), node.gpu, node.gpus);
    std::string type;
    parse_gres(text_of(record, "gres_used"), type, node.gpus_used);
    node.states = {upper(text_of(record, "state"))};
    for (const Json& flag : record.value("state_flags", Json::array())) {
      if (flag.is_string()) node.states.push_back(upper(flag.get<std::string>()));
    }
    node.reason = text_of(record, "reason");
    if (!node.name.empty()) out.push_back(std::move(node));
  }
  return out;
}

Result<void> RestCluster::cancel(const std::string& id) {
  const auto answer = ask("DELETE", "job/" + id);
  if (!answer && answer.error().code != Code::not_found) return fail(answer.error());
  return {};
}

}  // namespace

std::unique_ptr<Cluster> make_rest_cluster(const Site& site) {
  return std::make_unique<RestCluster>(site);
}

}  // namespace mohona::slurm
