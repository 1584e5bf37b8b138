// An HTTP client that keeps its connection; one request at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace mohona {

// Where a server listens: a unix socket, or a host and port.
struct Endpoint {
  std::string unix_path;
  std::string host;
  int port = 0;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // `target`: path and query as they go over the wire. Errors: Code::unavailable when nobody
  // listens (the request was not sent); with Retry::outcome_unknown when it may have been.
  virtual Result<HttpResponse> send(const HttpRequest& request, const std::string& target,
                                    std::chrono::milliseconds timeout) = 0;
};

std::unique_ptr<HttpClient> make_http_client(Endpoint endpoint);

}  // namespace mohona
