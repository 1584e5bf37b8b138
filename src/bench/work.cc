#include "bench/work.h"

#include <algorithm>

namespace mohona {
namespace {

using Weighted = Dice::Weighted;
using std::chrono::minutes;

// Minutes. People ask for round numbers; work on CPUs stays longer here, so that its many jobs do
// not drown the others.
constexpr Weighted gpu_limits[] = {{12, 10},  {16, 30},  {20, 60}, {14, 120},
                                   {14, 240}, {10, 480}, {8, 720}, {6, 1'440}};
constexpr Weighted cpu_limits[] = {{10, 120}, {20, 240}, {20, 480}, {25, 720}, {25, 1'440}};
// Thousandths of a node's GPUs that a job of one node holds: 250 is a quarter of one GPU.
constexpr Weighted gpu_parts[] = {{4, 250},    {4, 500},    {38, 1'000},
                                  {14, 2'000}, {12, 4'000}, {28, 8'000}};
constexpr Weighted gangs[] = {{30, 2}, {24, 4}, {18, 8}, {12, 16},
                              {6, 32}, {4, 64}, {3, 3},  {3, 12}};
constexpr Weighted cores[] = {{8, 1},  {8, 2},   {14, 4},  {16, 8}, {16, 16},
                              {4, 24}, {14, 32}, {10, 48}, {3, 64}, {7, 96}};
constexpr Weighted memory_a_core[] = {{2, 2}, {5, 4}, {3, 8}};  // GiB
constexpr Weighted priorities[] = {{3, 0}, {4, 1}, {2, 2}, {1, 3}};

// A tenth to all of the limit, in seconds.
Duration actual(Dice& dice, Duration limit) {
  const auto tenths = dice.between(10, 98);
  return std::chrono::floor<std::chrono::seconds>(limit * tenths / 100);
}

}  // namespace

std::int64_t WorkSource::a_team(bool for_greedy) {
  std::int64_t i = dice_.below(teams);
  while (greedy(i) != for_greedy) i = (i + 1) % teams;
  return i;
}

std::int64_t WorkSource::gang_size() {
  std::int64_t n = dice_.pick(gangs);
  if (dice_.one_in(60)) n = std::int64_t{128} << dice_.below(4);
  if (dice_.one_in(12'000)) n = 4'096;
  if (dice_.one_in(40'000)) n = 10'000;
  return std::min(n, largest_ / 3);
}

// Some gangs ask for nearness.
void WorkSource::place(Needs& needs) {
  const std::int64_t n = needs.max_nodes;
  if (n <= 16 && dice_.one_in(6)) {
    needs.nearness.within = Level::leaf;
  } else if (n <= 128 && dice_.one_in(8)) {
    needs.nearness.within = Level::block;
  } else if (n % 4 == 0 && n <= 1'024 && dice_.one_in(10)) {
    needs.nearness.segment = 4;
  }
  if (n <= 64 && dice_.one_in(10)) needs.nearness.prefer = Level::block;
}

Work WorkSource::gpu(bool for_greedy, bool small) {
  Work work;
  Needs& needs = work.needs;
  std::int64_t owner = a_team(for_greedy);
  needs.priority = dice_.pick(priorities);
  Choice choice;
  std::int64_t part = dice_.pick(gpu_parts);
  if (!small && dice_.below(100) < 10) {
    part = 8'000;
    needs.min_nodes = needs.max_nodes = gang_size();
    place(needs);
    if (needs.max_nodes >= 512) owner = dice_.one_in(2) ? 0 : 20;  // who may borrow so much
  }
  needs.queue = team(owner);
  choice.demand.gpu = "h100";
  if (part < 1'000) {
    choice.demand.gpu_milli = part;
    choice.demand.cpus_milli = 4'000;
    choice.demand.memory_mib = 32 * 1'024;
  } else {
    choice.demand.gpus = part / 1'000;
    choice.demand.cpus_milli = choice.demand.gpus * (dice_.one_in(4) ? 16'000 : 12'000);
    choice.demand.memory_mib = choice.demand.gpus * 200 * 1'024;
  }
  if (dice_.one_in(5) && needs.max_nodes < 512) choice.cloud = dice_.one_in(3) ? "beta" : "alpha";
  needs.choices = {choice};
  const Duration limit = minutes(dice_.pick(gpu_limits));
  needs.limit = round_limit(limit);
  work.runs = actual(dice_, limit);
  return work;
}

Work WorkSource::cpu(bool for_greedy) {
  Work work;
  Needs& needs = work.needs;
  needs.queue = team(a_team(for_greedy));
  needs.priority = dice_.pick(priorities);
  Choice choice;
  const std::int64_t n = dice_.pick(cores);
  choice.demand.cpus_milli = n * 1'000;
  choice.demand.memory_mib = n * dice_.pick(memory_a_core) * 1'024;
  if (dice_.one_in(2)) choice.instance_type = "cpu-96";  // the others may also go beside GPU work
  needs.choices = {choice};
  const Duration limit = minutes(dice_.pick(cpu_limits));
  needs.limit = round_limit(limit);
  work.runs = actual(dice_, limit);
  return work;
}

}  // namespace mohona
