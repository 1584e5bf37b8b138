// Calls that may block, throw or never return, each made on the thread of what it calls: an engine,
// the store of secrets, the file system. What follows from a call runs on the controller's thread.
//
//   outbox.post("slurm", [engine, id] { (void)engine->forget(id); return Outbox::Done(); }, turn);
//   ...
//   for (const Outbox::Then& then : outbox.finished()) then({state, now, inputs});
#pragma once

#include <concepts>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// A moment on the controller's thread: what it knows, and where new inputs go.
struct Turn {
  const State& state;
  Timestamp now;
  std::vector<Input>& inputs;
};

class Outbox {
 public:
  // What a call led to, told to the controller. Empty: nothing follows.
  using Then = std::function<void(const Turn& turn)>;
  struct Done {
    Done() = default;
    template <std::invocable<const Turn&> F>
    Done(F what, bool soon = true) : then(std::move(what)), urgent(soon) {}
    Then then;
    bool urgent = true;  // false: it is soon enough when the controller looks for another reason
  };
  using Call = std::function<Done()>;

  Outbox() = default;
  // Drops the calls that have not begun and waits for those that have.
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // From now on every callee has a thread, and `wake` is called from any of them when something has
  // finished. Without this, `post` makes the call itself: in simulations nothing happens by itself.
  void use_threads(std::function<void()> wake);
  bool has_threads() const { return static_cast<bool>(wake_); }

  // Queues the call behind earlier ones to the same callee. False: too many are waiting, and the
  // call is dropped; a later look at the engine repeats what is still wanted. Without threads the
  // call has been made and `then` run when this returns.
  bool post(const std::string& callee, Call call, const Turn& turn);

  // What has finished since the last call of this, in the order in which it did.
  std::vector<Then> finished();

  // Drops the calls that have not begun. Returns the callees that are still busy with one.
  std::vector<std::string> close();

 private:
  struct Worker {
    std::deque<Call> calls;
    std::condition_variable wake;
    bool busy = false;
    std::thread thread;
  };

  Worker& worker_of(const std::string& callee);
  void loop(Worker& worker);

  std::mutex mutex_;
  std::function<void()> wake_;
  std::map<std::string, std::unique_ptr<Worker>> workers_;
  std::vector<Then> finished_;
  bool closed_ = false;
  bool woken_ = false;  // and the controller has not looked since
};

}  // namespace mohona
