#include <gtest/gtest.h>

#include "model/codec.h"
#include "spec/job_file.h"
#include "spec/slurm_values.h"

namespace mohona {
namespace {

// What one line of options changes in a script that otherwise says nothing.
std::string effect_of(const std::string& options) {
  const std::string script = "#!/bin/bash\n#SBATCH " + options + "\nsrun hostname\n";
  const auto jobs = parse_job_file({"job.sbatch", script, "/home/me", false});
  if (!jobs) return jobs.error().message;
  JobSpec spec = jobs->front().spec;
  EXPECT_EQ(spec.run, script);
  EXPECT_EQ(spec.script, Script::first_node);
  EXPECT_EQ(spec.workdir, "");
  spec.run = "", spec.script = Script::every_node;
  if (spec.submit_directory == "/home/me") spec.submit_directory = "";
  if (spec.name == "job") spec.name = "";
  return encode(spec);
}

struct Row {
  const char* options;
  const char* effect;
};

constexpr Row rows[] = {
    {"", "{}"},
    {"--job-name=sim", R"({"name":"sim"})"},
    {"-J sim", R"({"name":"sim"})"},
    {"--job-name \"sim\"", R"({"name":"sim"})"},
    {"-Jsim # a comment", R"({"name":"sim"})"},
    {"--nodes=2", R"({"num_nodes":2})"},
    {"-N 2-2", R"({"num_nodes":2})"},
    {"--nodes=4-8", R"({"num_nodes":8,"min_nodes":4})"},
    {"-N4-8 --ntasks-per-node=2", R"({"num_nodes":8,"min_nodes":4,"tasks_per_node":2,)"
                                  R"("resources":{"choices":[{"demand":{"cpus_milli":2000}}],)"
                                  R"("limit_cpus":true}})"},
    {"--nodes=4-8 -N2", R"({"num_nodes":2})"},
    {"--constraint=ib", R"({"features":["ib"]})"},
    {"-C \"ib & nvme&ib\"", R"({"features":["ib","nvme"]})"},
    {"--switches=1", R"({"nearness":{"within":"leaf"}})"},
    {"-N8 --segment 4", R"({"num_nodes":8,"nearness":{"segment":4}})"},
    {"--reservation=exam-week", R"({"reservation":"exam-week"})"},
    {"-N2 --ntasks-per-node=4 -c 3", R"({"num_nodes":2,"tasks_per_node":4,"resources":{"choices":)"
                                     R"([{"demand":{"cpus_milli":12000}}],"limit_cpus":true}})"},
    {"-N2 -n8", R"({"num_nodes":2,"tasks_per_node":4,"resources":{"choices":)"
                R"([{"demand":{"cpus_milli":4000}}],"limit_cpus":true}})"},
    {"-n8 --ntasks-per-node 4", R"({"num_nodes":2,"tasks_per_node":4,"resources":{"choices":)"
                                R"([{"demand":{"cpus_milli":4000}}],"limit_cpus":true}})"},
    {"--mem=4000", R"({"resources":{"choices":[{"demand":{"memory_mib":4000}}],)"
                   R"("limit_memory":true}})"},
    {"--mem=16G", R"({"resources":{"choices":[{"demand":{"memory_mib":16384}}],)"
                  R"("limit_memory":true}})"},
    {"--mem=2048K", R"({"resources":{"choices":[{"demand":{"memory_mib":2}}],)"
                    R"("limit_memory":true}})"},
    {"--mem-per-cpu=1G -c2", R"({"resources":{"choices":[{"demand":{"cpus_milli":2000,)"
                             R"("memory_mib":2048}}],"limit_cpus":true,"limit_memory":true}})"},
    {"--gres=gpu:2", R"({"resources":{"choices":[{"demand":{"gpus":2}}]}})"},
    {"--gres=gpu", R"({"resources":{"choices":[{"demand":{"gpus":1}}]}})"},
    {"--gres=gpu:A100", R"({"resources":{"choices":[{"demand":{"gpu":"a100","gpus":1}}]}})"},
    {"--gres gpu:A100:4", R"({"resources":{"choices":[{"demand":{"gpu":"a100","gpus":4}}]}})"},
    {"--gpus-per-node=h100:8", R"({"resources":{"choices":[{"demand":{"gpu":"h100","gpus":8}}]}})"},
    {"-N2 -G 16", R"({"num_nodes":2,"resources":{"choices":[{"demand":{"gpus":8}}]}})"},
    {"--time=90", R"({"max_duration":5400000000})"},
    {"-t 1-2", R"({"max_duration":93600000000})"},
    {"-t 0", "{}"},
    {"--array=0-3", R"({"kind":"data","shards":{"range":{"last":3},"array":true}})"},
    {"-a 1,3,5%2", R"({"kind":"data","shards":{"items":["1","3","5"],"array":true,)"
                   R"("at_once_max":2}})"},
    {"-d afterok:12:13,afterok:9", R"({"needs":["12","13","9"]})"},
    {"--signal=B:USR1@90",
     R"({"stop":{"signal":"USR1","grace":90000000,"before_limit":90000000,"target":"shell"}})"},
    {"--signal 10",
     R"({"stop":{"signal":"USR1","grace":60000000,"before_limit":60000000,"target":"steps"}})"},
    {"--requeue", "{}"},
    {"--no-requeue", R"({"restart_after_loss":false})"},
    {"--chdir=runs", R"({"submit_directory":"/home/me/runs"})"},
    {"-D /scratch", R"({"submit_directory":"/scratch"})"},
    {"-p gpu", R"({"queue":"gpu"})"},
    {"--priority=7", R"({"priority":7})"},
    {"--output=%x-%j.out -e err.txt", R"({"output_path":"%x-%j.out","error_path":"err.txt"})"},
};

TEST(Sbatch, OptionsHaveTheirEffect) {
  for (const Row& row : rows) EXPECT_EQ(effect_of(row.options), row.effect) << row.options;
}

TEST(Sbatch, OptionsEndAtTheFirstCommand) {
  const auto jobs = parse_job_file({"x.sh",
                                    "#!/bin/bash\n\n##SBATCH --nodes=9\n# SBATCH --nodes=8\n"
                                    "#SBATCH\t-N3\necho\n#SBATCH --nodes=7 --nonsense\n",
                                    "/"},
                                   {{{"A", "1"}}, {{"S", "s"}}});
  ASSERT_TRUE(jobs) << jobs.error().message;
  EXPECT_EQ(jobs->at(0).spec.num_nodes, 3);
  EXPECT_EQ(jobs->at(0).spec.name, "x");
  EXPECT_EQ(jobs->at(0).spec.envs, (Variables{{"A", "1"}}));
  EXPECT_EQ(jobs->at(0).secrets, (Variables{{"S", "s"}}));
}

TEST(Sbatch, AScriptWithoutOptionsIsAJob) {
  const auto jobs = parse_job_file({"hello.sh", "#!/bin/sh\necho hello\n", "/"});
  ASSERT_TRUE(jobs);
  EXPECT_EQ(jobs->at(0).spec.script, Script::first_node);
}

TEST(SlurmValues, Times) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_slurm_time("30"), 30min);
  EXPECT_EQ(parse_slurm_time("30:15"), 30min + 15s);
  EXPECT_EQ(parse_slurm_time("2:30:15"), 2h + 30min + 15s);
  EXPECT_EQ(parse_slurm_time("1-2"), 26h);
  EXPECT_EQ(parse_slurm_time("1-2:30"), 26h + 30min);
  EXPECT_EQ(parse_slurm_time("1-2:30:15"), 26h + 30min + 15s);
  EXPECT_EQ(parse_slurm_time("0"), Duration::max());
  EXPECT_EQ(parse_slurm_time("UNLIMITED"), Duration::max());
  for (const char* bad : {"", "-", "1-", ":", "1:", "x", "1:2:3:4", "1h", "-1", "99999999999"}) {
    EXPECT_FALSE(parse_slurm_time(bad)) << bad;
  }
}

TEST(SlurmValues, Arrays) {
  const auto array = parse_slurm_array("8-16:4,1,9,1%3");
  ASSERT_TRUE(array);
  EXPECT_EQ(array->indices, (std::vector<std::int64_t>{1, 8, 9, 12, 16}));
  EXPECT_FALSE(array->range);
  EXPECT_EQ(array->at_once_max, 3);
  EXPECT_EQ(parse_slurm_array("0-999999%8")->range, (Indices{0, 999'999, 1}));
  EXPECT_EQ(parse_slurm_array("1-10:4")->range, (Indices{1, 9, 4}));
  EXPECT_EQ(parse_slurm_array("7")->range, (Indices{7, 7, 1}));
  for (const char* bad : {"", "0-1000000", "0-100000,200000", "3-1", "1,,2", "1%0", "1%", "a",
                          "1-2:0", "-1", "5000000"}) {
    EXPECT_FALSE(parse_slurm_array(bad)) << bad;
  }
}

}  // namespace
}  // namespace mohona
