// Fragmentation gradient descent, replayed: the published policy that packing by prices is compared
// with. A task goes where the parts of GPUs that typical tasks cannot use grow least. In floating
// point and rounded as it was published: scores are whole percents of a sigmoid, and the first node
// of the file wins among equal ones.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/schedule/scheduler.h"
#include "traces/openb.h"

namespace mohona {

class Fgd {
 public:
  // Typical tasks: the most frequent ones that cover 95 % of the list, whatever memory they take.
  Fgd(const OpenbNodes& nodes, const std::vector<OpenbTask>& tasks);

  struct Choice {
    PoolIndex pool = 0;
    Member member;
  };
  std::optional<Choice> choose(const Scheduler& scheduler, const OpenbTask& task);

 private:
  struct Typical {
    std::int64_t cpus_milli = 0, gpus = 0, gpu_milli = 0;
    std::vector<std::string> models;
    double part = 0;
    friend auto operator<=>(const Typical&, const Typical&) = default;
  };
  struct Free {
    std::int64_t cpus_milli = 0;
    std::vector<std::int64_t> gpus;  // thousandths, by GPU
  };
  struct Scored {
    std::uint64_t as_of = 0;
    std::optional<std::int64_t> score;  // none: it does not fit
    Mask gpus = 0;
  };
  double fragments(PoolIndex pool, const Free& free) const;
  Scored evaluate(const Space& space, PoolIndex pool, NodeIndex node, const Demand& demand) const;

  OpenbNodes nodes_;
  std::vector<std::vector<Typical>> typical_;  // by pool: those that may use its GPUs
  std::vector<double> others_;                 // by pool: the part of those that may not
  std::map<Demand, std::vector<Scored>> scores_;
};

}  // namespace mohona
