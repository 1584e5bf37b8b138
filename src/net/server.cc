#include "net/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>
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
// Of all bodies that are being read and have not been handed over.
constexpr std::uint64_t bodies_bytes_max = 512u << 20;
constexpr std::chrono::seconds idle_max{300};
// How long to wait after accept() failed, as it does without free file descriptors: the connection
// stays in the kernel's queue, and trying again at once would spin.
constexpr std::chrono::milliseconds accept_pause{100};

HttpResponse refusal(int status, std::string_view message) {
  return {status, fmt::format(R"({{"error":{{"code":"{}","message":"{}"}}}})"
                              "\n",
                              status == 503 ? "unavailable" : "invalid", message)};
}

class Server;

enum class Kind { local, known, stranger, closing };
constexpr std::size_t kinds = 4;
// Of a request that is refused, this much is read and thrown away, so that its sender gets to see
// the answer: a connection that is closed with unread bytes is reset.
constexpr std::size_t drained_bytes_max = 1u << 20;

// One connection: read the headers, ask the gate, read the body, hand over, write, again.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Socket socket, Kind kind, Server& server);
  ~Session();

  void read();
  void refuse(const HttpResponse& response);
  // Ends the connection without a word.
  void drop();

  std::list<Session*>::iterator place;       // among those of its kind, the oldest first
  std::list<Session*>::iterator idle_place;  // among those that wait for a request
  bool idle = false;

 private:
  void set_idle(bool now);
  void become(Kind kind);
  void drain(std::size_t bytes);
  void at_headers(beast::error_code error);
  void read_body();
  void handle();
  void write(HttpResponse response);
  HttpRequest head() const;
  bool broken(beast::error_code error);

  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;
  http::response<http::string_body> response_;
  Kind kind_;
  std::uint64_t reserved_ = 0;  // bytes for the body that is being read
  Server& server_;
  friend class Server;
};

class Server : public HttpServer {
 public:
  Server(Handler handler, Gate gate, ServerLimits limits)
      : handler_(std::move(handler)), gate_(std::move(gate)), limits_(limits) {}
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
    asio::post(io_, [this, acceptor] { accept(acceptor, Kind::local); });
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
    accept(acceptor, Kind::stranger);
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
  const Gate& gate() const { return gate_; }
  std::chrono::seconds stranger_time() const { return limits_.stranger_time; }

  // --- who is connected; all of it on the server's thread
  std::list<Session*>& of(Kind kind) { return sessions_[static_cast<std::size_t>(kind)]; }
  std::list<Session*>& idle_of(Kind kind) { return idle_[static_cast<std::size_t>(kind)]; }
  bool make_room(Kind kind);
  bool reserve_body(std::uint64_t bytes) {
    if (bodies_ + bytes > bodies_bytes_max) return false;
    bodies_ += bytes;
    return true;
  }
  void free_body(std::uint64_t bytes) { bodies_ -= bytes; }

 private:
  template <class Acceptor>
  void accept(std::shared_ptr<Acceptor> acceptor, Kind kind) {
    acceptor->async_accept([this, acceptor, kind](boost::system::error_code error, auto socket) {
      if (error) return accept_later(acceptor, kind);
      boost::system::error_code ignored;
      if (kind == Kind::stranger) socket.set_option(NoDelay(true), ignored);
      const bool room = make_room(kind);
      auto session = std::make_shared<Session>(Socket(std::move(socket)), kind, *this);
      if (room) {
        session->read();
      } else {
        session->refuse(refusal(503, "too many connections; try again"));
      }
      accept(acceptor, kind);
    });
  }

  template <class Acceptor>
  void accept_later(std::shared_ptr<Acceptor> acceptor, Kind kind) {
    auto timer = std::make_shared<asio::steady_timer>(io_, accept_pause);
    timer->async_wait([this, timer, acceptor, kind](boost::system::error_code error) {
      if (!error) accept(acceptor, kind);
    });
  }

  using NoDelay = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_NODELAY>;

  // Before io_, whose end is the end of the last sessions.
  std::array<std::list<Session*>, kinds> sessions_, idle_;
  std::uint64_t bodies_ = 0;
  asio::io_context io_{1};
  Handler handler_;
  Gate gate_;
  ServerLimits limits_;
  std::thread thread_;
};

// Whether one more of the kind may come. Strangers make room for strangers, the oldest first;
// others only when they wait for nothing but their next request.
bool Server::make_room(Kind kind) {
  const std::size_t most = kind == Kind::local   ? limits_.local
                           : kind == Kind::known ? limits_.known
                                                 : limits_.strangers;
  if (of(kind).size() < most) return true;
  auto& candidates = kind == Kind::stranger ? of(kind) : idle_of(kind);
  if (candidates.empty()) return false;
  candidates.front()->drop();
  return true;
}

Session::Session(Socket socket, Kind kind, Server& server)
    : stream_(std::move(socket)), kind_(kind), server_(server) {
  place = server_.of(kind_).insert(server_.of(kind_).end(), this);
  if (kind_ == Kind::stranger) stream_.expires_after(server_.stranger_time());
}

Session::~Session() {
  set_idle(false);
  server_.of(kind_).erase(place);
  server_.free_body(reserved_);
}

void Session::set_idle(bool now) {
  if (now == idle) return;
  idle = now;
  auto& list = server_.idle_of(kind_);
  if (now) {
    idle_place = list.insert(list.end(), this);
  } else {
    list.erase(idle_place);
  }
}

void Session::become(Kind kind) {
  set_idle(false);
  server_.of(kind).splice(server_.of(kind).end(), server_.of(kind_), place);
  kind_ = kind;
}

