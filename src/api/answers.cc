#include "api/answers.h"

namespace mohona {
namespace {

int status_of(Code code) {
  switch (code) {
    case Code::invalid:
      return 400;
    case Code::not_found:
      return 404;
    case Code::conflict:
      return 409;
    case Code::unavailable:
    case Code::superseded:
      return 503;
    case Code::internal:
      return 500;
  }
  return 500;
}

std::string_view code_name(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::not_found:
      return "not_found";
    case Code::conflict:
      return "conflict";
    case Code::unavailable:
      return "unavailable";
    case Code::superseded:
      return "superseded";
    case Code::internal:
      return "internal";
  }
  return {};
}

// Compared in a time that does not tell how much was right.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

}  // namespace

std::optional<HttpResponse> refuse_stranger(const HttpRequest& request, bool local,
                                            const std::string& token) {
  if (local || same_secret(request.authorization, "Bearer " + token)) return std::nullopt;
  return answer({{"error",
                  {{"code", "unauthorized"},
                   {"message",
                    "send 'Authorization: Bearer TOKEN'; the token is in the file 'token' of the "
                    "controller's home"}}}},
                401);
}

// Names in a request may be any bytes and come back in what is wrong with them.
HttpResponse answer(const Json& json, int status) {
  return {status, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpResponse error_answer(const Error& error) {
  return answer({{"error", {{"code", code_name(error.code)}, {"message", error.message}}}},
                status_of(error.code));
}

std::string words_of(const nlohmann::json::exception& error) {
  const std::string_view text = error.what();
  const std::size_t end = text.starts_with('[') ? text.find("] ") : text.npos;
  return std::string(end == text.npos ? text : text.substr(end + 2));
}

HttpResponse no_such_page(const HttpRequest& request) {
  return error_answer({Code::not_found, fmt::format("there is no {} {}; GET /v1/openapi.json lists "
                                                    "what there is",
                                                    request.method, request.path)});
}

}  // namespace mohona
