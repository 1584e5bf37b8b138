// 128 bits, for products of two 64-bit numbers. ISO C++ has no name for it.
#pragma once

namespace mohona {

__extension__ using Wide = __int128;

}  // namespace mohona
