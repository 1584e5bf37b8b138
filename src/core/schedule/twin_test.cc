// The scheduler against its naive twin, on random small cases.
#include <gtest/gtest.h>

#include "base/seeds.h"
#include "core/schedule/naive_scheduler.h"
#include "core/schedule/random_work.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

// Both schedulers, given the same events, told the same decisions.
class Pair {
 public:
  explicit Pair(std::uint64_t seed) : dice_(seed) {
    SchedulingPolicy policy;
    policy.ageing = any_of<Duration>(dice_, {Duration{0}, 10s});
    policy.reservations_max = dice_.between(0, 3);
    policy.patience = 10s;
    policy.preempt = static_cast<Preempt>(dice_.below(3));
    policy.min_run = any_of<Duration>(dice_, {Duration{0}, 5s});
    if (dice_.one_in(2)) policy.packing = Packing::learned;
    ageing_ = policy.ageing;
    if (dice_.one_in(16)) size_ = Size::halls;
    for (int i = 0; i < 1 + dice_.below(2); ++i) pools_.push_back(any_pool(dice_, i, size_));
    const auto queues = any_queues(dice_);
    naive_.emplace(pools_, queues, policy);
    for (const Pool& pool : pools_) real_.define_pool(pool);
    real_.define_queues(queues, policy);
    if (dice_.one_in(4)) charge();
    if (dice_.one_in(2)) return;
    for (const char* queue : {"a", "b", "a1", "a2"}) money_[queue] = dice_.below(300);
    const auto purse = [this](const Needs& needs, const Pool& pool, Fraction part,
                              std::int64_t nodes) {
      return cost(needs, pool, part, nodes) <= money_[needs.queue];
    };
    real_.set_purse(purse);
    naive_->set_purse(purse);
  }

  void run(int events) {
    for (int i = 0; i < events && !::testing::Test::HasFailure(); ++i) {
      if (dice_.one_in(2)) now_ += std::chrono::seconds(dice_.below(6));
      if (const auto wake = real_.wake_at(); wake && dice_.one_in(2)) now_ = std::max(now_, *wake);
      for (std::int64_t n = dice_.one_in(3) ? dice_.between(2, 4) : 1; n > 0; --n) event();
      decide();
      check();
    }
  }

  const std::string& story() const { return story_; }

 private:
  static std::size_t number_of(const Pool& pool) {
    return static_cast<std::size_t>(pool.name.back() - '0');
  }

  // What a node costs, and changes.
  void charge() {
    costs_.emplace(pools_.size(), 1);
    const auto cost = [this](const Needs&, const Pool& pool, std::int64_t nodes, Fraction part) {
      const std::size_t i = number_of(pool);
      return Wide{costs_->at(i)} * 1'000'000'000 * nodes * part.held / part.whole;
    };
    real_.set_cost(cost);
    naive_->set_cost(cost);
  }

  template <class Map>
  typename Map::iterator any_in(Map& map) {
    auto it = map.begin();
    std::advance(it, dice_.below(std::ssize(map)));
    return it;
  }

  // At random, the more often the more it has in the list.
  void event() {
    using Kind = void (Pair::*)();
    static constexpr std::pair<int, Kind> kinds[] = {
        {18, &Pair::submit}, {16, &Pair::end},       {3, &Pair::cancel},    {4, &Pair::change_node},
        {2, &Pair::load},    {2, &Pair::reserve},    {1, &Pair::unreserve}, {2, &Pair::foresee},
        {1, &Pair::resize},  {1, &Pair::come_or_go}, {1, &Pair::reclaim},   {2, &Pair::price},
        {1, &Pair::pay},     {1, &Pair::cost_more}};
    std::int64_t total = 0;
    for (const auto& [often, kind] : kinds) total += often;
    std::int64_t at = dice_.below(total);
    for (const auto& [often, kind] : kinds) {
      if ((at -= often) < 0) return (this->*kind)();
    }
  }

