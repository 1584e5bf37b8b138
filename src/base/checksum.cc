#include "base/checksum.h"

#include <zlib.h>

namespace mohona {

std::uint32_t checksum(std::string_view text) {
  const auto* bytes = reinterpret_cast<const Bytef*>(text.data());
  return static_cast<std::uint32_t>(crc32_z(0, bytes, text.size()));
}

}  // namespace mohona
