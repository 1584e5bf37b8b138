// What the control plane takes and how fast it answers, over its real API, store and engine.
//
//   build/release/bin/bench_control_plane [--json] [--rounds N] [--store postgresql://…]
//
// With a store that is no home's own: what that database holds of Mohona is dropped before each
// start.
// Starts a controller of the release build in a temporary home, on the disk where TMPDIR is. Every
// figure is the median over the rounds, with the lowest and the highest beside it.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "net/client.h"

namespace mohona {
namespace {

using Json = nlohmann::ordered_json;
using Steady = std::chrono::steady_clock;

constexpr std::size_t clients = 16;
constexpr std::chrono::minutes answer_max{2};

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(p * static_cast<double>(values.size() - 1)));
}

// A controller of its own, in a home that goes with it.
class Plane {
 public:
  Plane(const std::string& mohona, const std::string& store) : mohona_(mohona) {
    home_ = std::filesystem::temp_directory_path() / ("mohona-bench-" + std::to_string(getpid()));
    std::filesystem::remove_all(home_);
    if (!store.empty()) {
      const std::string drop =
          "psql -Xq -c 'SET client_min_messages = warning' "
          "-c 'DROP SCHEMA IF EXISTS mohona CASCADE' '" +
          store + "'";
      if (std::system(drop.c_str()) != 0) throw std::runtime_error(drop + " failed");
    }
    run("up --detach" + (store.empty() ? "" : " --store '" + store + "'"));
  }
  ~Plane() {
    run("down");  // nothing runs by now; what waits goes with the home
    std::filesystem::remove_all(home_);
  }

  std::unique_ptr<HttpClient> client() const {
    return make_http_client({home_ + "/api.sock", "", 0});
  }

  double rss_mib() const {
    std::ifstream pid_file(home_ + "/controller.pid");
    std::string pid, key;
    pid_file >> pid;
    std::ifstream status("/proc/" + pid + "/status");
    for (double kib = 0; status >> key;) {
      if (key == "VmRSS:" && status >> kib) return kib / 1'024;
    }
    return 0;
  }

 private:
  void run(const std::string& what) const {
    const std::string command = mohona_ + " --home " + home_ + " " + what + " >/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command + " failed");
  }

  std::string mohona_, home_;
};

Json ask(HttpClient& client, const std::string& method, const std::string& target,
         const std::string& body = "") {
  HttpRequest request;
  request.method = method;
  request.body = body;
  request.content_type = "application/json";
  const auto response = client.send(request, target, answer_max);
  if (!response) throw std::runtime_error(response.error().message);
  if (response->status >= 300) throw std::runtime_error(response->body);
  return Json::parse(response->body);
}

// No pool of a single machine is spot, so that such a job waits.
const std::string waiting_text =
    R"({"text": "name: waits\nresources: {use_spot: true}\nrun: 'true'\n"})";
const std::string true_text = R"({"text": "name: quick\nrun: 'true'\n"})";

// Every client submits one job after another; each answer means that the job is on the disk.
double single_submits_per_second(const Plane& plane, std::size_t jobs) {
  const auto begin = Steady::now();
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      const auto client = plane.client();
      for (std::size_t n = 0; n < jobs / clients; ++n)
        ask(*client, "POST", "/v1/jobs", waiting_text);
    });
  }
  threads.clear();
  return static_cast<double>(jobs / clients * clients) / seconds_since(begin);
}

double batch_jobs_per_second(const Plane& plane, std::size_t jobs, std::size_t batch) {
  Json body = {{"jobs", Json::array()}};
  for (std::size_t i = 0; i < batch; ++i) {
    body["jobs"].push_back({{"name", "batch-" + std::to_string(i)},
                            {"run", "python3 work.py --part " + std::to_string(i)},
                            {"resources", {{"use_spot", true}}}});
  }
  const std::string text = body.dump();
  const auto client = plane.client();
  const auto begin = Steady::now();
  for (std::size_t n = 0; n < jobs; n += batch) ask(*client, "POST", "/v1/jobs:batch", text);
  return static_cast<double>(jobs) / seconds_since(begin);
}

