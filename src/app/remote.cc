#include "app/remote.h"

#include "app/terminal.h"
#include "base/text.h"

namespace mohona {
namespace {

constexpr std::chrono::minutes answer_max{2};

Code code_of(int status) {
  if (status == 404) return Code::not_found;
  if (status == 409) return Code::conflict;
  if (status >= 500) return Code::unavailable;
  return Code::invalid;
}

}  // namespace

Remote::Remote(const Home& home)
    : home_(home.path()), client_(make_http_client({home.socket(), "", 0})) {
  if (auto ok = home.check_owner(); !ok) refused_ = ok.error();
}

Result<Json> Remote::get(const std::string& target) {
  auto answer = get_exact(target);
  return answer ? Result<Json>(printable_json(*answer)) : answer;
}

Result<Json> Remote::get_exact(const std::string& target) { return send({}, target); }

Result<Json> Remote::post(const std::string& target, const Json& body,
                          const std::string& idempotency_key) {
  HttpRequest request;
  request.method = "POST";
  try {
    request.body = body.dump();
  } catch (const nlohmann::json::exception&) {
    return fail(Code::invalid, "a word of the command is not UTF-8");
  }
  request.content_type = "application/json";
  request.idempotency_key = idempotency_key;
  return send(request, target);
}

Result<Json> Remote::send(const HttpRequest& request, const std::string& target) {
  if (refused_) return fail(*refused_);
  const auto response = client_->send(request, target, answer_max);
  if (!response && response.error().retry == Retry::outcome_unknown) {
    return fail(
        Code::unavailable,
        fmt::format("the controller in {} went away before it answered; look with: mohona ls",
                    home_),
        Retry::outcome_unknown);
  }
  if (!response) {
    return fail(
        Code::unavailable,
        fmt::format("no controller answers in {}; start one with: mohona up --detach", home_));
  }
  try {
    Json json = Json::parse(response->body);
    if (response->status < 300) return json;
    return fail(code_of(response->status),
                printable_lines(json.at("error").at("message").get<std::string>()));
  } catch (const nlohmann::json::exception&) {
    return fail(Code::unavailable, fmt::format("the controller answered with status {} and no JSON",
                                               response->status));
  }
}

}  // namespace mohona
