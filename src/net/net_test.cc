#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/file.h"
#include "net/client.h"
#include "net/probe.h"
#include "net/server.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

TEST(Http, QueriesAreDecoded) {
  const Query query = parse_query("a=1&b=x%20y+z&c");
  EXPECT_EQ(find_in(query, "b"), "x y z");
  EXPECT_EQ(find_in(query, "c"), "");
  EXPECT_EQ(percent_decode("%41%4"), "A%4");
  EXPECT_EQ(percent_decode(percent_encode("a/ü b&c")), "a/ü b&c");
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "mohona-net-" + std::to_string(getpid()) + ".sock";
    server_ = make_http_server([](HttpRequest request, bool local, Reply reply) {
      if (request.path == "/later") {
        std::thread([reply] {
          std::this_thread::sleep_for(20ms);
          reply({202, "later"});
        }).detach();
        return;
      }
      reply({200, request.method + " " + request.path + " " + find_in(request.query, "q") + " " +
                      request.body + (local ? " local" : " tcp")});
    });
    ASSERT_TRUE(server_->listen_unix(path_));
    port_ = *server_->listen_tcp("127.0.0.1", 0);
    server_->start();
  }
  void TearDown() override {
    server_->stop();
    ::unlink(path_.c_str());
  }

  std::string path_;
  int port_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerTest, AnswersOnBothSocketsAndKeepsTheConnection) {
  HttpRequest post;
  post.method = "POST";
  post.body = "body";
  const auto by_unix = make_http_client({path_, "", 0});
  const auto by_tcp = make_http_client({"", "127.0.0.1", port_});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(by_unix->send(post, "/a%20b?q=1", 5s)->body, "POST /a b 1 body local");
    EXPECT_EQ(by_tcp->send(post, "/x", 5s)->body, "POST /x  body tcp");
  }
  EXPECT_EQ(by_tcp->send({}, "/later", 5s)->status, 202);
}

TEST_F(ServerTest, TheSocketIsItsOwnersAlone) {
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ServerTest, ATooLargeBodyIsRefused) {
  HttpRequest post;
  post.method = "POST";
  post.body.assign((64u << 20) + 1, 'x');
  const auto client = make_http_client({path_, "", 0});
  const auto answer = client->send(post, "/", 30s);
  // The server stops reading; whether its answer is seen before the broken pipe is the kernel's.
  if (answer) {
    EXPECT_EQ(answer->status, 413);
  }
  EXPECT_EQ(make_http_client({path_, "", 0})->send({}, "/next", 5s)->status, 200);
}

TEST(Client, SaysWhetherTheRequestMayHaveArrived) {
  const auto nobody = make_http_client({"/nonexistent/api.sock", "", 0})->send({}, "/", 1s);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::unavailable);
  EXPECT_EQ(nobody.error().retry, Retry::safe);
  std::vector<Reply> unanswered;
  auto silent = make_http_server(
      [&](HttpRequest, bool, Reply reply) { unanswered.push_back(std::move(reply)); });
  const int port = *silent->listen_tcp("127.0.0.1", 0);
  silent->start();
  HttpRequest post;
  post.method = "POST";
  const auto unknown = make_http_client({"", "127.0.0.1", port})->send(post, "/", 100ms);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().retry, Retry::outcome_unknown);
  silent->stop();
}

// --- strangers, and what they send
// -----------------------------------------------------------------------------

