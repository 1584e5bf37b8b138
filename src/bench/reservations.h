// Whether a very large gang gets its turn while smaller work keeps coming.
#pragma once

#include "bench/figures.h"

namespace mohona {

struct ReservationOptions {
  std::int64_t nodes = 8'192;
  std::uint64_t seed = 1;
  std::int64_t rounds = 5;  // with seeds from `seed` on
};
Json bench_reservations(const ReservationOptions& options);

}  // namespace mohona