  void submit() {
    // Often as others: they are one class.
    if (asked_.empty() || !dice_.one_in(3)) asked_.push_back(any_needs(dice_, size_));
    const Needs needs = any_of(dice_, dice_.one_in(2) ? std::vector{asked_.back()} : asked_);
    const JobId id{++last_};
    const Rank rank = rank_of(needs.priority, now_, id, ageing_);
    tell(
        "submits job {}: queue {} prio {} nodes {}-{} gpus {} milli {} cpus {} within {} seg {} "
        "limit {}",
        id.value, needs.queue, needs.priority, needs.min_nodes, needs.max_nodes,
        needs.choices[0].demand.gpus, needs.choices[0].demand.gpu_milli,
        needs.choices[0].demand.cpus_milli, static_cast<int>(needs.nearness.within),
        needs.nearness.segment,
        needs.limit == Duration::max() ? -1 : needs.limit.count() / 1'000'000);
    waiting_[id] = real_.wait(id, needs, rank);
    naive_->submit(needs, rank);
  }

  void end() {
    if (live_.empty()) return submit();
    const auto it = any_in(live_);
    tell("ends job {}", it->first.value);
    real_.end(it->second);
    naive_->end(it->first);
    live_.erase(it);
  }

  void cancel() {
    if (waiting_.empty()) return submit();
    const auto it = any_in(waiting_);
    tell("cancels job {}", it->first.value);
    real_.leave(it->second);
    naive_->cancel(it->first);
    waiting_.erase(it);
  }

  // What runs says more of how long it will.
  void foresee() {
    if (live_.empty()) return;
    const auto it = any_in(live_);
    const Timestamp end = real_.running(it->second).end;
    const Timestamp expected = std::min(end, now_ + std::chrono::seconds(dice_.between(1, 60)));
    tell("job {} is expected to end at {}", it->first.value, at(expected));
    real_.set_end(it->second, end, expected);
    naive_->set_end(it->first, end, expected);
  }

  PoolIndex any_pool_of_ours() {
    PoolIndex pool = 0;
    do {
      pool = static_cast<PoolIndex>(dice_.below(std::ssize(pools_)));
    } while (gone_.contains(pool));
    return pool;
  }

  void change_node() {
    const PoolIndex pool = any_pool_of_ours();
    const std::int64_t first = dice_.below(pools_[pool].nodes);
    const std::int64_t last = std::min(pools_[pool].nodes - 1, first + dice_.below(3));
    const auto state = static_cast<NodeState>(any_of<int>(dice_, {0, 0, 1, 2, 3}));
    tell("nodes {}-{} of p{} are {}", first, last, pool, static_cast<int>(state));
    real_.set_nodes(pools_[pool].name, {{first, last}}, state);
    naive_->set_nodes(pool, {{first, last}}, state);
  }

  // Others take or leave something of a node that is free.
  void load() {
    const PoolIndex pool = any_pool_of_ours();
    const auto node = static_cast<NodeIndex>(dice_.below(pools_[pool].nodes));
    ForeignLoad load;
    if (!foreign_.contains({pool, node}) || dice_.one_in(2)) {
      load.cpus_milli = dice_.below(5) * 1'000;
      load.memory_mib = dice_.below(3) * 512;
      const Mask free = real_.space(pool).node(node).gpus_free;
      if (free != 0 && !foreign_.contains({pool, node}) && dice_.one_in(2)) {
        load.devices.push_back(std::countr_zero(free));
      }
    }
    tell("others hold {} cores, {} GPUs of node {} of p{}", load.cpus_milli, load.devices.size(),
         node, pool);
    foreign_[{pool, node}] = load;
    if (load == ForeignLoad{}) foreign_.erase({pool, node});
    real_.set_foreign(pools_[pool].name, node, load);
    naive_->set_foreign(pool, node, load);
  }

