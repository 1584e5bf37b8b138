// The live loop: requests and reports become inputs, the core decides, the store makes it durable,
// and only then is anything answered or done.
//
// One thread owns the state. Everything else talks to it through `submit` and `read`.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/time.h"
#include "control/effects.h"
#include "control/prober.h"
#include "control/snapshot.h"
#include "core/core.h"
#include "core/market/treasurer.h"
#include "engine/engine.h"
#include "store/store.h"

namespace mohona {

// How often the loop does what nothing tells it to do.
struct Rhythm {
  Duration reconcile_every = std::chrono::seconds(5);  // compares the engines' lists with the state
  std::size_t snapshot_facts = 4'096;                  // what a start replays at most, about
};

struct ControllerParts {
  Store& store;
  std::map<std::string, Engine*> engines;  // by the name that pools use
  const Clock& clock;
  SecretStore& secrets;
  ProbeFunction probe;  // none: somebody else says whether replicas are ready
  std::function<void(const std::string&)> log;  // one line for the operator
  Rhythm rhythm = {};
  std::string name = {};  // by which pools say whose they are
  // Whether it leads still; none: nobody else can. Code::unavailable: not now, perhaps again;
  // Code::superseded: another does.
  std::function<Result<void>()> may_act = {};
  // The last job of which there are files, perhaps one that the store has forgotten, since it was
  // restored: its number is not given again.
  JobId last_job = {};
};

// What an input led to: the facts, durable by now, and a look at the state after them.
struct Accepted {
  const Facts& facts;
  const State& state;
};

class Controller {
 public:
  // Called on the controller's thread, after the commit; `Accepted` lives for the call only.
  using Done = std::function<void(Result<Accepted>)>;
  using Reader = std::function<void(const State&, Timestamp now)>;

  explicit Controller(ControllerParts parts);
  ~Controller();

  // Takes the lead, rebuilds the state from the store and compares it with what the engines run.
  Result<void> start();

  // The same without a thread: whoever opens it gives it its turns, as a simulation does. A turn
  // takes what has come in, decides, commits, answers and acts; it never waits. Exceptions of store
  // and engines pass through, and then the controller is no more than its store.
  Result<void> open();
  void turn();
  // When the next turn is due if nothing comes in before: at once, at some instant.
  Timestamp due();
  const State& state() const { return state_; }  // only for whoever gives the turns

  // Ends the loop. What runs goes on running; the next controller adopts it. A call of an engine
  // that does not return does not hold this up; the destructor waits for it.
  void stop();

  // Fails at once with Code::unavailable when the queue is full.
  void submit(Input input, Done done);
  void read(Reader reader);

  // Why the loop ended by itself (superseded, broken store); nothing while it runs.
  std::optional<Error> failure();
  // Why nothing is accepted for now; for readers, on the controller's thread.
  std::optional<Error> suspended() const { return suspended_; }
  // Why an attempt that was launched has not started; for readers, on the controller's thread.
  std::string waits_for(const AttemptId& id) const { return effects_.waits_for(id); }
  // Blocks until the loop has ended.
  void wait();

 private:
  struct Request {
    Input input;
    Done done;
    Reader reader;             // a request is either
    Result<Facts> facts = {};  // what the input led to, once it was taken
    bool taken = false;
  };

  Result<void> load();
  void enqueue(Request request);
  void refuse(Request request);
  void loop();
  bool has_work() const;
  Timestamp next_due(Timestamp now) const;
  std::deque<Request> next_batch();
  std::deque<Request> take_batch();
  void run_batch(std::deque<Request> batch);
  void decide_batch(Timestamp now);
  void isolate(const std::string& why);
  std::optional<Error> try_without_inputs();
  void refuse_input(Request request, const std::string& why);
  void take_input(const Input& input, Timestamp now);
  void take_request(Request& request, Timestamp now);
  void follow_up_batch(Timestamp now);
  void look_at_engines(Timestamp now);
  void take_reports(Timestamp now);
  void list_shards(Timestamp now);
  bool commit();
  void suspend(const Error& error);
  void try_to_resume();
  void act(const Facts& facts);
  void answer(Request& request, Result<Accepted> accepted);
  void read_now(const Reader& reader);
  Result<void> may_act() const { return parts_.may_act ? parts_.may_act() : Result<void>(); }
  void save_snapshot();
  void take_over(Timestamp now);
  void look_over();
  void answer_all();

  ControllerParts parts_;
  State state_;
  Epoch epoch_;
  Effects effects_;
  std::optional<Prober> prober_;
  Treasurer treasurer_;

  // The batch being worked on.
  Facts facts_;
  std::deque<Request> batch_;
  std::vector<Input> taken_;   // reports that it has taken
  std::set<AttemptId> unfit_;  // attempts whose reports cannot be taken: they made the core fail

  std::set<std::string> changed_rows_;  // since the last snapshot
  std::size_t facts_since_snapshot_ = 0;
  std::deque<Input> reports_;  // of the engines, not taken yet
  bool observe_ = true;        // the engines may have something new
  bool reconcile_ = true;      // and every live attempt is to be compared with them
  bool place_more_ = false;    // the last batch placed as much as one may
  Timestamp observed_at_;
  std::optional<Error> suspended_;  // the store has no room: nothing is accepted or done
  bool reload_ = false;             // and could not be read: the state is not what it holds
  Duration resume_pause_{0};        // after the core has failed: longer each time
  Timestamp resume_at_;

  std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::deque<Request> queue_;
  bool engines_changed_ = false, calls_finished_ = false;
  bool stop_ = false, running_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace mohona
