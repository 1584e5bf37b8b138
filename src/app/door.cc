#include "app/door.h"

#include <mutex>

#include "api/answers.h"

namespace mohona {

void Door::open(Api* api) {
  const std::unique_lock lock(mutex_);
  api_ = api;
  leader_.reset();
}

void Door::stand_by(const Lease& lease) {
  const std::unique_lock lock(mutex_);
  leader_ = lease;
}

void Door::handle(HttpRequest request, Reply reply) {
  const std::shared_lock lock(mutex_);
  if (api_) return api_->handle(std::move(request), std::move(reply));
  const bool stop = request.method == "POST" && request.path == "/v1/shutdown";
  reply(stop ? answer({{"stopping", true}}) : answer_for(request));
  if (stop) shutdown_();
}

HttpResponse Door::answer_for(const HttpRequest& request) const {
  if (!leader_) {
    return error_answer({Code::unavailable, "the controller is starting; try again", Retry::safe});
  }
  const std::string at = leader_->address.empty() ? "" : " at " + leader_->address;
  if (request.method == "GET" && request.path == "/v1/status") {
    return answer({{"role", "standby"},
                   {"leader", leader_->leader},
                   {"leader_address", leader_->address},
                   {"accepting", false},
                   {"why_not", fmt::format("{}{} leads", leader_->leader, at)}});
  }
  return error_answer({Code::unavailable,
                       fmt::format("this controller stands by: {}{} leads", leader_->leader, at),
                       Retry::safe});
}

}  // namespace mohona
