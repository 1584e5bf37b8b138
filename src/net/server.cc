#include "net/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <set>
#include <thread>

namespace mohona {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Socket = asio::generic::stream_protocol::socket;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr std::uint64_t body_bytes_max = 64u << 20;
constexpr std::uint32_t header_bytes_max = 64u << 10;
constexpr std::chrono::seconds idle_max{300};
constexpr std::size_t connections_max = 1'024;

class Server;

// One connection: read, hand over, write, again.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Socket socket, bool local, Server& server)
      : stream_(std::move(socket)), local_(local), server_(server) {}
  ~Session();

  void read();

 private:
  void handle();
  void write(HttpResponse response);

  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  bool local_;
  Server& server_;
};

class Server : public HttpServer {
 public:
  explicit Server(Handler handler) : handler_(std::move(handler)) {}
  ~Server() override { stop(); }

  Result<void> listen_unix(const std::string& path) override {
    boost::system::error_code error;
    ::unlink(path.c_str());
    const mode_t before = ::umask(0177);  // the socket is born with mode 0600
    auto acceptor = std::make_shared<asio::local::stream_protocol::acceptor>(io_);
    acceptor->open(asio::local::stream_protocol(), error);
    if (!error) acceptor->bind(asio::local::stream_protocol::endpoint(path), error);
    ::umask(before);
    if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(Code::unavailable, fmt::format("cannot listen on {}: {}", path, error.message()));
    }
    asio::post(io_, [this, acceptor] { accept(acceptor, true); });
    return {};
  }

  Result<int> listen_tcp(const std::string& address, int port) override {
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return fail(Code::invalid, fmt::format("'{}' is not an IP address", address));
    auto acceptor = std::make_shared<asio::ip::tcp::acceptor>(io_);
    const asio::ip::tcp::endpoint endpoint(ip, static_cast<unsigned short>(port));
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(Code::unavailable,
                  fmt::format("cannot listen on {}:{}: {}", address, port, error.message()));
    }
    const int bound = acceptor->local_endpoint().port();
    accept(acceptor, false);
    return bound;
  }

  void start() override {
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop() override {
    if (!thread_.joinable()) return;
    // Behind the answers that are on their way, such as the one to a shutdown. Posted twice: what
    // the running handler posts comes into the queue only when that handler has ended.
    asio::post(io_, [this] { asio::post(io_, [this] { io_.stop(); }); });
    thread_.join();
  }

  asio::io_context& io() { return io_; }
  const Handler& handler() const { return handler_; }
  std::atomic<std::size_t> connections = 0;

 private:
  template <class Acceptor>
  void accept(std::shared_ptr<Acceptor> acceptor, bool local) {
    acceptor->async_accept([this, acceptor, local](boost::system::error_code error, auto socket) {
      if (!error && connections < connections_max) {
        boost::system::error_code ignored;
        if (!local) socket.set_option(NoDelay(true), ignored);
        std::make_shared<Session>(Socket(std::move(socket)), local, *this)->read();
      }
      accept(acceptor, local);
    });
  }

  using NoDelay = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_NODELAY>;

  asio::io_context io_{1};
  Handler handler_;
  std::thread thread_;
};

Session::~Session() {
  if (server_.connections > 0) --server_.connections;
}

void Session::read() {
  if (!parser_) ++server_.connections;
  parser_.emplace();
  parser_->body_limit(body_bytes_max);
  parser_->header_limit(header_bytes_max);
  stream_.expires_after(idle_max);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](beast::error_code error, std::size_t) {
                     if (error == http::error::body_limit) {
                       self->write({413, R"({"error":{"message":"the body is too large"}})"});
                     } else if (!error) {
                       self->handle();
                     }
                   });
}

void Session::handle() {
  auto& message = parser_->get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t question = target.find('?');
  request.path = percent_decode(std::string_view(target).substr(0, question));
  if (question != std::string::npos) {
    request.query = parse_query(std::string_view(target).substr(question + 1));
  }
  request.content_type = std::string(message[http::field::content_type]);
  request.authorization = std::string(message[http::field::authorization]);
  request.idempotency_key = std::string(message["Idempotency-Key"]);
  request.body = std::move(message.body());
  stream_.expires_never();  // the answer may take as long as a commit
  // Whoever answers does so on a thread of its own. The session's last reference moves from there
  // to this thread together with the answer, so that its socket is closed here.
  auto& io = server_.io();
  auto waiting = std::make_shared<std::shared_ptr<Session>>(shared_from_this());
  server_.handler()(std::move(request), local_, [waiting, &io](HttpResponse response) {
    asio::post(io, [self = std::move(*waiting), response = std::move(response)]() mutable {
      if (self) self->write(std::move(response));
    });
  });
}

void Session::write(HttpResponse response) {
  response_ = {};
  response_.version(11);
  response_.result(static_cast<unsigned>(response.status));
  response_.set(http::field::content_type, response.content_type);
  response_.keep_alive(parser_->is_header_done() && parser_->get().keep_alive() &&
                       response.status != 413);
  response_.body() = std::move(response.body);
  response_.prepare_payload();
  stream_.expires_after(idle_max);
  http::async_write(stream_, response_,
                    [self = shared_from_this()](beast::error_code error, std::size_t) {
                      if (!error && self->response_.keep_alive()) self->read();
                    });
}

}  // namespace

std::unique_ptr<HttpServer> make_http_server(Handler handler) {
  return std::make_unique<Server>(std::move(handler));
}

}  // namespace mohona
