#include "control/pricer.h"

#include <fmt/format.h>

#include <map>

namespace mohona {
namespace {

// The accelerators that will do: those of the choices that ask for the same otherwise.
PackingWork work_of(const JobSpec& spec) {
  const auto plain = [](Demand demand) {
    demand.gpu.clear();
    return demand;
  };
  const Demand first = plain(spec.resources.choices.front().demand);
  PackingWork out{first.cpus_milli, first.memory_mib, first.gpus, first.gpu_milli, {}, 0};
  for (const Choice& choice : spec.resources.choices) {
    if (plain(choice.demand) != first) continue;
    if (choice.demand.gpu.empty()) {
      out.models.clear();
      break;
    }
    out.models.push_back(choice.demand.gpu);
  }
  std::sort(out.models.begin(), out.models.end());
  out.models.erase(std::unique(out.models.begin(), out.models.end()), out.models.end());
  return out;
}

}  // namespace

PackingProblem packing_problem(const State& state) {
  PackingProblem out;
  for (const auto& [name, record] : state.pools()) out.pools.push_back(record.pool);
  std::map<PackingWork, std::int64_t> counts;
  std::size_t looked = 0;
  for (auto it = state.jobs().rbegin(); it != state.jobs().rend() && looked < priced_jobs_max;
       ++it, ++looked) {
    const Job& job = it->second.job;
    counts[work_of(*job.spec)] += static_cast<std::int64_t>(job.tasks.size()) * job.spec->num_nodes;
  }
  for (const auto& [work, count] : counts) {
    out.work.push_back(work);
    out.work.back().count = count;
  }
  return out;
}

Pricer::Pricer(Controller& controller, PriceFunction price,
               std::function<void(const std::string&)> log, PricerRhythm rhythm)
    : controller_(controller),
      price_(std::move(price)),
      log_(std::move(log)),
      rhythm_(rhythm),
      thread_([this] { loop(); }) {}

Pricer::~Pricer() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->wake.notify_all();
  thread_.join();
}

// On the controller's thread: cheap unless prices are due.
void Pricer::look(Shared& shared, const PricerRhythm& rhythm, const State& state, Timestamp now) {
  const std::lock_guard lock(shared.mutex);
  shared.looking = false;
  shared.wake.notify_all();
  if (state.scheduling().packing != Packing::learned || state.jobs().empty()) return;
  const std::uint64_t jobs = state.jobs().rbegin()->first.value;
  if (jobs < rhythm.first_jobs) return;
  std::vector<Pool> pools;
  for (const auto& [name, record] : state.pools()) pools.push_back(record.pool);
  const bool grown = jobs >= 2 * shared.jobs;
  const bool aged = jobs > shared.jobs && now - shared.at >= rhythm.anew_after;
  if (!grown && !aged && pools == shared.pools) return;
  shared.jobs = jobs;
  shared.at = now;
  shared.pools = std::move(pools);
  shared.problem = packing_problem(state);
}

void Pricer::loop() {
  std::unique_lock lock(shared_->mutex);
  while (!shared_->stop) {
    if (!std::exchange(shared_->looking, true)) {
      lock.unlock();
      controller_.read([shared = shared_, rhythm = rhythm_](const State& state, Timestamp now) {
        look(*shared, rhythm, state, now);
      });
      lock.lock();
    }
    shared_->wake.wait_for(lock, rhythm_.look_every,
                           [&] { return shared_->stop || shared_->problem.has_value(); });
    if (shared_->stop || !shared_->problem) continue;
    const PackingProblem problem = std::move(*shared_->problem);
    shared_->problem.reset();
    lock.unlock();
    price(problem);
    lock.lock();
    shared_->wake.wait_for(lock, rhythm_.look_every, [&] { return shared_->stop; });
  }
}

void Pricer::price(const PackingProblem& problem) {
  auto prices = price_(problem);
  if (prices) {
    controller_.submit(PricePacking{std::move(*prices)}, nullptr);
  } else if (prices.error().code != Code::unavailable) {  // work for GPUs has yet to come
    log_(fmt::format("packing goes on by the prices of before: {}", prices.error().message));
  }
}

}  // namespace mohona
