#include "app/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/complain.h"
#include "app/exit_status.h"
#include "app/forecast.h"
#include "app/simulate_chaos.h"
#include "app/simulate_replay.h"
#include "base/file.h"
#include "bench/figures.h"
#include "sim/report.h"
#include "sim/simulate.h"

namespace mohona {
namespace {

constexpr const char* help =
    R"(Runs the control plane itself under virtual time: the controller and core that `mohona up` runs, over
a clock, a store and an engine that only pretend. So what is measured here is what would happen.

Traces: muri, philly, openb, starburst (see their projects) and swf, the Standard Workload Format;
gzip is read as it is. Clusters: 8x8 (nodes x GPUs), 128x96c (nodes x cores), or a cluster file of a trace.

Policies:
  default  learns from history and progress what is done soonest, and may stop work that has a checkpoint
  fifo, las, srtf, srsf, age  for comparison; srtf and srsf are told every job's run time

  cheapest-sticker, reservation-is-free, reservation-near-free  the default, but in a fleet with contracts
           places are compared by the pools' prices alone, or by what other systems take a reservation
           to cost; otherwise by what the bill is more. bill_usd, bill_bound_usd: of scenarios with contracts

What a job says of its run time (--know):
  nothing   nothing
  progress  how many steps it has, and while it runs how many are done
  all       how long it will run

A cloud beside the cluster (--overflow-price 2.5, dollars a GPU-hour): jobs say how long they run, and
those that do not wait for the cluster cost money there. bill_usd, mean_wait_hours. Policies then:
  default        what the controller does with `scheduling: {overflow: {wait_limit: TIME}}` in its fleet
                 file: the least bill while the mean wait stays within --wait-limit
  no-wait, constant-wait, compute-wait  as published (Starburst, ATC 2024), replayed for comparison

Examples:
  mohona simulate examples/scenarios/small-gangs.yaml
  mohona simulate examples/scenarios/three-clouds.yaml   what three clouds bill, by four rules
  mohona simulate examples/openai-aws.yaml                years of contracts, as `mohona forecast`
  mohona simulate --trace muri:trace1.csv.gz --cluster n8g8.csv --policy default --know progress
  mohona simulate --trace muri:trace3.csv.gz --cluster n8g8.csv --policy fifo,las,default --report out.html
  mohona simulate --replay ~/.mohona
  mohona simulate --trace muri:trace3.csv.gz --cluster 8x8 --policy srsf --rule published --json
  mohona simulate --trace philly:philly.csv.gz --cluster 100x8 --load 80 --policy las
  mohona simulate --trace starburst:jobs.csv --cluster 4x8 --overflow-price 2.5 --wait-limit 0.0522h
  mohona simulate --seeds 200 --faults all                a made-up day on 500 nodes, 200 times, in
                                                          which things go wrong; every rule is looked at
  mohona simulate --seeds 17-17 --faults crash,spot)";

struct Asked {
  SimulateOptions options;
  std::vector<std::string> policies;
  std::string scenario, report, replay;
  std::string know = "nothing", rule = "honest";
  std::int64_t load = 0;
  std::string overflow_price, wait_limit;
  bool json = false;
};

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string trace_name(const std::string& trace) {
  const auto colon = trace.find(':');
  return trace.substr(0, colon) + ":" + file_name(trace.substr(colon + 1));
}

std::string in_words(Know know) {
  return know == Know::all ? "all of it" : know == Know::progress ? "their progress" : "nothing";
}

ReportAbout about_trace(const SimulateOptions& o, std::size_t jobs) {
  ReportAbout page{fmt::format("{} jobs of {}", jobs, o.trace.substr(0, o.trace.find(':'))),
                   {{"Trace", trace_name(o.trace)}, {"Cluster", file_name(o.cluster)}}};
  if (o.load_pct) page.inputs.emplace_back("Load", fmt::format("{} %", *o.load_pct));
  page.inputs.emplace_back("Jobs say of their run time", in_words(o.reading.know));
  return page;
}

ReportAbout about_scenario(const Scenario& scenario, std::size_t jobs) {
  ReportAbout page{fmt::format("{}: {} jobs", scenario.name, jobs), {}};
  if (!scenario.trace.empty()) page.inputs.emplace_back("Trace", trace_name(scenario.trace));
  page.inputs.emplace_back("Fleet", file_name(scenario.fleet_name));
  if (scenario.load_pct > 0)
    page.inputs.emplace_back("Load", fmt::format("{} %", scenario.load_pct));
  page.inputs.emplace_back("Jobs say of their run time", in_words(scenario.reading.know));
  return page;
}

void print_results(const std::vector<SimulateResult>& results, bool json) {
  if (!json) {
    if (results.size() == 1) return print_figures(results.front().figures);
    return print_figures({{"policies", side_by_side(results)}});
  }
  Json all;
  for (const SimulateResult& result : results) all[result.policy] = result.figures;
  fmt::print("{}\n", results.size() == 1 ? results.front().figures.dump() : all.dump());
}

Result<void> check_policies(const std::vector<std::string>& policies) {
  for (const std::string& policy : policies) {
    if (std::count(policies.begin(), policies.end(), policy) > 1) {
      return fail(Code::invalid, fmt::format("--policy {} is there twice", policy));
    }
  }
  if (policies.size() <= policies_max) return {};
  return fail(Code::invalid, fmt::format("--policy: at most {} are compared", policies_max));
}

// The same jobs under each policy, then the page and the figures.
template <class Simulate, class About>
int compare(const Asked& asked, const std::vector<std::string>& policies, Simulate simulate,
            About about_jobs) {
  if (auto ok = check_policies(policies); !ok) return complain(ok.error());
  std::vector<SimulateResult> results;
  for (const std::string& policy : policies) {
    auto result = simulate(policy);
    if (!result) return complain(result.error());
    results.push_back(std::move(*result));
  }
  if (!asked.report.empty()) {
    const std::string page = report_page(about_jobs(results.front().jobs.size()), results);
    if (auto ok = write_file(asked.report, page, false); !ok) return complain(ok.error());
  }
  print_results(results, asked.json);
  return exit_ok;
}

int simulate_file(const Asked& asked) {
  if (are_assumptions_file(asked.scenario)) {
    if (!asked.policies.empty()) {
      return complain({Code::invalid, "--policy: assumptions about contracts have none"});
    }
    return forecast_file(asked.scenario, asked.report, asked.json);
  }
  auto text = read_file(asked.scenario);
  if (!text) return complain(text.error());
  const std::string path = std::filesystem::absolute(asked.scenario).lexically_normal();
  const auto scenario = parse_scenario(
      {asked.scenario, std::move(*text), std::filesystem::path(path).parent_path(), false},
      asked.options.trace);
  if (!scenario) return complain(scenario.error());
  std::vector<std::string> policies = asked.policies.empty() ? scenario->policies : asked.policies;
  if (policies.empty()) policies = {""};
  return compare(
      asked, policies,
      [&](const std::string& policy) { return simulate_scenario(*scenario, policy); },
      [&](std::size_t jobs) { return about_scenario(*scenario, jobs); });
}

int simulate_options(Asked& asked) {
  SimulateOptions& o = asked.options;
  if (o.trace.empty() || o.cluster.empty()) {
    return complain(
        {Code::invalid, "simulate needs a scenario file, or --trace and --cluster, or --replay"});
  }
  o.published = asked.rule == "published";
  o.reading.know = asked.know == "all"        ? Know::all
                   : asked.know == "progress" ? Know::progress
                                              : Know::nothing;
  if (asked.load > 0) o.load_pct = asked.load;
  if (!asked.overflow_price.empty()) {
    const auto price = parse_price(asked.overflow_price);
    if (!price) return complain({Code::invalid, "--overflow-price: " + price.error().message});
    o.overflow_price = *price;
  }
  if (!asked.wait_limit.empty()) {
    const auto limit = parse_duration(asked.wait_limit);
    if (!limit) return complain({Code::invalid, "--wait-limit: " + limit.error().message});
    o.wait_limit = *limit;
  }
  const std::vector<std::string> policies =
      asked.policies.empty() ? std::vector<std::string>{"default"} : asked.policies;
  return compare(
      asked, policies,
      [&](const std::string& policy) {
        o.policy = policy;
        return simulate_trace(o);
      },
      [&](std::size_t jobs) { return about_trace(o, jobs); });
}

}  // namespace

