// An HTTP server on unix sockets and loopback TCP, on one thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace mohona {

// Answers one request, now or later, from any thread, exactly once. Dropped without a call, and for
// a handler that throws, the answer is 500.
using Reply = std::function<void(HttpResponse)>;

// Called on the server's thread; `local` says that the request came through the unix socket.
using Handler = std::function<void(HttpRequest request, bool local, Reply reply)>;

// Called on the server's thread when the headers of a request have come and before its body is
// read; `head.body` is empty. A response refuses the request and ends the connection.
using Gate = std::function<std::optional<HttpResponse>(const HttpRequest& head, bool local)>;

// How many connections are held at once. Each kind has places of its own, so that strangers on TCP
// cannot shut out the owner on the unix socket.
struct ServerLimits {
  std::size_t local = 1'024;               // through the unix socket
  std::size_t known = 512;                 // TCP connections that have passed the gate
  std::size_t strangers = 64;              // TCP connections that have not; the oldest makes room
  std::chrono::seconds stranger_time{10};  // from its connect until it must have passed the gate
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;

  // A socket of this path, for its owner alone. A stale one of a dead server is replaced. May be
  // called again while the server runs.
  virtual Result<void> listen_unix(const std::string& path) = 0;

  // Port 0 takes a free one. Returns the port.
  virtual Result<int> listen_tcp(const std::string& address, int port) = 0;

  virtual void start() = 0;
  // No handler runs any more when this returns; replies that come later are dropped.
  virtual void stop() = 0;
};

// Without a gate every request passes.
std::unique_ptr<HttpServer> make_http_server(Handler handler, Gate gate = nullptr,
                                             ServerLimits limits = {});

}  // namespace mohona
