#include "heap.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> now_held = 0, most = 0;

void count(void* block) {
  const auto now = now_held += static_cast<std::int64_t>(malloc_usable_size(block));
  for (auto before = most.load(); now > before && !most.compare_exchange_weak(before, now);) {
  }
}

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (!block) throw std::bad_alloc();
  count(block);
  return block;
}
void operator delete(void* block) noexcept {
  if (!block) return;
  now_held -= static_cast<std::int64_t>(malloc_usable_size(block));
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace mohona::heap {

std::int64_t held() { return now_held; }
std::int64_t held_most() { return most; }
void mark() { most = now_held.load(); }

}  // namespace mohona::heap