void add_simulate(CLI::App& app, int& status) {
  auto asked = std::make_shared<Asked>();
  CLI::App* sub = app.add_subcommand(
      "simulate", "Run the control plane under virtual time: a scenario, a trace, a recorded run");
  sub->footer(help);
  CLI::Option* scenario =
      sub->add_option("SCENARIO", asked->scenario, "A scenario file (docs/simulate.md)");
  sub->add_option("--trace", asked->options.trace, "KIND:FILE, the jobs that arrive");
  sub->add_option("--cluster", asked->options.cluster, "NODESxGPUS, or a cluster file");
  sub->add_option("--policy", asked->policies,
                  "Who goes first; several are compared: fifo,las,default")
      ->delimiter(',')
      ->allow_extra_args(false);
  sub->add_option("--rule", asked->rule,
                  "honest: a job pays its overhead when it is started; published: Muri's own rule, "
                  "for srtf and srsf")
      ->check(CLI::IsMember({"honest", "published"}))
      ->capture_default_str();
  sub->add_option("--know", asked->know, "What jobs say of their run time")
      ->check(CLI::IsMember({"nothing", "progress", "all"}))
      ->capture_default_str();
  sub->add_option("--overheads", asked->options.reading.overheads,
                  "muri: JSON of seconds lost at a start, by GPUs and model; default: the file "
                  "overhead*.json beside the trace");
  sub->add_option("--load", asked->load,
                  "Shrink or grow the cluster until its load is so many percent")
      ->check(CLI::Range(1, 1'000));
  CLI::Option* price =
      sub->add_option("--overflow-price", asked->overflow_price,
                      "What a GPU-hour costs in a cloud beside the cluster, in dollars")
          ->excludes("--rule");
  sub->add_option("--wait-limit", asked->wait_limit,
                  "How long jobs may wait for the cluster, on average: 3m, 0.0522h")
      ->needs(price);
  sub->add_option("--report", asked->report, "Write a page with pictures to this file");
  CLI::Option* replay = sub->add_option(
      "--replay", asked->replay,
      "A home, or a journal: give a recorded run to the controller once more, and compare "
      "what it decides");
  // What would have no effect is refused.
  for (const char* other :
       {"--cluster", "--rule", "--know", "--overheads", "--load", "--overflow-price"}) {
    scenario->excludes(other);
    replay->excludes(other);
  }
  replay->excludes("--trace");
  replay->excludes(scenario)->excludes("--policy")->excludes("--report");
  sub->add_flag("--json", asked->json, "Print JSON for scripts");
  const auto chaos = add_chaos_options(*sub);
  sub->callback([asked, chaos, &status] {
    status = chaos->asked()             ? simulate_chaos(*chaos, asked->json)
             : !asked->replay.empty()   ? replay_recorded(asked->replay, asked->json)
             : !asked->scenario.empty() ? simulate_file(*asked)
                                        : simulate_options(*asked);
  });
}

}  // namespace mohona
