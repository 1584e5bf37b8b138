// What a simulation held over time: jobs in line, and what the nodes of each cloud ran.
//
// Bounded: spans of equal length, whose length doubles when there would be too many. A span has the
// means over it, so that nothing short is lost and nothing is counted twice.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/wide.h"
#include "model/fact.h"

namespace mohona {

class Timeline {
 public:
  static constexpr std::size_t spans_max = 800;

  // Counts GPUs, or cores where the fleet has none.
  Timeline(const Fleet& fleet, Timestamp begin);

  // Facts of `now`, and how many jobs wait from here on. Instants never go back.
  void take(const Facts& facts, Timestamp now);
  void wait(std::size_t jobs, Timestamp now);

  bool counts_gpus() const { return gpus_; }
  const std::vector<std::string>& clouds() const { return clouds_; }
  double capacity(std::size_t cloud) const;

  std::size_t spans() const { return spans_.size(); }
  Timestamp begin_of(std::size_t span) const;
  double waiting(std::size_t span) const;
  double used(std::size_t span, std::size_t cloud) const;

 private:
  struct Span {
    Duration covers{0};      // of it
    Wide waiting = 0;        // jobs × microseconds
    std::vector<Wide> used;  // by cloud, thousandths × microseconds
  };
  void advance(Timestamp now);
  void merge_neighbours();
  std::int64_t held(const Attempt& attempt) const;
  std::size_t cloud_of(const std::string& name);

  bool gpus_ = false;
  std::vector<std::string> clouds_;
  std::vector<std::int64_t> capacity_milli_;
  Timestamp begin_, now_;
  Duration length_ = std::chrono::seconds(1);
  std::vector<Span> spans_;

  // As of `now_`.
  std::size_t waiting_ = 0;
  std::vector<std::int64_t> used_milli_;
  std::map<AttemptId, std::pair<std::size_t, std::int64_t>> live_;  // cloud, thousandths
};

}  // namespace mohona
