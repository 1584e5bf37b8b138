// What runs, as the scheduler sees it.
#pragma once

#include <vector>

#include "base/ids.h"
#include "core/schedule/needs.h"

namespace mohona {

struct Running {
  AttemptId id;
  PoolIndex pool = 0;
  QueueIndex queue = 0;
  std::int64_t priority = 0;
  Demand demand;
  Grant grant;
  Worth worth = 0;                   // of all of it
  Timestamp started;                 // when it was placed
  Timestamp end = Timestamp::max();  // it has left by then; max: it has no limit
  Timestamp expected;                // when it will probably leave
  Timestamp checkpoint;              // what it did before is safe
  Duration leaves_within{0};         // after it is told to stop
  bool endless = false;              // a replica: it leaves when it is told to
  bool preemptible = true;
  bool movable = false;  // it goes on from its checkpoint, wherever that is
  bool stopping = false;
  std::int64_t key = 0;  // its prospects' when they were looked at last; 0: never
  JobId for_job;         // it is stopped for that job
  bool live = false;     // the slot is in use

  // By when its nodes are free: known, or guessed, or never.
  bool certain() const { return end != Timestamp::max(); }
};

}  // namespace mohona
