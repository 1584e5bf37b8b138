// What a large array costs: accepted, scheduled and finished over the real controller, with the
// store and the engine in memory.
//
//   build/release/bin/bench_array [--tasks N] [--task-cpus C] [--exit-code X] [--bytes-max B]
//
// Every byte of heap is counted. The bytes of a task are what the peak with all tasks has over the
// peak with few: those that fit at once into a fleet whose nodes the array fills, so that what
// runs, and what every controller holds, is on both sides. `bytes_over_one_task` compares with an
// array of a single task and so includes them.
#include <CLI/CLI.hpp>
#include <future>
#include <nlohmann/json.hpp>

#include "heap.h"
#include "in_memory.h"
#include "store/memory/memory_store.h"

namespace mohona {
namespace {

using Json = nlohmann::ordered_json;
using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Size {
  std::int64_t tasks = 1'000'000, task_cpus = 96;
  std::int64_t nodes = 1'000, node_cpus = 96;
  std::int64_t exit_code = 0;
  std::int64_t at_once() const { return nodes * (node_cpus / task_cpus); }
};

struct Taken {
  std::int64_t bytes = 0;
  double seconds = 0;
  std::uint64_t facts = 0;
  std::int64_t attempts = 0;
};

Fleet fleet_of(const Size& size) {
  Pool pool;
  pool.name = pool.cloud = "here";
  pool.shape.cpus_milli = size.node_cpus * 1'000;
  pool.nodes = size.nodes;
  pool.price = Price{1'234'567'890};
  return Fleet{{pool}, {}, {}, {}};
}

JobSpec array_of(const Size& size) {
  JobSpec spec;
  spec.name = "array";
  spec.kind = Kind::data;
  spec.run = "true";
  spec.resources.choices[0].demand.cpus_milli = size.task_cpus * 1'000;
  spec.shards = Shards{.range = Indices{0, size.tasks - 1}, .array = true};
  return spec;
}

// Ends whatever runs, until the job has ended.
void run_to_end(Controller& controller, MemoryEngine& engine, std::int64_t exit_code) {
  const JobState expected = exit_code == 0 ? JobState::succeeded : JobState::failed;
  for (bool over = false; !over;) {
    const auto running = engine.running();
    for (const AttemptId& id : running) engine.end(id, exit_code);
    if (!running.empty()) continue;
    std::promise<bool> ended;
    controller.read([&](const State& state, Timestamp) {
      const JobState is = state.find(JobId{1})->job.state;
      if (is_terminal(is) && is != expected) throw std::runtime_error("it ended otherwise");
      ended.set_value(is_terminal(is));
    });
    over = ended.get_future().get();
  }
}

Taken run_array(const Size& size) {
  const std::int64_t before = heap::held();
  heap::mark();
  const auto begin = Steady::now();
  MemoryStore store(true);
  InMemory plane(store, fleet_of(size));
  plane.submit({array_of(size)});
  run_to_end(plane.controller(), plane.engine(), size.exit_code);
  Taken taken;
  taken.seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  taken.bytes = heap::held_most() - before;
  plane.controller().read([&](const State& state, Timestamp) {
    taken.attempts = state.find(JobId{1})->job.attempts_made();
  });
  plane.controller().stop();
  taken.facts = store.appended();
  return taken;
}

int main(int argc, char** argv) {
  CLI::App app{"A large array, from its acceptance to its end"};
  Size size;
  std::int64_t bytes_max = 0;
  app.add_option("--tasks", size.tasks, "Tasks of the array")->check(CLI::Range(2, 1'000'000));
  app.add_option("--task-cpus", size.task_cpus, "Cores of a task")->check(CLI::Range(1, 96));
  app.add_option("--exit-code", size.exit_code, "How each task ends");
  app.add_option("--bytes-max", bytes_max, "Fail when a task takes more bytes than this");
  CLI11_PARSE(app, argc, argv);
  Size one = size, few = size;
  one.tasks = 1;
  few.tasks = std::min(16 * size.at_once(), size.tasks / 2);
  const Taken base = run_array(one), small = run_array(few), large = run_array(size);
  const auto a_task =
      static_cast<double>(large.bytes - small.bytes) / static_cast<double>(size.tasks - few.tasks);
  const Json out = {{"tasks", size.tasks},
                    {"at_once", size.at_once()},
                    {"bytes_per_task", a_task},
                    {"bytes_over_one_task", static_cast<double>(large.bytes - base.bytes) /
                                                static_cast<double>(size.tasks)},
                    {"peak_bytes", large.bytes},
                    {"peak_bytes_of_few", small.bytes},
                    {"peak_bytes_of_one", base.bytes},
                    {"seconds", large.seconds},
                    {"facts", large.facts},
                    {"attempts", large.attempts}};
  fmt::print("{}\n", out.dump());
  return bytes_max > 0 && a_task > static_cast<double>(bytes_max) ? 1 : 0;
}

}  // namespace
}  // namespace mohona

int main(int argc, char** argv) { return mohona::main(argc, argv); }
