// The API as the command line uses it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "app/home.h"
#include "net/client.h"

namespace mohona {

using Json = nlohmann::ordered_json;

class Remote {
 public:
  explicit Remote(const Home& home);

  // Errors carry the server's own words; Code::unavailable when no controller answers.
  // What is got is for a person's eyes: no text in it steers a terminal (printable_json). Of
  // `get_exact`, every text is as the server sent it.
  Result<Json> get(const std::string& target);
  Result<Json> get_exact(const std::string& target);
  Result<Json> post(const std::string& target, const Json& body = Json::object(),
                    const std::string& idempotency_key = "");

 private:
  Result<Json> send(const HttpRequest& request, const std::string& target);

  std::string home_;
  std::optional<Error> refused_;  // the home is somebody else's
  std::unique_ptr<HttpClient> client_;
};

}  // namespace mohona
