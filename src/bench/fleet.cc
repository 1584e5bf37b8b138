#include "bench/fleet.h"

namespace mohona {

Pool gpu_pool(const std::string& name, const std::string& cloud, std::int64_t nodes) {
  Pool pool;
  pool.name = name;
  pool.cloud = cloud;
  pool.region = name;
  pool.shape = {"gpu-8", 128'000, 2'048 * 1'024, "h100", gpus_a_node};
  pool.nodes = nodes;
  pool.price = Price{20'000'000'000};
  pool.topology = {16, 16, 16};
  return pool;
}

std::vector<Pool> mixed_fleet(std::int64_t gpu_nodes) {
  std::vector<Pool> pools = {
      gpu_pool("north", "alpha", gpu_nodes / 2), gpu_pool("south", "alpha", gpu_nodes / 4),
      gpu_pool("east", "beta", gpu_nodes / 8), gpu_pool("west", "beta", gpu_nodes / 8)};
  pools[2].price = pools[3].price = Price{22'000'000'000};
  const std::int64_t cpu_nodes = gpu_nodes * 104'192 / full_fleet_nodes;
  for (const char* name : {"cpu-north", "cpu-east"}) {
    Pool pool;
    pool.name = name;
    pool.cloud = pool.name == "cpu-north" ? "alpha" : "beta";
    pool.region = name;
    pool.shape = {"cpu-96", cores_a_cpu_node * 1'000, 768 * 1'024, "", 0};
    pool.nodes = cpu_nodes / 2;
    pool.price = Price{3'840'000'000};
    pools.push_back(pool);
  }
  return pools;
}

std::string team(std::int64_t i) { return "team-" + std::to_string(i); }

std::vector<Queue> three_levels() {
  std::vector<Queue> queues;
  const auto add = [&](const std::string& name, const std::string& parent, std::int64_t ppm) {
    Queue queue;
    queue.name = name;
    queue.parent = parent;
    queue.guarantee_ppm = ppm;
    queues.push_back(queue);
  };
  for (const char* division : {"research", "products"}) add(division, "", 450'000);
  for (std::int64_t d = 0; d < 8; ++d) {
    add("department-" + std::to_string(d), d < 4 ? "research" : "products", 112'500);
    if (d % 4 != 0) queues.back().borrow_ppm = 60'000;
  }
  for (std::int64_t i = 0; i < teams; ++i) {
    add(team(i), "department-" + std::to_string(i / 5), 22'500);
    Queue& queue = queues.back();
    queue.weight = 1 + i % 3;
    if (!unbounded(i)) queue.borrow_ppm = 7'500;
    if (i % 5 == 4) queue.lend_ppm = 20'000;
  }
  return queues;
}

}  // namespace mohona
