#include "control/file_workers.h"

#include <exception>

namespace mohona {
namespace {

// So many calls may hang before others who want files wait; each holds a thread and no core.
constexpr std::size_t threads_count = 8;
constexpr std::size_t waiting_max = 1'024;

}  // namespace

FileWorkers::FileWorkers() {
  try {
    for (std::size_t i = 0; i < threads_count; ++i) threads_.emplace_back([this] { loop(); });
  } catch (const std::exception&) {  // no room for a thread: those that run must be joined
    end();
    throw;
  }
}

FileWorkers::~FileWorkers() { end(); }

void FileWorkers::end() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool FileWorkers::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stop_ || waiting_.size() >= waiting_max) return false;
  waiting_.push_back(std::move(work));
  wake_.notify_one();
  return true;
}

void FileWorkers::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      work();
    } catch (const std::exception&) {  // whoever waits for its answer gets 500 (net/server.h)
    }
    work = nullptr;
    lock.lock();
  }
}

}  // namespace mohona
