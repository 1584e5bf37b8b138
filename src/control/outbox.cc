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
    if (const Done done = call(); done.then) done.then(turn);
    return true;
  }
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  Worker& worker = worker_of(callee);
  if (worker.calls.size() >= calls_max) return false;
  worker.calls.push_back(std::move(call));
  worker.wake.notify_one();
  return true;
}

Outbox::Worker& Outbox::worker_of(const std::string& callee) {
  auto& worker = workers_[callee];
  if (!worker) {
    worker = std::make_unique<Worker>();
    worker->thread = std::thread([this, w = worker.get()] { loop(*w); });
  }
  return *worker;
}

std::vector<Outbox::Then> Outbox::finished() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
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
    Done done = call();
    lock.lock();
    worker.busy = false;
    if (!done.then || closed_) continue;
    finished_.push_back(std::move(done.then));
    if (!done.urgent || std::exchange(woken_, true)) continue;
    lock.unlock();
    wake_();
    lock.lock();
  }
}

}  // namespace mohona
