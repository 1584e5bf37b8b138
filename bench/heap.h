// Every byte of heap that the program holds: linking heap.cc replaces `new` and `delete`.
#pragma once

#include <cstdint>

namespace mohona::heap {

// Bytes, as the allocator rounds them.
std::int64_t held();       // now
std::int64_t held_most();  // at most, since the last mark
void mark();

}  // namespace mohona::heap
