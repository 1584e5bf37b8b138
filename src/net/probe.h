// Asks many HTTP servers at once whether they answer, without waiting for any of them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "net/client.h"

namespace mohona {

class ProbeClient {
 public:
  // The status that came within the time; nothing: no connection, no answer, or none that is HTTP.
  using Done = std::function<void(std::optional<int> status)>;

  // Breaks off the probes that are under way; their `done` is not called.
  virtual ~ProbeClient() = default;

  // Sends `request` to `request.path`, reads the answer's status line and headers, and closes the
  // connection: a body may be endless. Returns at once; `done` is called once, on another thread.
  virtual void send(const Endpoint& to, const HttpRequest& request,
                    std::chrono::milliseconds timeout, Done done) = 0;
};

std::unique_ptr<ProbeClient> make_probe_client();

}  // namespace mohona