// A connection of somebody who speaks as he likes.
class Raw {
 public:
  explicit Raw(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Raw() { ::close(fd_); }
  Raw(const Raw&) = delete;

  bool send(std::string_view text) {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // Until it closes, or `until` has come, five seconds at most.
  std::string hear(const std::string& until = "") {
    std::string heard;
    char buffer[4'096];
    while (until.empty() || heard.find(until) == std::string::npos) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      heard.append(buffer, static_cast<std::size_t>(n));
    }
    return heard;
  }
  // Whether the server closes it within five seconds.
  bool is_closed() {
    char byte = 0;
    const ssize_t n = ::recv(fd_, &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
  }
  bool connected() const { return connected_; }

 private:
  int fd_;
  bool connected_ = false;
};

class GateTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "mohona-gate-" + std::to_string(getpid()) + ".sock";
    ServerLimits limits;
    limits.local = 4;
    limits.known = 4;
    limits.strangers = 3;
    limits.stranger_time = 1s;
    server_ = make_http_server(
        [this](HttpRequest request, bool, Reply reply) {
          if (request.path == "/throws") throw std::runtime_error("planted");
          if (request.path == "/drops") return;
          ++handled_;
          reply({200, "heard " + std::to_string(request.body.size())});
        },
        [](const HttpRequest& head, bool local) -> std::optional<HttpResponse> {
          if (local || head.authorization == "Bearer key") return std::nullopt;
          return HttpResponse{401, "who are you?"};
        },
        limits);
    ASSERT_TRUE(server_->listen_unix(path_));
    port_ = *server_->listen_tcp("127.0.0.1", 0);
    server_->start();
  }
  void TearDown() override {
    server_->stop();
    ::unlink(path_.c_str());
  }

  std::string path_;
  int port_ = 0;
  std::atomic<int> handled_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(GateTest, AStrangersBodyIsNotRead) {
  Raw stranger(port_);
  ASSERT_TRUE(stranger.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\nsome"));
  EXPECT_NE(stranger.hear("who are you?").find("HTTP/1.1 401"), std::string::npos);
  EXPECT_EQ(handled_, 0);
}

TEST_F(GateTest, WhatIsNotHttpGets400) {
  for (const char* text :
       {"\x16\x03\x01\x02 TLS\r\n\r\n", "GET\r\n\r\n", "BREW / HTCPCP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"}) {
    Raw stranger(port_);
    ASSERT_TRUE(stranger.send(text));
    EXPECT_EQ(stranger.hear().substr(0, 12), "HTTP/1.1 400") << text;
  }
}

TEST_F(GateTest, HeadersWithoutEndAreRefused) {
  Raw stranger(port_);
  (void)stranger.send("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
  EXPECT_EQ(stranger.hear().substr(0, 12), "HTTP/1.1 431");
}

TEST_F(GateTest, Expect100ContinueIsAnsweredOnceTheTokenWasShown) {
  const std::string ask =
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n";
  Raw known(port_);
  ASSERT_TRUE(known.send(ask + "Authorization: Bearer key\r\n\r\n"));
  EXPECT_EQ(known.hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(known.send("12345"));
  EXPECT_NE(known.hear("heard 5").find("HTTP/1.1 200"), std::string::npos);
  Raw stranger(port_);
  ASSERT_TRUE(stranger.send(ask + "\r\n"));
  EXPECT_EQ(stranger.hear().substr(0, 12), "HTTP/1.1 401");
}

TEST_F(GateTest, TheOldestStrangerMakesRoomAndNobodyElseDoes) {
  const auto owner = make_http_client({path_, "", 0});
  ASSERT_EQ(owner->send({}, "/", 5s)->status, 200);
  Raw known(port_);
  const std::string ask = "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\n\r\n";
  ASSERT_TRUE(known.send(ask));
  ASSERT_NE(known.hear("heard 0").find("200"), std::string::npos);
  std::vector<std::unique_ptr<Raw>> strangers;
  for (int i = 0; i < 40; ++i) strangers.push_back(std::make_unique<Raw>(port_));
  EXPECT_TRUE(strangers.front()->is_closed());
  EXPECT_EQ(owner->send({}, "/", 5s)->status, 200);
  EXPECT_EQ(make_http_client({path_, "", 0})->send({}, "/", 5s)->status, 200);
  ASSERT_TRUE(known.send(ask));
  EXPECT_NE(known.hear("heard 0").find("200"), std::string::npos);
  ASSERT_TRUE(strangers.back()->send(ask));
  EXPECT_NE(strangers.back()->hear("heard 0").find("200"), std::string::npos);
}

TEST_F(GateTest, AStrangerHasLittleTimeHoweverSlowlyHeSpeaks) {
  Raw slow(port_);
  const auto begin = std::chrono::steady_clock::now();
  while (slow.send("G") && std::chrono::steady_clock::now() - begin < 4s) {
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_TRUE(slow.is_closed());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

TEST_F(GateTest, FullOfConnectionsThatWaitForAnAnswerItSaysSo) {
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 8; ++i) {
    idle.push_back(make_http_client({path_, "", 0}));
    EXPECT_EQ(idle.back()->send({}, "/", 5s)->status, 200) << i;  // idle ones make room
  }
}

TEST_F(GateTest, AHandlerThatFailsOrForgetsIsAnsweredFor) {
  const auto client = make_http_client({path_, "", 0});
  EXPECT_EQ(client->send({}, "/throws", 5s)->status, 500);
  EXPECT_EQ(client->send({}, "/drops", 5s)->status, 500);
  EXPECT_EQ(client->send({}, "/", 5s)->status, 200);
}

// --- probes
// -----------------------------------------------------------------------------

TEST(Probe, ReadsTheStatusAndNoBodyAndWaitsForNobody) {
  // Answers at once and sends a body without end.
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener.get(), 16), 0);
  socklen_t length = sizeof at;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &length);
  const int port = ntohs(at.sin_port);
  // The first three connections get nothing, the fourth is answered.
  std::thread server([&] {
    std::vector<Fd> silent;
    for (int i = 0; i < 3; ++i) silent.emplace_back(::accept(listener.get(), nullptr, nullptr));
    const Fd open(::accept(listener.get(), nullptr, nullptr));
    const std::string head = "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
    ::send(open.get(), head.data(), head.size(), MSG_NOSIGNAL);
    const std::string noise(65'536, 'x');
    while (::send(open.get(), noise.data(), noise.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const auto client = make_probe_client();
  HttpRequest request;
  request.path = "/health";
  std::atomic<int> unanswered = 0;
  for (int i = 0; i < 3; ++i) {
    client->send({"", "127.0.0.1", port}, request, 500ms, [&](std::optional<int> status) {
      if (!status) ++unanswered;
    });
  }
  std::this_thread::sleep_for(100ms);
  std::promise<std::optional<int>> status;
  const auto begin = std::chrono::steady_clock::now();
  client->send({"", "127.0.0.1", port}, request, 5s,
               [&](std::optional<int> answer) { status.set_value(answer); });
  EXPECT_EQ(status.get_future().get(), 204);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  server.join();
  std::this_thread::sleep_for(600ms);
  EXPECT_EQ(unanswered, 3);
}

TEST(Probe, NobodyThereIsNoAnswer) {
  const auto client = make_probe_client();
  HttpRequest request;
  request.path = "/";
  std::promise<std::optional<int>> status;
  client->send({"", "127.0.0.1", 1}, request, 5s,
               [&](std::optional<int> answer) { status.set_value(answer); });
  EXPECT_EQ(status.get_future().get(), std::nullopt);
}

}  // namespace
}  // namespace mohona
