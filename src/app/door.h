// The door of the API: a controller that leads answers there; a standby says who does.
#pragma once

#include <shared_mutex>
#include <string>

#include "api/api.h"
#include "store/lease.h"

namespace mohona {

class Door {
 public:
  explicit Door(std::function<void()> shutdown) : shutdown_(std::move(shutdown)) {}

  // From now on requests go to this API; nullptr: to none. Returns when none is with the old one.
  void open(Api* api);

  // Another controller leads; this one waits.
  void stand_by(const Lease& lease);

  // Answers one request; from any thread.
  void handle(HttpRequest request, Reply reply);

 private:
  HttpResponse answer_for(const HttpRequest& request) const;

  std::function<void()> shutdown_;
  std::shared_mutex mutex_;
  Api* api_ = nullptr;
  std::optional<Lease> leader_;
};

}  // namespace mohona
