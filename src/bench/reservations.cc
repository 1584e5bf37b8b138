#include "bench/reservations.h"
namespace mohona {
Json bench_reservations(const ReservationOptions&) { return {}; }
}  // namespace mohona
