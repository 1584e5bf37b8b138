// What a job that waits takes: accepted in batches by the real controller, with the engine in
// memory and a store that keeps nothing, on a fleet that has nothing for it.
//
//   build/release/bin/bench_waiting [--jobs N] [--bytes-max B]
//
// Every byte of heap is counted: `bytes_per_job` is what the controller holds with all of them over
// what it holds with a tenth of them, so that what every controller holds is on both sides.
#include <CLI/CLI.hpp>
#include <future>
#include <nlohmann/json.hpp>

#include "heap.h"
#include "in_memory.h"
#include "store/store.h"

namespace mohona {
namespace {

constexpr std::int64_t batch = 1'000;

// What is on a disk takes no memory.
class Disk : public Store {
 public:
  using Store::lead;
  Result<Epoch> lead(Epoch at_least) override { return at_least; }
  Result<void> append(const Facts&, Epoch) override { return {}; }
  Result<void> save(const std::vector<Row>&, const std::vector<std::string>&, Epoch) override {
    return {};
  }
  Result<void> load(const std::function<Result<void>(const Row&)>&,
                    const std::function<Result<void>(const Fact&)>&) override {
    return {};
  }
  Result<void> replay(const std::function<Result<void>(const Fact&)>&) override { return {}; }
};

// Each has a name and a command of its own, as the jobs of a sweep do.
std::vector<JobSpec> some_jobs(std::int64_t first) {
  std::vector<JobSpec> jobs;
  for (std::int64_t i = first; i < first + batch; ++i) {
    JobSpec& spec = jobs.emplace_back();
    spec.name = fmt::format("batch-{}", i);
    spec.run = fmt::format("python3 work.py --part {}", i);
    spec.resources.choices[0].use_spot = true;
  }
  return jobs;
}

Fleet fleet_without_spot() {
  Pool pool;
  pool.name = pool.cloud = "here";
  pool.shape.cpus_milli = 96'000;
  pool.nodes = 1;
  return Fleet{{pool}, {}, {}, {}};
}

// With all that was asked for before it done.
std::int64_t held_at_rest(Controller& controller) {
  std::promise<void> rest;
  controller.read([&](const State&, Timestamp) { rest.set_value(); });
  rest.get_future().get();
  return heap::held();
}

int main(int argc, char** argv) {
  CLI::App app{"What a job that waits takes"};
  std::int64_t jobs = 100'000, bytes_max = 0;
  app.add_option("--jobs", jobs, "Jobs that wait; a multiple of 1,000")
      ->check(CLI::Range(10'000, 1'000'000));
  app.add_option("--bytes-max", bytes_max, "Fail when one takes more bytes than this");
  CLI11_PARSE(app, argc, argv);
  Disk store;
  InMemory plane(store, fleet_without_spot());
  std::int64_t made = 0;
  for (; made < jobs / 10; made += batch) plane.submit(some_jobs(made));
  const std::int64_t few = made, with_few = held_at_rest(plane.controller());
  for (; made < jobs; made += batch) plane.submit(some_jobs(made));
  const std::int64_t with_all = held_at_rest(plane.controller());
  plane.controller().stop();
  const auto a_job = static_cast<double>(with_all - with_few) / static_cast<double>(made - few);
  const nlohmann::ordered_json out = {
      {"jobs", made}, {"bytes_per_job", a_job}, {"bytes_of_all", with_all}};
  fmt::print("{}\n", out.dump());
  return bytes_max > 0 && a_job > static_cast<double>(bytes_max) ? 1 : 0;
}

}  // namespace
}  // namespace mohona

int main(int argc, char** argv) { return mohona::main(argc, argv); }
