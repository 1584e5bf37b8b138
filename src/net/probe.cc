#include "net/probe.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

namespace mohona {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint32_t header_bytes_max = 64u << 10;

// One probe: resolve, connect, write, read the header, close.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(asio::io_context& io, ProbeClient::Done done)
      : resolver_(io), stream_(io), timer_(io), done_(std::move(done)) {}

  void begin(const Endpoint& to, const HttpRequest& request, std::chrono::milliseconds timeout) {
    message_.version(11);
    message_.method_string(request.method);
    message_.target(request.path);
    message_.set(http::field::host, to.host + ":" + std::to_string(to.port));
    message_.set(http::field::connection, "close");
    if (!request.content_type.empty()) {
      message_.set(http::field::content_type, request.content_type);
    }
    message_.body() = request.body;
    message_.prepare_payload();
    parser_.header_limit(header_bytes_max);
    parser_.body_limit(boost::none);  // it is not read
    // One time for all of it: a server that sends a byte now and then does not prolong it.
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](beast::error_code error) {
      if (!error) self->end(std::nullopt);
    });
    resolver_.async_resolve(to.host, std::to_string(to.port),
                            [self = shared_from_this()](beast::error_code error, auto found) {
                              if (error || self->ended_) return self->end(std::nullopt);
                              self->stream_.async_connect(
                                  found, [self](beast::error_code failed, const auto&) {
                                    if (failed) return self->end(std::nullopt);
                                    self->ask();
                                  });
                            });
  }

 private:
  void ask() {
    http::async_write(stream_, message_,
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        // A server may answer before it has read everything, and close.
                        if (error && error != asio::error::broken_pipe &&
                            error != asio::error::connection_reset) {
                          return self->end(std::nullopt);
                        }
                        self->read();
                      });
  }

  void read() {
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](beast::error_code error, std::size_t) {
                              if (error) return self->end(std::nullopt);
                              self->end(static_cast<int>(self->parser_.get().result_int()));
                            });
  }

  void end(std::optional<int> status) {
    if (std::exchange(ended_, true)) return;
    timer_.cancel();
    resolver_.cancel();
    beast::error_code ignored;
    stream_.socket().close(ignored);
    done_(status);
  }

  asio::ip::tcp::resolver resolver_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  http::request<http::string_body> message_;
  http::response_parser<http::empty_body> parser_;
  beast::flat_buffer buffer_;
  ProbeClient::Done done_;
  bool ended_ = false;
};

class Client : public ProbeClient {
 public:
  Client() : thread_([this] { io_.run(); }) {}
  ~Client() override {
    io_.stop();
    thread_.join();
  }

  void send(const Endpoint& to, const HttpRequest& request, std::chrono::milliseconds timeout,
            Done done) override {
    asio::post(io_, [this, to, request, timeout, done = std::move(done)]() mutable {
      std::make_shared<Probe>(io_, std::move(done))->begin(to, request, timeout);
    });
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ProbeClient> make_probe_client() { return std::make_unique<Client>(); }

}  // namespace mohona
