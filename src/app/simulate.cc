#include "app/simulate.h"

#include <fmt/format.h>

#include "app/complain.h"
#include "app/simulate_chaos.h"
#include "bench/figures.h"
#include "sim/simulate.h"

namespace mohona {
namespace {

constexpr const char* about =
    R"(Runs the control plane itself under virtual time: the controller and core that `mohona up` runs, over
a clock, a store and an engine that only pretend. So what is measured here is what would happen.

Traces: muri, philly, openb, starburst (see their projects) and swf, the Standard Workload Format;
gzip is read as it is. Clusters: 8x8 (nodes x GPUs), 128x96c (nodes x cores), or a cluster file of a trace.

Policies:
  default  learns from history and progress what is done soonest, and may stop work that has a checkpoint
  fifo, las, srtf, srsf, age  for comparison; srtf and srsf are told every job's run time

What a job says of its run time (--know):
  nothing   nothing
  progress  how many steps it has, and while it runs how many are done
  all       how long it will run

Examples:
  mohona simulate --trace muri:trace1.csv.gz --cluster n8g8.csv --policy default --know progress
  mohona simulate --trace muri:trace3.csv.gz --cluster 8x8 --policy srsf --rule published --json
  mohona simulate --trace philly:philly.csv.gz --cluster 100x8 --load 80 --policy las
  mohona simulate --seeds 200 --faults all                a made-up day on 500 nodes, 200 times, in
                                                          which things go wrong; every rule is looked at
  mohona simulate --seeds 17-17 --faults crash,spot)";

}  // namespace

void add_simulate(CLI::App& app, int& status) {
  struct Asked {
    SimulateOptions options;
    std::string know = "nothing", rule = "honest";
    std::int64_t load = 0;
    bool json = false;
  };
  auto asked = std::make_shared<Asked>();
  CLI::App* sub =
      app.add_subcommand("simulate", "Run the control plane under virtual time, on a trace");
  sub->footer(about);
  sub->add_option("--trace", asked->options.trace, "KIND:FILE, the jobs that arrive");
  sub->add_option("--cluster", asked->options.cluster, "NODESxGPUS, or a cluster file");
  sub->add_option("--policy", asked->options.policy, "Who goes first")->capture_default_str();
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
  sub->add_option("--load", asked->load, "Shrink or grow the cluster until its load is so many percent")
      ->check(CLI::Range(1, 1'000));
  sub->add_flag("--json", asked->json, "Print JSON for scripts");
  const auto chaos = add_chaos_options(*sub);
  sub->callback([asked, chaos, &status] {
    SimulateOptions& o = asked->options;
    if (chaos->asked()) {
      status = simulate_chaos(*chaos, asked->json);
      return;
    }
    if (o.trace.empty() || o.cluster.empty()) {
      status = complain({Code::invalid,
                         "simulate needs --trace and --cluster, or --seeds; see mohona simulate --help"});
      return;
    }
    o.published = asked->rule == "published";
    o.reading.know = asked->know == "all"        ? Know::all
                     : asked->know == "progress" ? Know::progress
                                                 : Know::nothing;
    if (asked->load > 0) o.load_pct = asked->load;
    const auto result = simulate_trace(o);
    if (!result) {
      status = complain(result.error());
    } else if (asked->json) {
      fmt::print("{}\n", result->figures.dump());
    } else {
      print_figures(result->figures);
    }
  });
}

}  // namespace mohona
