#include "engine/host/log_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
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

TEST_F(LogPumpTest, ALogLeavesASixteenthOfASmallDiskFreeAndTellsWhatItLost) {
  constexpr std::size_t disk_bytes = 8 << 20, reserve = disk_bytes / 16, written = 2 * disk_bytes;
  const std::string disk = path("disk");
  std::filesystem::create_directories(disk);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=8m") != 0) {
    GTEST_SKIP() << "may not mount a small disk";
  }
  {
    const auto out = pump_.open(disk + "/log");
    ASSERT_TRUE(out) << out.error().message;
    const std::string much(written / 16, 'x');
    for (int i = 0; i < 16; ++i) say(*out, much);
    pump_.finish();
  }
  const std::size_t free_bytes = std::filesystem::space(disk).available;
  const std::string text = *read_file(disk + "/log");
  ::umount2(disk.c_str(), MNT_DETACH);
  EXPECT_GT(free_bytes, reserve * 3 / 4);
  EXPECT_LT(free_bytes, reserve * 5 / 4);
  const std::size_t kept = text.find('\n');
  EXPECT_EQ(text.substr(kept),
            fmt::format("\nmohona: {} bytes of this log are lost: No space left on device\n",
                        written - kept));
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
