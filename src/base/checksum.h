// CRC-32 (ISO-HDLC, as in gzip) of a text: finds bytes that a disk or a copy has changed.
#pragma once

#include <cstdint>
#include <string_view>

namespace mohona {

std::uint32_t checksum(std::string_view text);

}  // namespace mohona
