// How the API says things: JSON, errors with their status, what is wrong with a body.
#pragma once

#include <optional>
#include <string>

#include "api/views.h"
#include "base/text.h"
#include "net/server.h"

namespace mohona {

HttpResponse answer(const Json& json, int status = 200);
HttpResponse error_answer(const Error& error);
// The answer to whoever comes neither through the unix socket (`local`) nor with the token.
std::optional<HttpResponse> refuse_stranger(const HttpRequest& request, bool local,
                                            const std::string& token);
HttpResponse no_such_page(const HttpRequest& request);

// What a JSON library complains of, without its own numbers: "key 'text' not found".
std::string words_of(const nlohmann::json::exception& error);

// How deep the values in a body may stand in each other; a job file in JSON needs about eight.
constexpr std::size_t nesting_max = 64;

// Parses a JSON body; anything wrong with it is the caller's to mend.
template <class F>
void with_json(const HttpRequest& request, const Reply& reply, F&& use) {
  if (!nested_within(request.body, nesting_max)) {
    return reply(error_answer(
        {Code::invalid, fmt::format("the body is nested too deeply: at most {} values may stand in "
                                    "each other",
                                    nesting_max)}));
  }
  try {
    use(Json::parse(request.body));
  } catch (const nlohmann::json::exception& e) {
    reply(error_answer({Code::invalid, fmt::format("the body is not the JSON that was expected: {}",
                                                   words_of(e))}));
  }
}

}  // namespace mohona
