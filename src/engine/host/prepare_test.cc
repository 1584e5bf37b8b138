#include "engine/host/prepare.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/file.h"
#include "engine/host/mounts.h"

namespace mohona::host {
namespace {

namespace fs = std::filesystem;

class PrepareTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mohona-prepare-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    mine_ = top_ + "/mine";
    order_.home = top_ + "/home";
    order_.job_directory = order_.home + "/jobs/1";
    order_.directory = order_.job_directory + "/workdir";
    order_.output = order_.job_directory + "/attempts/0.1/output";
    order_.published_output = order_.job_directory + "/output";
    order_.checkpoint = order_.job_directory + "/checkpoint";
    for (const std::string& path :
         {order_.directory, order_.output, order_.published_output, order_.checkpoint}) {
      fs::create_directories(path);
    }
    fs::create_directories(mine_);
    write(mine_ + "/precious", "mine");
  }
  void TearDown() override { fs::remove_all(top_); }

  static void write(const std::string& path, std::string_view text) {
    fs::create_directories(fs::path(path).parent_path());
    ASSERT_TRUE(overwrite_file(path, text));
  }
  void put_link_at(const std::string& path) const {
    fs::remove_all(path);
    fs::create_symlink(mine_, path);
  }
  std::vector<std::string> mine() const { return *names_in(mine_); }
  static std::string message(const Result<void>& result) {
    return result ? "" : result.error().message;
  }

  using Names = std::vector<std::string>;
  std::string top_, mine_;  // mine_: a directory of the user's own
  Order order_;
};

TEST_F(PrepareTest, PublishMovesFilesAndLinksAndKeepsDirectories) {
  write(order_.output + "/a/b/file", "text");
  fs::create_directories(order_.output + "/empty");
  fs::create_directory_symlink(mine_, order_.output + "/link");
  EXPECT_EQ(message(publish(order_)), "");
  EXPECT_EQ(*names_in(order_.published_output), (Names{"a", "empty", "link"}));
  EXPECT_EQ(*read_file(order_.published_output + "/a/b/file"), "text");
  EXPECT_EQ(fs::read_symlink(order_.published_output + "/link"), mine_);  // itself, not its files
  EXPECT_EQ(mine(), Names{"precious"});
}

TEST_F(PrepareTest, AnOutputThatIsALinkIsNotPublishedAndNothingBehindItMoves) {
  put_link_at(order_.output);
  EXPECT_EQ(message(publish(order_)),
            "its output is a link, not a directory; nothing was published");
  EXPECT_EQ(mine(), Names{"precious"});
  EXPECT_EQ(*names_in(order_.published_output), Names{});
}

TEST_F(PrepareTest, NothingIsPublishedThroughALink) {
  write(order_.output + "/result", "text");
  put_link_at(order_.published_output);
  EXPECT_EQ(message(publish(order_)),
            "its output is a link, not a directory; nothing was published");
  EXPECT_EQ(mine(), Names{"precious"});
  EXPECT_TRUE(fs::exists(order_.output + "/result"));
}

TEST_F(PrepareTest, AnOutputThatIsAFileIsNotPublished) {
  fs::remove_all(order_.output);
  write(order_.output, "text");
  EXPECT_EQ(message(publish(order_)), "its output is not a directory; nothing was published");
}

// The link is this shard's own, published by an attempt that broke off.
TEST_F(PrepareTest, APublishedLinkIsReplacedByTheDirectoryOfALaterAttempt) {
  fs::create_directory_symlink(mine_, order_.output + "/d");
  EXPECT_EQ(message(publish(order_)), "");
  write(order_.output + "/d/file", "text");
  EXPECT_EQ(message(publish(order_)), "");
  EXPECT_EQ(*read_file(order_.published_output + "/d/file"), "text");
  EXPECT_EQ(mine(), Names{"precious"});
}

TEST_F(PrepareTest, AMountBelowAnotherIsRefusedBeforeAnythingIsMade) {
  const std::string data = top_ + "/data";
  write(data + "/x", "data");
  const std::string far = top_ + "/far";
  struct Case {
    std::vector<std::string> targets;
    std::string message;
  };
  for (const Case& c : std::initializer_list<Case>{
           {{"d", "d/x"}, "'d/x' leads out of the working directory"},
           {{"d/x", "d"}, "'d/x' leads out of the working directory"},
           {{"./d/", "d/e/x"}, "'d/e/x' leads out of the working directory"},
           {{far, far + "/x"},
            fmt::format("'{}/x' leads into the source of the mount '{}'", far, far)}}) {
    order_.mounts.clear();
    for (const std::string& target : c.targets) order_.mounts.push_back({target, mine_});
    const auto outside = link_mounts_outside(order_);
    EXPECT_EQ(message(link_mounts_inside(order_)), c.message);
    EXPECT_EQ(outside ? "" : outside.error().message, c.message);
    EXPECT_EQ(mine(), Names{"precious"});
    EXPECT_EQ(*names_in(order_.directory), Names{});
    EXPECT_FALSE(fs::exists(far));
  }
  order_.mounts = {{"d", mine_}, {"dd/x", data}, {"e", data}};
  EXPECT_EQ(message(link_mounts_inside(order_)), "");
  EXPECT_EQ(*names_in(order_.directory), (Names{"d", "dd", "e"}));
}

TEST_F(PrepareTest, AMountOrCheckpointThroughALinkOfTheWorkingDirectoryIsRefused) {
  fs::create_directory_symlink(mine_, order_.directory + "/up");
  fs::create_directory_symlink("..", order_.directory + "/above");
  for (const char* target : {"up/x", "up/a/b/x", "up/precious", "above/x", "../x"}) {
    const std::string refused = fmt::format("'{}' leads out of the working directory", target);
    order_.mounts = {{target, top_ + "/data"}};
    EXPECT_EQ(message(link_mounts_inside(order_)), refused);
    order_.checkpoint_link = target;
    EXPECT_EQ(message(link_checkpoint(order_)), refused);
  }
  EXPECT_EQ(mine(), Names{"precious"});
  EXPECT_EQ(*names_in(order_.directory), (Names{"above", "up"}));
  EXPECT_FALSE(fs::exists(fs::symlink_status(order_.job_directory + "/x")));
}

TEST_F(PrepareTest, AMountOrCheckpointThroughALinkWithinTheWorkingDirectoryIsMade) {
  fs::create_directories(order_.directory + "/real");
  fs::create_directory_symlink("real", order_.directory + "/alias");
  order_.mounts = {{"alias/x", mine_}};
  EXPECT_EQ(message(link_mounts_inside(order_)), "");
  order_.checkpoint_link = "alias/new/ckpt";
  EXPECT_EQ(message(link_checkpoint(order_)), "");
  EXPECT_EQ(fs::read_symlink(order_.directory + "/real/x"), mine_);
  EXPECT_EQ(fs::read_symlink(order_.directory + "/real/new/ckpt"), order_.checkpoint);
}

}  // namespace
}  // namespace mohona::host
