#include "net/client.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace mohona {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr std::uint64_t answer_bytes_max = 256u << 20;

class Client : public HttpClient {
 public:
  explicit Client(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

  Result<HttpResponse> send(const HttpRequest& request, const std::string& target,
                            std::chrono::milliseconds timeout) override {
    // A kept connection may have been closed meanwhile: then once more on a fresh one, where that
    // is known to be harmless.
    const bool kept = stream_ != nullptr;
    bool sent = false;
    auto response = try_send(request, target, timeout, sent);
    if (!response && kept && !sent) response = try_send(request, target, timeout, sent);
    return response;
  }

 private:
  std::string where() const {
    return endpoint_.unix_path.empty() ? fmt::format("{}:{}", endpoint_.host, endpoint_.port)
                                       : endpoint_.unix_path;
  }

  Failure broken(const beast::error_code& error, bool sent) {
    stream_.reset();
    const std::string text = error == beast::error::timeout ? "no answer in time" : error.message();
    return fail(Code::unavailable, fmt::format("{}: {}", where(), text),
                sent ? Retry::outcome_unknown : Retry::safe);
  }

  // Runs one asynchronous operation to its end.
  template <class Start>
  beast::error_code wait(Start start) {
    beast::error_code result = asio::error::operation_aborted;
    start([&](beast::error_code error, std::size_t = 0) { result = error; });
    io_.restart();
    io_.run();
    return result;
  }

  beast::error_code connect(std::chrono::milliseconds timeout) {
    stream_ = std::make_unique<Stream>(io_);
    stream_->expires_after(timeout);
    asio::generic::stream_protocol::endpoint target;
    if (!endpoint_.unix_path.empty()) {
      if (endpoint_.unix_path.size() > 100) return asio::error::name_too_long;
      target = asio::local::stream_protocol::endpoint(endpoint_.unix_path);
    } else {
      beast::error_code error;
      asio::ip::tcp::resolver resolver(io_);
      const auto found = resolver.resolve(endpoint_.host, std::to_string(endpoint_.port), error);
      if (error) return error;
      target = found.begin()->endpoint();
    }
    return wait([&](auto done) { stream_->async_connect(target, done); });
  }

  Result<HttpResponse> try_send(const HttpRequest& request, const std::string& target,
                                std::chrono::milliseconds timeout, bool& sent) {
    if (!stream_) {
      if (const auto error = connect(timeout)) return broken(error, false);
    }
    http::request<http::string_body> message;
    message.version(11);
    message.method_string(request.method);
    message.target(target);
    message.set(http::field::host, endpoint_.unix_path.empty() ? where() : "mohona");
    if (!request.content_type.empty()) {
      message.set(http::field::content_type, request.content_type);
    }
    if (!request.authorization.empty()) {
      message.set(http::field::authorization, request.authorization);
    }
    if (!request.idempotency_key.empty()) message.set("Idempotency-Key", request.idempotency_key);
    for (const auto& [key, value] : request.headers) message.set(key, value);
    message.body() = request.body;
    message.prepare_payload();
    stream_->expires_after(timeout);
    if (const auto e = wait([&](auto done) { http::async_write(*stream_, message, done); })) {
      return broken(e, false);
    }
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_bytes_max);
    if (const auto e = wait([&](auto done) { http::async_read(*stream_, buffer, parser, done); })) {
      // The end of a kept connection before any byte of an answer: the server never read it.
      sent = !(e == http::error::end_of_stream && buffer.size() == 0 && request.method == "GET");
      return broken(e, sent);
    }
    HttpResponse response{static_cast<int>(parser.get().result_int()), parser.get().body(),
                          std::string(parser.get()[http::field::content_type])};
    if (!parser.get().keep_alive()) stream_.reset();
    return response;
  }

  Endpoint endpoint_;
  asio::io_context io_{1};
  std::unique_ptr<Stream> stream_;
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(Endpoint endpoint) {
  return std::make_unique<Client>(std::move(endpoint));
}

}  // namespace mohona
