// The files under tests/skypilot, and what each of them means here.
#include <gtest/gtest.h>

#include "model/codec.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

// The spec in the journal's form, without its long texts.
std::string spec_of(const std::string& file) {
  const auto directory = tests_directory() / "skypilot";
  const auto jobs = parse_job_file({file, read_file(directory / file), directory});
  if (!jobs) return jobs.error().message;
  EXPECT_EQ(jobs->size(), 1);
  JobSpec spec = jobs->front().spec;
  EXPECT_EQ(spec.submit_directory, directory);
  EXPECT_NE(spec.run, "");
  if (!spec.workdir.empty()) spec.workdir = std::filesystem::relative(spec.workdir, directory);
  spec.submit_directory = spec.setup = spec.run = "";
  return encode(spec);
}

TEST(SkyPilotFiles, Task) {
  EXPECT_EQ(spec_of("task.yaml"),
            R"({"name":"minimal","workdir":"project","resources":{"choices":[{"demand":)"
            R"({"memory_mib":256},"cloud":"aws","region":"us-east-1"}]},)"
            R"("envs":[["EPOCHS","3"],["GREETING","hello, fleet"]]})");
}

TEST(SkyPilotFiles, Torchrun) {
  EXPECT_EQ(
      spec_of("torchrun.yaml"),
      R"({"name":"torchrun","workdir":"project","num_nodes":2,"resources":{"choices":[{"demand":)"
      R"({"gpu":"h100","gpus":8}},{"demand":{"gpu":"a100-80gb","gpus":8}}]}})");
}

TEST(SkyPilotFiles, Spot) {
  EXPECT_EQ(
      spec_of("spot.yaml"),
      R"({"name":"spot","resources":{"choices":[)"
      R"({"demand":{"gpu":"h100","gpus":1},"cloud":"aws","region":"us-east-1","use_spot":true},)"
      R"({"demand":{"gpu":"a100","gpus":1},"cloud":"aws","region":"us-east-1","use_spot":true},)"
      R"({"demand":{"gpu":"h100","gpus":1},"cloud":"gcp","use_spot":true},)"
      R"({"demand":{"gpu":"a100","gpus":1},"cloud":"gcp","use_spot":true},)"
      R"({"demand":{"gpu":"l4","gpus":1}}],"limit_cpus":true},)"
      R"("envs":[["CHECKPOINTS","/checkpoints"]],"retries":{"max":2}})");
}

TEST(SkyPilotFiles, Service) {
  EXPECT_EQ(spec_of("service.yaml"),
            R"({"name":"files","kind":"serve","resources":{"ports":["8080"],"limit_cpus":true},)"
            R"("service":{"probe":{"initial_delay":20000000,"timeout":2000000},"replicas":2}})");
}

TEST(SkyPilotFiles, Array) {
  EXPECT_EQ(
      spec_of("array.sbatch"),
      R"({"name":"array","kind":"data","script":"first_node","resources":{"choices":)"
      R"([{"demand":{"cpus_milli":2000,"memory_mib":512}}],"limit_cpus":true,)"
      R"("limit_memory":true},"output_path":"array-%A_%a.out",)"
      R"("shards":{"range":{"last":6,"step":2},"array":true,"at_once_max":2},)"
      R"("max_duration":600000000,"stop":{"signal":"USR1","before_limit":30000000,"target":"shell"}})");
}

}  // namespace
}  // namespace mohona
