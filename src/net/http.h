// HTTP/1.1 requests and responses as plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mohona {

using Query = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string path;  // without the query, percent-decoded
  Query query;
  std::string body;
  std::string content_type;
  std::string authorization;
  std::string idempotency_key;
  Query headers;  // others to send; of a request that comes in they are not kept
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

// The first value of the key, or "".
std::string find_in(const Query& query, std::string_view key);

// "a=1&b=x%20y" and back.
Query parse_query(std::string_view text);
std::string percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

}  // namespace mohona
