#include "control/outbox.h"

namespace mohona {
namespace {

// As many as the controller takes requests. An engine that hangs is behind by no more than this;
// what is dropped is repeated when it answers again.
constexpr std::size_t calls_max = 65'536;

}  // namespace

Outbox::~Outbox() {
  close();
  for (auto& [callee, worker] : workers_) worker->thread.join();
}

void Outbox::use_threads(std::function<void()> wake) { wake_ = std::move(wake); }

bool Outbox::post(const std::string& callee, Call call, const Turn& turn) {
  if (!has_threads()) {
    if (const Then then = call()) then(turn);
    return true;
  }
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  auto& worker = workers_[callee];
  if (!worker) {
    worker = std::make_unique<Worker>();
    worker->thread = std::thread([this, w = worker.get()] { loop(*w); });
  }
  if (worker->calls.size() >= calls_max) return false;
  worker->calls.push_back(std::move(call));
  worker->wake.notify_one();
  return true;
}

std::vector<Outbox::Then> Outbox::finished() {
  const std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

std::vector<std::string> Outbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  std::vector<std::string> busy;
  for (auto& [callee, worker] : workers_) {
    worker->calls.clear();
    worker->wake.notify_one();
    if (worker->busy) busy.push_back(callee);
  }
  return busy;
}

void Outbox::loop(Worker& worker) {
  std::unique_lock lock(mutex_);
  while (true) {
    worker.wake.wait(lock, [&] { return closed_ || !worker.calls.empty(); });
    if (closed_) return;
    const Call call = std::move(worker.calls.front());
    worker.calls.pop_front();
    worker.busy = true;
    lock.unlock();
    Then then = call();
    lock.lock();
    worker.busy = false;
    if (!then || closed_) continue;
    const bool first = finished_.empty();
    finished_.push_back(std::move(then));
    if (!first) continue;  // the controller has been woken and has not looked yet
    lock.unlock();
    wake_();
    lock.lock();
  }
}

}  // namespace mohona