  void reserve() {
    const PoolIndex pool = any_pool_of_ours();
    AdvanceReservation r;
    r.name = any_of<std::string>(dice_, {"w0", "w1"});
    if (reserved_.contains(r.name)) return;
    r.pool = pools_[pool].name;
    const std::int64_t first = dice_.below(pools_[pool].nodes);
    r.where = {{first, dice_.between(first, pools_[pool].nodes - 1)}};
    r.from = now_ + std::chrono::seconds(dice_.below(30));
    r.to = r.from + 60s;
    r.maintenance = dice_.one_in(2);
    tell("window {} on p{} {}-{} from {}", r.name, pool, r.where[0].first, r.where[0].last,
         at(r.from));
    reserved_[r.name] = pool;
    real_.reserve(r);
    naive_->reserve(r, pool);
  }

  void unreserve() {
    if (reserved_.empty()) return;
    const std::string name = reserved_.begin()->first;
    tell("window {} is over", name);
    reserved_.erase(name);
    real_.unreserve(name);
    naive_->unreserve(name);
  }

  // The fleet file says something else of a pool.
  void resize() {
    const PoolIndex i = any_pool_of_ours();
    Pool& pool = pools_[i];
    pool.nodes = std::max<std::int64_t>(1, pool.nodes + dice_.between(-pool.nodes / 2, 4));
    if (dice_.one_in(2)) pool.features = any_pool(dice_, 0, size_).features;
    if (dice_.one_in(2)) pool.price = any_pool(dice_, 0).price;
    tell("p{} has {} nodes, {} features, ${}", i, pool.nodes, pool.features.size(),
         pool.price.nanos / 1'000'000'000);
    real_.define_pool(pool);
    naive_->define_pool(i, pool);
  }

  // A pool on which nothing runs leaves the fleet, or one of that name comes back, as another.
  void come_or_go() {
    if (!away_.empty()) {
      Pool pool = any_pool(dice_, 0, size_);
      pool.name = away_;
      away_.clear();
      tell("{} is there again, as p{}", pool.name, pools_.size());
      pools_.push_back(pool);
      real_.define_pool(pool);
      naive_->add_pool(pool);
      return;
    }
    const PoolIndex pool = any_pool_of_ours();
    const bool busy = std::any_of(live_.begin(), live_.end(), [&](const auto& live) {
      return real_.running(live.second).pool == pool;
    });
    if (busy || pools_.size() == gone_.size() + 1) return;
    away_ = pools_[pool].name;
    tell("p{} has gone", pool);
    gone_.insert(pool);
    std::erase_if(reserved_, [&](const auto& r) { return r.second == pool; });
    real_.remove_pool(away_);
    naive_->remove_pool(pool);
  }

  void reclaim() {
    const PoolIndex pool = any_pool_of_ours();
    const bool gone = dice_.one_in(2);
    tell("p{} is {}", pool, gone ? "reclaimed" : "there");
    real_.set_reclaimed(pools_[pool].name, gone);
    naive_->set_reclaimed(pool, gone);
  }

  void price() {
    const PackingPrices prices = any_prices(dice_, pools_);
    tell("prices of {} types for {} pools", prices.types.size(), prices.classes.size());
    real_.set_prices(prices);
    naive_->set_prices(prices);
  }

  void pay() {
    const auto queue = any_of<std::string>(dice_, {"a", "b", "a1", "a2"});
    const std::int64_t more = dice_.below(200);
    tell("{} more dollars for {}", more, queue);
    money_[queue] += more;
    real_.money_came();
  }

  // Another pool may be the cheapest now.
  void cost_more() {
    if (!costs_) return;
    costs_->at(number_of(pools_[any_pool_of_ours()])) = dice_.below(4);
    tell("a node costs {} or {}", costs_->front(), costs_->back());
    real_.costs_changed();
  }

  // Dollars, of price a second.
  static std::int64_t cost(const Needs& needs, const Pool& pool, Fraction part,
                           std::int64_t nodes) {
    const Duration time = std::min<Duration>(needs.limit, 60s);
    return pool.price.nanos / 1'000'000'000 * nodes * part.held * (time / 1s) / part.whole;
  }

  static std::int64_t at(Timestamp t) { return t.time_since_epoch().count() / 1'000'000; }

  template <class... A>
  void tell(fmt::format_string<A...> text, A&&... args) {
    story_ += fmt::format("at {} ", at(now_)) + fmt::format(text, std::forward<A>(args)...) + "\n";
  }

  std::string describe(const std::optional<Decision>& decision, bool real) {
    if (!decision) return "nothing";
    if (const auto* start = std::get_if<Start>(&*decision)) {
      std::string text =
          fmt::format("start {} in p{} choice {}:", start->job.value, start->pool, start->choice);
      for (const Segment& s : start->grant.whole) text += fmt::format(" {}/{:x}", s.leaf, s.nodes);
      for (const Member& m : start->grant.members) text += fmt::format(" {}+{:x}", m.node, m.gpus);
      return text;
    }
    if (const auto* keep = std::get_if<Keep>(&*decision)) {
      std::string text = fmt::format(
          "keep for {} in p{} from {} probably {} promised {} preempting {}:", keep->job.value,
          keep->pool, at(keep->start), at(keep->expected), keep->promised, keep->preempting);
      for (const Segment& s : keep->nodes) text += fmt::format(" {}/{:x}", s.leaf, s.nodes);
      for (const OccupantId who : keep->victims) {
        text += fmt::format(" stops {}",
                            real ? real_.running(who).id.job.value : naive_->job_of(who).value);
      }
      return text;
    }
    return fmt::format("drop for {}", std::get<Drop>(*decision).job.value);
  }

  // What keeps each waiting job from each of its targets.
  std::string obstacles() {
    std::string text;
    for (const auto& [job, waiting] : waiting_) {
      for (const Target& target : real_.targets(waiting)) {
        const Obstacle o = real_.obstacle(waiting, target, now_);
        text +=
            fmt::format("job {} in p{}: obstacle {} queue {} lacks {} has room for {}\n", job.value,
                        target.pool, static_cast<int>(o.kind), o.queue, o.lacks, o.have);
      }
    }
    return text;
  }

  void decide() {
    real_.begin(now_);
    naive_->begin(now_);
    for (int i = 0; i < 1'000; ++i) {
      const auto decision = real_.next();
      const auto expected = naive_->next();
      const std::string a = describe(decision, true), b = describe(expected, false);
      ASSERT_EQ(a, b) << obstacles();
      if (!decision) return;
      tell("  {}", a);
      std::visit([&](const auto& d) { apply(d); }, *decision);
    }
    FAIL() << "no end of decisions";
  }

  void apply(const Start& start) {
    Waiting waiting = waiting_.at(start.job);
    const Needs needs = real_.needs(waiting);
    const Pool& pool = pools_[start.pool];
    money_[needs.queue] -= cost(
        needs, pool, part_of(pool.shape, needs.choices[start.choice].demand), start.grant.nodes());
    EXPECT_GE(start.grant.nodes(), needs.min_nodes);
    EXPECT_LE(start.grant.nodes(), needs.max_nodes);
    Running run = real_.run_of(waiting, start);
    if (!run.certain()) run.expected = now_ + 20s;
    run.endless = !run.certain() && start.job.value % 3 == 0;
    run.preemptible = start.job.value % 5 != 0;
    run.leaves_within = std::chrono::seconds(start.job.value % 4);
    real_.leave(waiting);
    waiting_.erase(start.job);
    naive_->apply(start, run);
    live_[start.job] = real_.start(std::move(run));
  }

  void apply(const Keep& keep) {
    std::vector<JobId> victims;
    for (const OccupantId who : keep.victims) {
      const Running& run = real_.running(who);
      EXPECT_FALSE(run.stopping);
      victims.push_back(run.id.job);
    }
    for (const OccupantId who : keep.victims) real_.set_stopping(who, keep.job, now_ + 2s);
    waiting_[keep.job] = real_.keep(waiting_.at(keep.job), keep);
    naive_->apply(keep, victims, now_ + 2s);
  }

  void apply(const Drop& drop) {
    waiting_[drop.job] = real_.release(waiting_.at(drop.job));
    naive_->apply(drop);
  }

  // No GPU twice, no core too many, a gang whole.
  void check() {
    for (PoolIndex p = 0; p < pools_.size(); ++p) {
      const Space& space = real_.space(p);
      std::vector<std::int64_t> cpus(space.nodes(), 0), memory(space.nodes(), 0);
      std::map<std::pair<NodeIndex, std::uint32_t>, std::int64_t> gpus;
      for (const auto& [job, who] : live_) {
        const Running& run = real_.running(who);
        if (run.pool != p) continue;
        const auto hold = [&](NodeIndex i, Mask mask) {
          cpus[i] += run.demand.cpus_milli;
          memory[i] += run.demand.memory_mib;
          for_bits(mask, [&](std::uint32_t gpu) {
            gpus[{i, gpu}] += run.demand.gpu_milli > 0 ? run.demand.gpu_milli : 1'000;
          });
        };
        for (const Segment& s : run.grant.whole) {
          for_bits(s.nodes, [&](std::uint32_t place) {
            hold(space.index(s.leaf, place), lowest(~Mask{0}, space.pool().shape.gpus));
          });
        }
        for (const Member& m : run.grant.members) hold(m.node, m.gpus);
      }
      for (NodeIndex i = 0; i < space.nodes(); ++i) {
        const Shape& shape = space.pool().shape;
        ASSERT_LE(cpus[i], shape.cpus_milli) << "node " << i;
        ASSERT_LE(memory[i], shape.memory_mib) << "node " << i;
        const auto found = foreign_.find({p, i});
        const ForeignLoad others = found == foreign_.end() ? ForeignLoad{} : found->second;
        ASSERT_EQ(space.node(i).cpus_free, shape.cpus_milli - cpus[i] - others.cpus_milli);
        ASSERT_EQ(space.node(i).memory_free, shape.memory_mib - memory[i] - others.memory_mib);
        for (const std::int64_t gpu : others.devices) {
          gpus[{i, static_cast<std::uint32_t>(gpu)}] += 1'000;
        }
      }
      for (const auto& [gpu, milli] : gpus) {
        ASSERT_LE(milli, 1'000) << "GPU " << gpu.second << " of node " << gpu.first;
        ASSERT_LT(gpu.second, space.pool().shape.gpus);
      }
    }
  }

  Dice dice_;
  std::vector<Pool> pools_;
  Scheduler real_;
  std::optional<NaiveScheduler> naive_;
  std::map<JobId, Waiting> waiting_;
  std::map<JobId, OccupantId> live_;
  std::map<std::string, std::int64_t> money_;
  std::map<std::pair<PoolIndex, NodeIndex>, ForeignLoad> foreign_;
  std::optional<std::vector<std::int64_t>> costs_;  // dollars an hour, by pool
  std::vector<Needs> asked_;
  std::map<std::string, PoolIndex> reserved_;
  std::set<PoolIndex> gone_;
  std::string away_;  // the name of the one that may come back
  Size size_ = Size::racks;
  Duration ageing_{0};
  Timestamp now_ = Timestamp{} + std::chrono::hours(1'000);
  std::uint64_t last_ = 0;
  std::string story_;
};

TEST(Scheduler, DecidesWhatTheNaiveOneDecides) {
  const auto [first, cases] = asked_seeds(2'000);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    Pair pair(seed);
    pair.run(seed % 8 == 0 ? 160 : 40);
    if (HasFailure()) {
      FAIL() << "MOHONA_SEED=" << seed << " shows it again:\n" << pair.story();
    }
  }
}

}  // namespace
}  // namespace mohona
