// Powers of two in tenths of an octave, without floating point.
#pragma once

#include <array>
#include <cstdint>

namespace mohona {

// 1024 × 2^(i/10), for i from 0 to 10.
constexpr std::array<std::uint64_t, 11> octave_tenths = {1024, 1097, 1176, 1261, 1351, 1448,
                                                         1552, 1663, 1783, 1911, 2048};

}  // namespace mohona
