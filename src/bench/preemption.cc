#include "bench/preemption.h"
namespace mohona {
Json bench_preemption(const PreemptionOptions&) { return {}; }
}  // namespace mohona