// Jobs of `true`, so many at a time: from the submit's sending until it is seen to have succeeded.
void true_jobs(const Plane& plane, std::size_t jobs, std::size_t at_once, Json& out) {
  std::vector<std::vector<double>> latencies(at_once);
  const auto begin = Steady::now();
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < at_once; ++i) {
    threads.emplace_back([&, i] {
      const auto client = plane.client();
      for (std::size_t n = 0; n < jobs / at_once; ++n) {
        const auto sent = Steady::now();
        const Json answer = ask(*client, "POST", "/v1/jobs", true_text);
        const std::string id = std::to_string(answer["jobs"][0]["id"].get<std::uint64_t>());
        while (ask(*client, "GET", "/v1/jobs?ids=" + id)["jobs"][0]["state"] != "succeeded") {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        latencies[i].push_back(seconds_since(sent) * 1'000);
      }
    });
  }
  threads.clear();
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  out["true_jobs_per_second"] = static_cast<double>(all.size()) / seconds_since(begin);
  out["true_job_p50_ms"] = percentile(all, 0.50);
  out["true_job_p99_ms"] = percentile(all, 0.99);
}

double read_p99_ms(const Plane& plane, const std::string& target, std::size_t times) {
  const auto client = plane.client();
  std::vector<double> latencies;
  for (std::size_t i = 0; i < times; ++i) {
    const auto sent = Steady::now();
    ask(*client, "GET", target);
    latencies.push_back(seconds_since(sent) * 1'000);
  }
  return percentile(latencies, 0.99);
}

Json one_round(const std::string& mohona, const std::string& store) {
  Json out;
  {
    const Plane plane(mohona, store);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    out["idle_rss_mib"] = plane.rss_mib();
    true_jobs(plane, 800, 6, out);
    out["single_submits_per_second"] = single_submits_per_second(plane, 6'400);
  }
  const Plane plane(mohona, store);
  out["batch_jobs_per_second"] = batch_jobs_per_second(plane, 100'000, 1'000);
  out["pending_jobs"] = 100'000;
  out["ls_p99_ms"] = read_p99_ms(plane, "/v1/jobs", 500);
  out["show_p99_ms"] = read_p99_ms(plane, "/v1/jobs/50000", 500);
  out["explain_p99_ms"] = read_p99_ms(plane, "/v1/jobs/50000/explain", 500);
  out["rss_with_pending_mib"] = plane.rss_mib();
  return out;
}

int main(int argc, char** argv) {
  CLI::App app{"Benchmarks of the control plane"};
  bool json = false;
  int rounds = 3;
  std::string mohona = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "mohona";
  app.add_flag("--json", json, "Print JSON");
  app.add_option("--rounds", rounds, "How often everything is measured")->check(CLI::Range(1, 100));
  app.add_option("--mohona", mohona, "The program to measure");
  std::string store;
  app.add_option("--store", store, "Where the state is kept: postgresql://USER@HOST/DATABASE");
  CLI11_PARSE(app, argc, argv);
  std::vector<Json> all;
  for (int i = 0; i < rounds; ++i) all.push_back(one_round(mohona, store));
  Json result;
  for (const auto& [key, value] : all.front().items()) {
    std::vector<double> values;
    for (const Json& round : all) values.push_back(round[key].get<double>());
    result[key] = {{"median", percentile(values, 0.5)},
                   {"low", percentile(values, 0)},
                   {"high", percentile(values, 1)}};
    if (!json) {
      fmt::print("{:28} {:10.1f}   ({:.1f} to {:.1f})\n", key, percentile(values, 0.5),
                 percentile(values, 0), percentile(values, 1));
    }
  }
  if (json) fmt::print("{}\n", result.dump());
  return 0;
}

}  // namespace
}  // namespace mohona

int main(int argc, char** argv) { return mohona::main(argc, argv); }
