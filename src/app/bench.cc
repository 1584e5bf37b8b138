#include "app/bench.h"

#include <fmt/format.h>

#include "app/complain.h"
#include "bench/money.h"
#include "bench/packing.h"
#include "bench/placement.h"
#include "bench/preemption.h"
#include "bench/reservations.h"
#include "bench/spot_deadline.h"

namespace mohona {
namespace {

struct Shown {
  bool json = false;
  void show(const Json& figures) const {
    if (json) {
      fmt::print("{}\n", figures.dump());
    } else {
      print_figures(figures);
    }
  }
};

CLI::App* bench_command(CLI::App& bench, Shown& shown, const std::string& name,
                        const std::string& does, const std::string& more) {
  CLI::App* sub = bench.add_subcommand(name, does);
  sub->footer(more);
  sub->add_flag("--json", shown.json, "Print JSON for scripts");
  return sub;
}

constexpr const char* about_placement =
    R"(A fleet of GPU nodes in four pools and CPU nodes beside them, 40 teams with guarantees and limits,
and a mixture of work from a quarter of a GPU to gangs of 10,000 nodes. It is filled to 92 % and
kept there, with a queue of some thousand jobs; then decisions are counted and timed.

A decision is a job that was looked at: started, kept nodes for, or found blocked and put to sleep
with its reason. A job that joins equal ones which are known to be blocked is answered by them; that
counts as one, too (blocked_by_class). Times include applying what was decided.

Examples:
  mohona bench placement                            62,464 GPU nodes, 10 million cores
  mohona bench placement --nodes 1024 --decisions 20000 --json
  mohona bench placement --nodes 8192 --waiting 20000 --decisions 50000   a long queue
  mohona bench placement --growth                   the same from 1,024 to 250,880 nodes

The same seed gives the same decisions: `digest` says whether it did.)";

constexpr const char* about_preemption =
    R"(First: a pool is full of single-node jobs, and a gang of higher priority needs most of it. What it
takes to choose its victims (gang_39000_ms).
Then a storm: jobs of high and of low priority arrive by turns at a full pool, in virtual time.
Nothing may be stopped that has not run for ten minutes (restarted_within_min_run is 0).

Example:
  mohona bench preemption --json)";

constexpr const char* about_reservations =
    R"(A fleet is 92 % full of work that keeps coming, and a gang asks for half of its nodes. When does it
start, was that by when it was promised, and what do the others pay?

  keeping     nodes are kept for it, and work that ends in time runs on them meanwhile
  no limits   nodes are kept for it, but nobody says how long work runs
  nothing     no nodes are kept

Example:
  mohona bench reservations --nodes 2048 --rounds 3)";

constexpr const char* about_packing =
    R"(Tasks arrive at a fleet of GPU nodes that starts empty, until they have asked for 130 % of its GPUs;
nothing ends, and what does not fit is dropped. How many of the GPUs are in use when 100 % and when
130 % have been asked for? The means are over the arrivals at which the percentage rounds to that.

  learned   the scheduler with `packing: learned`: prices from a linear program
  fgd       fragmentation gradient descent, as it was published
  best-fit  the scheduler with `packing: best_fit`
  bound     what no policy can pass on average that takes whatever fits

The order is the list in a random order, then tasks drawn from it, one order a seed. Prices are made
of the list's tasks (--types given), or of those alone that have arrived (--types learned): anew after
20, 60, 150, 400, 1,000, 2,500 and 5,000 of them, and best fit before.

Files are those of the openb traces, .gz or not. Nodes: cpu_milli,memory_mib,gpu,model. Tasks:
cpu_milli,memory_mib,num_gpu,gpu_milli and, if there, gpu_spec (models, divided by |).

Example:
  mohona bench packing --nodes openb_node_list_gpu_node.csv --tasks openb_pod_list_default.csv.gz

The same seeds give the same decisions: `digest` says whether they did.)";

constexpr const char* about_settle =
    R"(Hours of usage are settled under three layers of commitments (reserved units, narrow plans, a broad
plan): 192 meters, 13 commitments, exact in 128 bits, one charge for each stretch between the edges of
buckets. One core, no disk.

  usage_hours_per_second   from an hour's usage to its charges
  posted_per_second        with the charges in the ledger

Example:
  mohona bench settle --resources 10000 --hours 168 --json

The same seed gives the same charges: `digest` says whether it did.)";

constexpr const char* about_price =
    R"(What one more hour costs, asked while 20,000 resources run under three layers of commitments, and
some come and go. First the price is compared with the difference of two settlements, with and without
that hour, on random contracts and usage: equal_to_settlement must be all of the cases, to the last
part of a nano-dollar.

Example:
  mohona bench price --json)";

