// The small parts of the command line that can be wrong without anything running.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "app/home.h"
#include "app/machine.h"
#include "app/progress.h"
#include "app/screen.h"
#include "app/secret_files.h"

namespace mohona {
namespace {

std::string scratch(const std::string& name) {
  const std::string path =
      testing::TempDir() + "mohona-app-" + std::to_string(getpid()) + "-" + name;
  std::filesystem::remove_all(path);
  return path;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST(Machine, AcceleratorsAreCalledAsJobFilesAskForThem) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"NVIDIA H100 80GB HBM3", "h100"},
      {"NVIDIA H200", "h200"},
      {"NVIDIA A100-SXM4-80GB", "a100"},
      {"Tesla V100-SXM2-16GB", "v100"},
      {"NVIDIA L4", "l4"},
      {"NVIDIA GeForce RTX 4090", "4090"},
      {"NVIDIA GB200", "gb200"},
  };
  for (const auto& [product, expected] : table) EXPECT_EQ(accelerator_name(product), expected);
}

TEST(Machine, GpusAreThoseThatNvidiaSmiLists) {
  const std::string bin = scratch("bin");
  std::filesystem::create_directories(bin);
  std::ofstream(bin + "/nvidia-smi")
      << "#!/bin/sh\necho 'NVIDIA H100 80GB HBM3'\necho 'NVIDIA H100 80GB HBM3'\n";
  ::chmod((bin + "/nvidia-smi").c_str(), 0755);
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (bin + ":" + path).c_str(), 1);
  const Pool pool = this_machine();
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(pool.shape.gpu, "h100");
  EXPECT_EQ(pool.shape.gpus, 2);
  EXPECT_GE(pool.shape.cpus_milli, 1'000);
  std::filesystem::remove_all(bin);
}

TEST(Home, IsForItsOwnerAloneAndHasOneController) {
  const std::string path = scratch("home");
  const Home home = Home::find(path);
  ASSERT_TRUE(home.make());
  EXPECT_EQ(mode_of(path), 0700u);
  const auto token = home.token();
  ASSERT_TRUE(token);
  EXPECT_EQ(token->size(), 48u);
  EXPECT_EQ(*home.token(), *token);
  EXPECT_EQ(mode_of(home.file("token")), 0600u);
  const auto lock = home.lock();
  ASSERT_TRUE(lock);
  const auto second = home.lock();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            fmt::format("a controller runs in {} already (pid {}); stop it with: mohona down", path,
                        getpid()));
  std::filesystem::remove_all(path);
}

TEST(Home, ASocketDeepInTheTreeIsReachedByAShorterPath) {
  EXPECT_EQ(Home::find("/tmp/h").socket(), "/tmp/h/api.sock");
  const Home deep = Home::find(scratch("deep") + "/" + std::string(120, 'x'));
  ASSERT_TRUE(deep.make());
  EXPECT_LT(deep.socket().size(), 100u);
}

TEST(Secrets, AreKeptApartAndGoWithTheirJob) {
  const std::string path = scratch("secrets");
  SecretFiles secrets(path);
  const Variables values = {{"HF_TOKEN", "s3cret\n\"x\""}};
  const auto name = secrets.write(values);
  ASSERT_TRUE(name);
  EXPECT_EQ(mode_of(path + "/" + *name), 0600u);
  EXPECT_EQ(*secrets.read(*name), values);
  const auto orphan = secrets.write(values);
  secrets.keep_only({*name});
  EXPECT_FALSE(secrets.read(*orphan));
  EXPECT_TRUE(secrets.read(*name));
  secrets.remove(*name);
  EXPECT_FALSE(secrets.read(*name));
  std::filesystem::remove_all(path);
}

TEST(Screen, TablesAreAsWideAsTheirCells) {
  EXPECT_EQ(table({{"JOB", "NAME"}, {"1", "größe"}, {"12", "x"}}),
            "JOB  NAME\n"
            "1    größe\n"
            "12   x\n");
  EXPECT_EQ(width("\033[32mok\033[0m"), 2u);
  EXPECT_EQ(bar(5, 12), "[####......]");
  EXPECT_EQ(bar(7, 0), "[..........]");
  EXPECT_EQ(bar(13, 12), "[##########]");
}

TEST(Progress, IsOfTasksOrOfSteps) {
  Json job = {{"progress", {{"done", 5}, {"total", 12}}}, {"steps", nullptr}};
  EXPECT_EQ(progress_of(job), "[####......] 5/12");
  EXPECT_EQ(steps_in_full(job.at("steps")), "");
  job["progress"] = {{"done", 0}, {"total", 1}};
  EXPECT_EQ(progress_of(job), "");
  job["steps"] = {{"done", 450},
                  {"total", nullptr},
                  {"percent", nullptr},
                  {"left_seconds", nullptr},
                  {"metrics", Json::object()}};
  EXPECT_EQ(progress_of(job), "450 steps");
  EXPECT_EQ(steps_in_full(job.at("steps")), "450");
  job["steps"]["total"] = 1'000;
  job["steps"]["percent"] = 45;
  EXPECT_EQ(progress_of(job), "[####......] 45 %");
  job["steps"]["left_seconds"] = 123.4;
  job["steps"]["metrics"] = {{"loss", "2.31"}};
  EXPECT_EQ(progress_of(job), "[####......] 45 %, 2m 03s left");
  EXPECT_EQ(steps_in_full(job.at("steps")), "450/1000, 45 %, 2m 03s left, loss=2.31");
  job["steps"]["done"] = 1'000;
  job["steps"]["percent"] = 100;
  EXPECT_EQ(progress_of(job), "[##########] 100 %");
}

}  // namespace
}  // namespace mohona
