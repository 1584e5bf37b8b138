#include "engine/host/log_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

namespace mohona::host {
namespace {

class LogPumpTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(home_);
    std::filesystem::create_directories(home_);
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::string path(const char* name) const { return home_ + "/" + name; }
  static void say(const Fd& fd, std::string_view text) {
    EXPECT_EQ(::write(fd.get(), text.data(), text.size()), std::ssize(text));
  }

  std::string home_ = testing::TempDir() + "mohona-log-" + std::to_string(::getpid());
  LogPump pump_;
};

TEST_F(LogPumpTest, WhatIsWrittenStandsInTheFileWhoeverTruncatesItsDescriptor) {
  const auto out = pump_.open(path("log"));
  ASSERT_TRUE(out);
  say(*out, "one\n");
  const Fd again(::open(fmt::format("/dev/fd/{}", out->get()).c_str(), O_WRONLY | O_TRUNC));
  ASSERT_TRUE(again);
  say(again, "two\n");
  pump_.finish();
  EXPECT_EQ(*read_file(path("log")), "one\ntwo\n");
}

TEST_F(LogPumpTest, AProcessThatKeepsThePipeDoesNotHoldUpTheEnd) {
  const auto out = pump_.open(path("log"));
  ASSERT_TRUE(out);
  say(*out, "all of it");
  const auto began = std::chrono::steady_clock::now();
  pump_.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  EXPECT_EQ(*read_file(path("log")), "all of it");
}

TEST_F(LogPumpTest, OneThatComesLaterBeginsALineOfItsOwn) {
  for (const char* text : {"part", "whole\n", "next"}) {
    const auto out = pump_.open(path("log"));
    ASSERT_TRUE(out);
    say(*out, text);
    pump_.finish();
  }
  EXPECT_EQ(*read_file(path("log")), "part\nwhole\nnext");
}

TEST_F(LogPumpTest, WhatALogHasNoRoomForIsDroppedAndTold) {
  // /dev/full has never any.
  std::filesystem::create_symlink("/dev/full", path("log"));
  const auto out = pump_.open(path("log"));
  ASSERT_TRUE(out) << out.error().message;
  const std::string much(200'000, 'x');
  say(*out, much);  // a writer is not held up
  pump_.finish();
}

TEST_F(LogPumpTest, OnlyRegularFilesAndDevicesAreLogs) {
  ::mkfifo(path("pipe").c_str(), 0600);
  EXPECT_EQ(pump_.open(path("pipe")).error().message,
            "cannot write the log " + path("pipe") + ": it is not a regular file");
  std::filesystem::create_directories(path("folder"));
  EXPECT_EQ(pump_.open(path("folder")).error().message,
            "cannot write the log " + path("folder") + ": Is a directory");
  EXPECT_EQ(pump_.open(path("no/log")).error().message,
            "cannot write the log " + path("no/log") + ": No such file or directory");
  EXPECT_TRUE(pump_.open("/dev/null"));
  // One link is ours; what it names is no link.
  std::filesystem::create_symlink(path("target"), path("link"));
  EXPECT_TRUE(pump_.open(path("link")));
  std::filesystem::create_symlink(path("link"), path("link2"));
  EXPECT_FALSE(pump_.open(path("link2")));
}

}  // namespace
}  // namespace mohona::host