void add_money(const std::shared_ptr<Shown>& shown, CLI::App& bench) {
  auto settle = std::make_shared<SettleOptions>();
  CLI::App* sub =
      bench_command(bench, *shown, "settle", "Usage-hours settled a second", about_settle);
  sub->add_option("--resources", settle->resources, "Used in every hour")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  sub->add_option("--hours", settle->hours, "How many are settled")
      ->check(CLI::Range(1, 8'760))
      ->capture_default_str();
  sub->add_option("--seed", settle->seed, "Other usage of the same mixture")->capture_default_str();
  sub->callback([shown, settle] { shown->show(bench_settle(*settle)); });

  auto price = std::make_shared<PriceOptions>();
  sub = bench_command(bench, *shown, "price",
                      "How long a marginal price takes, and that it is right", about_price);
  sub->add_option("--asked", price->asked, "How many are timed")
      ->check(CLI::Range(100, 100'000'000))
      ->capture_default_str();
  sub->add_option("--cases", price->cases, "How many are compared with settlements")
      ->check(CLI::Range(0, 10'000'000))
      ->capture_default_str();
  sub->add_option("--seed", price->seed, "Other contracts and usage")->capture_default_str();
  sub->callback([shown, price] { shown->show(bench_price(*price)); });
}

constexpr const char* about_spot_deadline =
    R"(Work that must be done by a deadline, on one machine at a time, while spot machines come and go as was
recorded. Each start, and each change of machine, costs --restart before the work goes on. Our rule,
which jobs do not use yet, beside two published ones and beside who knows the future:

  (no prefix)        ours (docs/scheduling.md); --objective says what it saves
  uniform_progress_  Uniform Progress, of "Can't Be Late" (NSDI 2024)
  greedy_            spot while there is any, nothing while there is time, then on-demand to the end
  omniscient_        the least that is possible, by hindsight: exact

Figures are means over the starts: hours of work done on demand and on spot; the cost of all that was
rented, in hours on demand; and how many deadlines were missed.

FILE is a table (.gz or not) with a column `unavailable`, one character a tick: 0, spot can be had; 1, it
cannot. Or a series {"metadata": {"gap_seconds": 600}, "data": [1, 0, ...]}, where 1 can be had; --draw
starts are drawn from it, the same for the same --seed.

Example:
  mohona bench spot-deadline --starts starts.csv.gz --work 48h --deadline 60h --restart 0.2h \
      --spot-price 0.333 --objective cost)";

// An option that takes "48h", "12m" or "1h30m".
void add_duration(CLI::App* sub, const std::string& name, Duration& value,
                  const std::string& about) {
  sub->add_option_function<std::string>(
         name, [&value](const std::string& text) { value = *parse_duration(text); }, about)
      ->check([](const std::string& text) {
        const auto parsed = parse_duration(text);
        return parsed ? std::string() : parsed.error().message;
      })
      ->default_str(format_duration(value))
      ->type_name("TIME");
}

void add_spot_deadline(const std::shared_ptr<Shown>& shown, CLI::App* sub) {
  auto spot = std::make_shared<SpotDeadlineOptions>();
  sub->add_option("--starts", spot->starts, "When spot was to be had")
      ->required()
      ->type_name("FILE");
  add_duration(sub, "--work", spot->work, "How long the work takes on one machine");
  add_duration(sub, "--deadline", spot->deadline, "By when it must be done, from its start");
  add_duration(sub, "--restart", spot->restart, "What a start, or a change of machine, costs");
  add_duration(sub, "--tick", spot->tick, "What one character of a table stands for");
  sub->add_option_function<std::string>(
         "--spot-price",
         [spot](const std::string& text) { spot->spot_price_ppm = *parse_spot_price(text); },
         "What spot costs, of the price on demand: 0 to 1")
      ->check([](const std::string& text) {
        return parse_spot_price(text) ? std::string()
                                      : fmt::format("'{}' is not a number from 0 to 1", text);
      })
      ->default_str("0.333");
  sub->add_option_function<std::string>(
         "--objective",
         [spot](const std::string& text) {
           spot->saving = text == "hours" ? Saving::hours : Saving::cost;
         },
         "What is to be saved: hours on demand, or money")
      ->check(CLI::IsMember({"hours", "cost"}))
      ->default_str("cost");
  sub->add_option("--draw", spot->drawn, "So many starts, of a series")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  sub->add_option("--seed", spot->seed, "Which ones")->capture_default_str();
  sub->callback([shown, spot] {
    const auto figures = bench_spot_deadline(*spot);
    if (!figures) throw CLI::RuntimeError(complain(figures.error()));
    shown->show(*figures);
  });
}

void add_packing(const std::shared_ptr<Shown>& shown, CLI::App* sub) {
  auto packing = std::make_shared<PackingOptions>();
  auto seeds = std::make_shared<std::string>("42-51");
  sub->add_option("--nodes", packing->nodes, "The list of nodes")->required();
  sub->add_option("--tasks", packing->tasks, "The list of tasks")->required();
  sub->add_option("--seeds", *seeds, "So many orders: FIRST-LAST, or one")
      ->check([](const std::string& text) {
        return parse_seeds(text) ? std::string() : "expected seeds such as 42-51, at most 1,000";
      })
      ->capture_default_str();
  auto types = std::make_shared<std::string>("given");
  sub->add_option("--types", *types, "What prices are made of")
      ->check(CLI::IsMember({"given", "learned"}))
      ->capture_default_str();
  auto policy = std::make_shared<std::string>("all");
  sub->add_option("--policy", *policy, "Which is replayed")
      ->check(CLI::IsMember({"learned", "fgd", "best-fit", "all"}))
      ->capture_default_str();
  sub->callback([shown, packing, seeds, types, policy] {
    packing->types = *types == "given" ? PackingTypes::given : PackingTypes::learned;
    packing->policy = *policy == "learned"    ? PackingPolicy::learned
                      : *policy == "fgd"      ? PackingPolicy::fgd
                      : *policy == "best-fit" ? PackingPolicy::best_fit
                                              : PackingPolicy::all;
    std::tie(packing->first_seed, packing->last_seed) = *parse_seeds(*seeds);
    const auto figures = bench_packing(*packing);
    if (!figures) throw CLI::RuntimeError(complain(figures.error()));
    shown->show(*figures);
  });
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* bench = app.add_subcommand(
      "bench", "Measure the scheduler and the books on a fleet that is not there");
  bench->footer(
      "Nothing is started and no control plane is needed. Each says more: "
      "mohona bench placement --help");
  bench->require_subcommand(1);
  auto shown = std::make_shared<Shown>();

  auto placement = std::make_shared<PlacementOptions>();
  auto growth = std::make_shared<bool>(false);
  CLI::App* sub = bench_command(*bench, *shown, "placement",
                                "Decisions a second, and how long each takes", about_placement);
  sub->add_option("--nodes", placement->nodes, "GPU nodes; CPU nodes in proportion")
      ->check(CLI::Range(128, 1'000'000))
      ->capture_default_str();
  sub->add_option("--decisions", placement->decisions, "How many are measured")
      ->check(CLI::Range(1'000, 100'000'000))
      ->capture_default_str();
  sub->add_option("--seed", placement->seed, "Other work of the same mixture")
      ->capture_default_str();
  sub->add_option("--waiting", placement->waiting,
                  "Jobs that wait, about; without it 5,000 for 62,464 nodes, in proportion")
      ->check(CLI::Range(0, 1'000'000));
  sub->add_flag("--growth", *growth, "On four sizes of fleet, and how the time grows with them");
  sub->callback([shown, placement, growth] {
    shown->show(*growth ? bench_growth(*placement) : bench_placement(*placement));
  });

  add_packing(
      shown, bench_command(*bench, *shown, "packing",
                           "How much of the GPUs is in use: prices, FGD, best fit", about_packing));

  add_money(shown, *bench);
  add_spot_deadline(shown,
                    bench_command(*bench, *shown, "spot-deadline",
                                  "Deadlines on machines that come and go", about_spot_deadline));

  auto preemption = std::make_shared<PreemptionOptions>();
  sub = bench_command(*bench, *shown, "preemption", "39,000 victims, and a storm of priorities",
                      about_preemption);
  sub->add_option("--nodes", preemption->nodes, "Of the large pool")
      ->check(CLI::Range(64, 1'000'000))
      ->capture_default_str();
  sub->add_option("--jobs", preemption->storm_jobs, "Of the storm")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  sub->add_option("--seed", preemption->seed, "Other work of the same mixture")
      ->capture_default_str();
  sub->callback([shown, preemption] { shown->show(bench_preemption(*preemption)); });

  auto reservations = std::make_shared<ReservationOptions>();
  sub = bench_command(*bench, *shown, "reservations", "When a gang of half the fleet gets its turn",
                      about_reservations);
  sub->add_option("--nodes", reservations->nodes, "Of the fleet")
      ->check(CLI::Range(256, 1'000'000))
      ->capture_default_str();
  sub->add_option("--rounds", reservations->rounds, "With so many seeds")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  sub->add_option("--seed", reservations->seed, "The first of them")->capture_default_str();
  sub->callback([shown, reservations] { shown->show(bench_reservations(*reservations)); });
}

}  // namespace mohona
