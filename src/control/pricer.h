// Prices packing anew when more work has arrived, on a thread of its own: it looks at the state now
// and then, computes prices by a function that is given to it, and submits them as an input.
//
// It works only while the policy says `packing: learned`. What it submits is decided and made
// durable like everything else, so that a restart packs as before.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "control/controller.h"

namespace mohona {

using PriceFunction = std::function<Result<PackingPrices>(const PackingProblem&)>;

struct PricerRhythm {
  Duration look_every = std::chrono::seconds(10);
  std::uint64_t first_jobs =
      20;  // fewer say nothing; then whenever there are twice as many as before,
  Duration anew_after =
      std::chrono::hours(1);  // or after so long, if any have come; or other pools
};

// The fleet, and what the newest jobs ask for: each node of each task counts.
constexpr std::size_t priced_jobs_max = 10'000;
PackingProblem packing_problem(const State& state);

class Pricer {
 public:
  // `log` takes one line for the operator; it is called on the pricer's thread. The controller
  // outlives the pricer.
  Pricer(Controller& controller, PriceFunction price, std::function<void(const std::string&)> log,
         PricerRhythm rhythm = {});
  ~Pricer();

 private:
  // What the controller's thread hands over, which may come when nobody waits any more.
  struct Shared {
    std::mutex mutex;
    std::condition_variable wake;
    std::optional<PackingProblem> problem;
    bool looking = false, stop = false;
    // Of the prices made last.
    std::uint64_t jobs = 0;
    Timestamp at;
    std::vector<Pool> pools;
  };
  static void look(Shared& shared, const PricerRhythm& rhythm, const State& state, Timestamp now);
  void loop();
  void price(const PackingProblem& problem);

  Controller& controller_;
  PriceFunction price_;
  std::function<void(const std::string&)> log_;
  PricerRhythm rhythm_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::thread thread_;
};

}  // namespace mohona
