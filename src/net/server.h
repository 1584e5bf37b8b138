// An HTTP server on unix sockets and loopback TCP, on one thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace mohona {

// Answers one request, now or later, from any thread, exactly once.
using Reply = std::function<void(HttpResponse)>;

// Called on the server's thread; `local` says that the request came through the unix socket.
using Handler = std::function<void(HttpRequest request, bool local, Reply reply)>;

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

std::unique_ptr<HttpServer> make_http_server(Handler handler);

}  // namespace mohona
