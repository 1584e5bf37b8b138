#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "net/client.h"
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
  auto silent = make_http_server([](HttpRequest, bool, Reply) {});
  const int port = *silent->listen_tcp("127.0.0.1", 0);
  silent->start();
  HttpRequest post;
  post.method = "POST";
  const auto unknown = make_http_client({"", "127.0.0.1", port})->send(post, "/", 100ms);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().retry, Retry::outcome_unknown);
  silent->stop();
}

}  // namespace
}  // namespace mohona