void Session::drop() {
  become(Kind::closing);
  stream_.close();
}

void Session::read() {
  parser_.emplace();
  parser_->body_limit(body_bytes_max);
  parser_->header_limit(header_bytes_max);
  if (kind_ != Kind::stranger) stream_.expires_after(idle_max);
  set_idle(kind_ != Kind::stranger);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](beast::error_code error, std::size_t) {
                            self->set_idle(false);
                            self->at_headers(error);
                          });
}

// Answers what is wrong with the bytes that came; true if there is anything wrong at all.
bool Session::broken(beast::error_code error) {
  if (!error) return false;
  if (error == http::error::end_of_stream || error == http::error::partial_message) return true;
  if (error == http::error::body_limit) {
    refuse(refusal(413, "the body is too large"));
  } else if (error == http::error::header_limit) {
    refuse(refusal(431, "the headers are too large"));
  } else if (error.category() == http::make_error_code(http::error::bad_target).category()) {
    refuse(refusal(400, "this is not HTTP/1.1: " + error.message()));
  }
  return true;  // the connection is gone, or took too long
}

void Session::at_headers(beast::error_code error) {
  if (broken(error)) return;
  request_ = head();
  if (server_.gate()) {
    if (const auto refused = server_.gate()(request_, kind_ == Kind::local)) {
      return refuse(*refused);
    }
  }
  if (kind_ == Kind::stranger) {
    if (!server_.make_room(Kind::known)) {
      return refuse(refusal(503, "too many connections; try again"));
    }
    become(Kind::known);
    stream_.expires_after(idle_max);
  }
  // Mostly all of it has come together.
  parser_->eager(true);
  while (!parser_->is_done() && buffer_.size() > 0 && !error) {
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error == http::error::need_more) break;
  }
  if (error != http::error::need_more && broken(error)) return;
  if (parser_->is_done()) return handle();
  const auto length = parser_->content_length();
  if (length && *length > body_bytes_max) return refuse(refusal(413, "the body is too large"));
  const std::uint64_t bytes = length.value_or(body_bytes_max);
  if (!server_.reserve_body(bytes)) {
    return refuse(refusal(503, "too many requests are being read; try again"));
  }
  reserved_ = bytes;
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(go_on),
                    [self = shared_from_this()](beast::error_code failed, std::size_t) {
                      if (!failed) self->read_body();
                    });
}

void Session::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](beast::error_code error, std::size_t) {
                     if (!self->broken(error)) self->handle();
                   });
}

HttpRequest Session::head() const {
  const auto& message = parser_->get();
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
  return request;
}

void Session::handle() {
  HttpRequest request = std::move(request_);
  request.body = std::move(parser_->get().body());
  server_.free_body(std::exchange(reserved_, 0));
  stream_.expires_never();  // the answer may take as long as a commit
  // Whoever answers does so on a thread of its own. The session's last reference moves from there
  // to this thread together with the answer, so that its socket is closed here.
  struct Pending {
    Pending(asio::io_context& at, std::shared_ptr<Session> of) : io(at), session(std::move(of)) {}
    Pending(const Pending&) = delete;
    asio::io_context& io;
    std::shared_ptr<Session> session;
    void answer(HttpResponse response) {
      if (!session) return;
      asio::post(io, [self = std::move(session), response = std::move(response)]() mutable {
        self->write(std::move(response));
      });
    }
    ~Pending() { answer({500, R"({"error":{"code":"internal","message":"no answer"}})"}); }
  };
  auto pending = std::make_shared<Pending>(server_.io(), shared_from_this());
  try {
    server_.handler()(std::move(request), kind_ == Kind::local,
                      [pending](HttpResponse response) { pending->answer(std::move(response)); });
  } catch (const std::exception& e) {
    pending->answer({500, R"({"error":{"code":"internal","message":"the request made the )"
                          R"(controller fail; please report it"}})"});
  }
}

// Answers without having read everything that was sent, and ends the connection.
void Session::refuse(const HttpResponse& response) {
  if (!parser_) parser_.emplace();
  set_idle(false);
  response_ = {};
  response_.version(11);
  response_.result(static_cast<unsigned>(response.status));
  response_.set(http::field::content_type, response.content_type);
  response_.keep_alive(false);
  response_.body() = response.body;
  response_.prepare_payload();
  stream_.expires_after(server_.stranger_time());
  http::async_write(stream_, response_,
                    [self = shared_from_this()](beast::error_code, std::size_t) {
                      beast::error_code ignored;
                      self->stream_.socket().shutdown(Socket::shutdown_send, ignored);
                      self->drain(0);
                    });
}

void Session::drain(std::size_t bytes) {
  buffer_.clear();
  if (bytes > drained_bytes_max) return;
  stream_.async_read_some(
      buffer_.prepare(header_bytes_max),
      [self = shared_from_this(), bytes](beast::error_code error, std::size_t n) {
        if (!error) self->drain(bytes + n);
      });
}

void Session::write(HttpResponse response) {
  response_ = {};
  response_.version(11);
  response_.result(static_cast<unsigned>(response.status));
  response_.set(http::field::content_type, response.content_type);
  response_.keep_alive(parser_->get().keep_alive());
  response_.body() = std::move(response.body);
  response_.prepare_payload();
  stream_.expires_after(idle_max);
  http::async_write(stream_, response_,
                    [self = shared_from_this()](beast::error_code error, std::size_t) {
                      if (!error && self->response_.keep_alive()) self->read();
                    });
}

}  // namespace

std::unique_ptr<HttpServer> make_http_server(Handler handler, Gate gate, ServerLimits limits) {
  return std::make_unique<Server>(std::move(handler), std::move(gate), limits);
}

}  // namespace mohona
