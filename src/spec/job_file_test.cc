#include "spec/job_file.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "model/codec.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

Source job_yaml(std::string text) {
  return {"job.yaml", std::move(text), "/home/me/project", false};
}

std::string error_of(const std::string& text, const Overrides& overrides = {}) {
  const auto jobs = parse_job_file(job_yaml(text), overrides);
  return jobs ? "ok" : jobs.error().message;
}

std::vector<Submission> jobs_of(const std::string& text, const Overrides& overrides = {}) {
  const auto jobs = parse_job_file(job_yaml(text), overrides);
  EXPECT_TRUE(jobs) << jobs.error().message;
  return jobs ? *jobs : std::vector<Submission>(1);
}

// What `keys` change in a job that otherwise says nothing, in the journal's form.
std::string effect_of(const std::string& keys) {
  JobSpec spec = jobs_of("name: a\nrun: x\n" + keys + "\n").front().spec;
  EXPECT_EQ(spec.name, "a");
  EXPECT_EQ(spec.run, "x");
  EXPECT_EQ(spec.submit_directory, "/home/me/project");
  spec.name = spec.run = spec.submit_directory = "";
  return encode(spec);
}

struct Row {
  const char* keys;
  const char* effect;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.keys; }

class JobKeys : public testing::TestWithParam<Row> {};
TEST_P(JobKeys, HaveTheirEffect) { EXPECT_EQ(effect_of(GetParam().keys), GetParam().effect); }

constexpr Row plain_keys[] = {
    {"", "{}"},
    {"num_nodes: 10000", R"({"num_nodes":10000})"},
    {"kind: train", R"({"kind":"train"})"},
    {"setup: pip install x", R"({"setup":"pip install x"})"},
    {"setup:\nenvs:\nsecrets:\nresources:\nworkdir:\nfile_mounts:\nconfig:", "{}"},
    {"workdir: src/../code/", R"({"workdir":"/home/me/project/code"})"},
    {"workdir: .", R"({"workdir":"/home/me/project"})"},
    {"workdir: /opt/code", R"({"workdir":"/opt/code"})"},
    {"workdir: ~/code", R"({"workdir":"/home/me/code"})"},
    {"file_mounts: {data: ./in, /etc/x: ~/x}",
     R"({"file_mounts":[{"target":"data","source":"/home/me/project/in"},)"
     R"({"target":"/etc/x","source":"/home/me/x"}]})"},
    {"envs: {A: 1, B: true, C: \"x y\", D: ''}",
     R"({"envs":[["A","1"],["B","true"],["C","x y"],["D",""]]})"},
    {"needs: a-1", R"({"needs":["a-1"]})"},
    {"needs: 7", R"({"needs":["7"]})"},
    {"needs: [b, 8]", R"({"needs":["b","8"]})"},
    {"inputs: {s3://bucket/corpus: 150, aws/us-east-1: 0.5}",
     R"({"inputs":[{"place":{"cloud":"aws"},"megabytes":150000},)"
     R"({"place":{"cloud":"aws","region":"us-east-1"},"megabytes":500}]})"},
    {"shards: {inputs: in/*.txt}", R"({"kind":"data","shards":{"globs":["in/*.txt"]}})"},
    {"shards: {inputs: [a*, b*], at_once: 3}",
     R"({"kind":"data","shards":{"globs":["a*","b*"],"at_once_max":3}})"},
    {"shards: {items: [x, 2]}", R"({"kind":"data","shards":{"items":["x","2"]}})"},
    {"shards: {count: 3}", R"({"kind":"data","shards":{"range":{"last":2}}})"},
    {"kind: data\nshards: {count: 1}", R"({"kind":"data","shards":{"range":{}}})"},
    {"max_duration: 1h30m", R"({"max_duration":5400000000})"},
    {"estimate: 2h", R"({"estimate":7200000000})"},
    {"max_duration: 90", R"({"max_duration":90000000})"},
    {"deadline: 2026-12-01T00:00:00Z", R"({"deadline":1796083200000000})"},
    {"deadline: \"2026-12-01 02:00:00+02:00\"", R"({"deadline":1796083200000000})"},
    {"checkpoint: {path: ckpt}", R"({"checkpoint":{"path":"ckpt"}})"},
    {"checkpoint: {path: ./a/../ckpt/}", R"({"checkpoint":{"path":"ckpt"}})"},
    {"checkpoint: {path: ckpt, signal: SIGUSR1, grace: 2m}",
     R"({"checkpoint":{"path":"ckpt"},"stop":{"signal":"USR1","grace":120000000}})"},
    {"checkpoint: {path: ckpt, signal: int}",
     R"({"checkpoint":{"path":"ckpt"},"stop":{"signal":"INT"}})"},
    {"progress: 10000", R"({"progress":{"steps":10000}})"},
    {"progress: {log: true}", R"({"progress":{"from_log":true}})"},
    {"progress: {steps: 10, log: false}", R"({"progress":{"steps":10}})"},
    {"retries: 3", R"({"retries":{"max":3}})"},
    {"retries: {max: 3, backoff: 10s}", R"({"retries":{"max":3,"backoff":10000000}})"},
    {"queue: research", R"({"queue":"research"})"},
    {"priority: -5", R"({"priority":-5})"},
    // 0.1 + 0.2 is not 0.3 in floating point; here nothing is.
    {"min_nodes: 4\nmax_nodes: 8", R"({"num_nodes":8,"min_nodes":4})"},
    {"min_nodes: 4\nnum_nodes: 8", R"({"num_nodes":8,"min_nodes":4})"},
    {"max_nodes: 8", R"({"num_nodes":8})"},
    {"min_nodes: 8\nmax_nodes: 8", R"({"num_nodes":8})"},
    {"topology: {within: block}", R"({"nearness":{"within":"block"}})"},
    {"topology: {within: rack}", R"({"nearness":{"within":"leaf"}})"},
    {"topology: {within: fabric, prefer: leaf}",
     R"({"nearness":{"within":"fabric","prefer":"leaf"}})"},
    {"num_nodes: 8\nmin_nodes: 4\ntopology: {segment: 4}",
     R"({"num_nodes":8,"min_nodes":4,"nearness":{"segment":4}})"},
    {"features: ib", R"({"features":["ib"]})"},
    {"features: [ib, nvme, ib]", R"({"features":["ib","nvme"]})"},
    {"reservation: exam-week", R"({"reservation":"exam-week"})"},
    {"topology:\nfeatures:", "{}"},
    {"budget: 0.3", R"({"budget":{"micros":300000}})"},
    {"budget: $12.50", R"({"budget":{"micros":12500000}})"},
    {"config: {hooks: [{run: ./save, events: [stop, down], timeout: 60}]}",
     R"({"hooks":[{"run":"./save","events":["stop","down"],"timeout":60000000}]})"},
    {"config: {hooks: [{run: ./save}]}",
     R"({"hooks":[{"run":"./save","events":["stop","preemption","down"]}]})"},
    {"envs: {<<: {A: 1, B: 2}, B: 3}", R"({"envs":[["B","3"],["A","1"]]})"},
};
INSTANTIATE_TEST_SUITE_P(Plain, JobKeys, testing::ValuesIn(plain_keys));

constexpr Row resources_rows[] = {
    {"{}", R"([{}])"},
    {"{cpus: 4}", R"([{"demand":{"cpus_milli":4000}}],"limit_cpus":true)"},
    {"{cpus: 0.5}", R"([{"demand":{"cpus_milli":500}}],"limit_cpus":true)"},
    {"{cpus: \"4+\"}", R"([{"demand":{"cpus_milli":4000}}])"},
    {"{memory: 16}", R"([{"demand":{"memory_mib":16384}}],"limit_memory":true)"},
    {"{memory: 16+}", R"([{"demand":{"memory_mib":16384}}])"},
    {"{memory: 1.5GB}", R"([{"demand":{"memory_mib":1536}}],"limit_memory":true)"},
    {"{memory: 512MB}", R"([{"demand":{"memory_mib":512}}],"limit_memory":true)"},
    {"{memory: 1TB+}", R"([{"demand":{"memory_mib":1048576}}])"},
    {"{accelerators: H100}", R"([{"demand":{"gpu":"h100","gpus":1}}])"},
    {"{accelerators: H100:8}", R"([{"demand":{"gpu":"h100","gpus":8}}])"},
    {"{accelerators: {H100: 8, A100-80GB: 4}}",
     R"([{"demand":{"gpu":"h100","gpus":8}},{"demand":{"gpu":"a100-80gb","gpus":4}}])"},
    {"{accelerators: ['H100:1', T4]}",
     R"([{"demand":{"gpu":"h100","gpus":1}},{"demand":{"gpu":"t4","gpus":1}}])"},
    {"{accelerators: H100:0.5}", R"([{"demand":{"gpu":"h100","gpu_milli":500}}])"},
    {"{accelerators: {H100: 0.25, A100: 1.0}}",
     R"([{"demand":{"gpu":"h100","gpu_milli":250}},{"demand":{"gpu":"a100","gpus":1}}])"},
    {"{accelerators: T4:.001}", R"([{"demand":{"gpu":"t4","gpu_milli":1}}])"},
    {"{speed: 0.5}", R"([{"speed_milli":500}])"},
    {"{accelerators: {H100: 8, A100: 8}, speed: {A100: 0.4}}",
     R"([{"demand":{"gpu":"h100","gpus":8}},)"
     R"({"demand":{"gpu":"a100","gpus":8},"speed_milli":400}])"},
    {"{speed: {h100: 2.125}, any_of: [{accelerators: H100:8}, {accelerators: A100:8}]}",
     R"([{"demand":{"gpu":"h100","gpus":8},"speed_milli":2125},)"
     R"({"demand":{"gpu":"a100","gpus":8}}])"},
    {"{ordered: [{accelerators: H100:8}, {accelerators: A100:8, speed: 0.001}]}",
     R"([{"demand":{"gpu":"h100","gpus":8}},)"
     R"({"demand":{"gpu":"a100","gpus":8},"speed_milli":1}],"ordered":true)"},
    {"{infra: aws}", R"([{"cloud":"aws"}])"},
    {"{infra: AWS/us-east-1/us-east-1a}",
     R"([{"cloud":"aws","region":"us-east-1","zone":"us-east-1a"}])"},
    {"{infra: '*/us-east-1'}", R"([{"region":"us-east-1"}])"},
    {"{infra: '*'}", R"([{}])"},
    {"{infra: k8s/team/context}", R"([{"cloud":"kubernetes","region":"team/context"}])"},
    {"{cloud: GCP, region: us-central1, zone: us-central1-a}",
     R"([{"cloud":"gcp","region":"us-central1","zone":"us-central1-a"}])"},
    {"{instance_type: p5.48xlarge}", R"([{"instance_type":"p5.48xlarge"}])"},
    {"{use_spot: true}", R"([{"use_spot":true}])"},
    {"{ports: 8080}", R"([{}],"ports":["8080"])"},
    {"{ports: [8080, 9000-9010, 8080]}", R"([{}],"ports":["8080","9000-9010"])"},
    {"{labels: {team: speech}}", R"([{}])"},
    {"{job_recovery: FAILOVER}", R"([{}])"},
    {"{cpus: 2+, any_of: [{infra: aws}, {infra: gcp, cpus: 4+}]}",
     R"([{"demand":{"cpus_milli":2000},"cloud":"aws"},)"
     R"({"demand":{"cpus_milli":4000},"cloud":"gcp"}])"},
    {"{cloud: aws, any_of: [{infra: gcp}, {use_spot: true}]}",
     R"([{"cloud":"gcp"},{"cloud":"aws","use_spot":true}])"},
    {"{ordered: [{accelerators: [H100, T4]}, {cloud: aws}]}",
     R"([{"demand":{"gpu":"h100","gpus":1}},{"demand":{"gpu":"t4","gpus":1}},{"cloud":"aws"}],)"
     R"("ordered":true)"},
};

TEST(Resources, HaveTheirEffect) {
  for (const Row& row : resources_rows) {
    std::string expected = "{\"resources\":{\"choices\":" + std::string(row.effect) + "}}";
    if (row.effect == std::string("[{}]")) expected = "{}";
    // A default is not written.
    if (expected.starts_with("{\"resources\":{\"choices\":[{}],")) {
      expected = "{\"resources\":{" + expected.substr(29);
    }
    EXPECT_EQ(effect_of("resources: " + std::string(row.keys)), expected) << row.keys;
  }
  EXPECT_EQ(effect_of("resources: {job_recovery: {strategy: eager_next_region, "
                      "max_restarts_on_errors: 3}}"),
            R"({"retries":{"max":3}})");
}

constexpr Row service_rows[] = {
    {"{readiness_probe: /health}", R"({"probe":{"path":"/health"}})"},
    {"{readiness_probe: /, replicas: 2}", R"({"replicas":2})"},
    {"{readiness_probe: /, replica_policy: {min_replicas: 1, max_replicas: 1}}", "{}"},
    {"{readiness_probe: /, replica_policy: {min_replicas: 3}}", R"({"replicas":3})"},
    {"{readiness_probe: /, replicas: 2, replica_policy: {min_replicas: 1, max_replicas: 1}}",
     R"({"replicas":2})"},
    {"{readiness_probe: {path: /v1, initial_delay_seconds: 60, timeout_seconds: 5}}",
     R"({"probe":{"path":"/v1","initial_delay":60000000,"timeout":5000000}})"},
    {"{readiness_probe: {path: /, post_data: {model: m, stream: false, n: 1, stop: [a, null]}}}",
     R"({"probe":{"post_data":"{\"model\":\"m\",\"n\":1,\"stop\":[\"a\",null],\"stream\":false}"}})"},
    {R"({readiness_probe: {path: /, post_data: '{"model": "m"}'}})",
     R"({"probe":{"post_data":"{\"model\": \"m\"}"}})"},
    {"{readiness_probe: {path: /, endpoint_probe_interval_seconds: 10, "
     "consecutive_failure_threshold_timeout: 25}}",
     R"({"probe":{"interval":10000000,"failures_max":3}})"},
};

TEST(Service, HasItsEffect) {
  for (const Row& row : service_rows) {
    std::string keys = row.keys;
    EXPECT_EQ(effect_of("service: " + keys),
              R"({"kind":"serve","service":)" + std::string(row.effect) + "}")
        << keys;
  }
}

TEST(JobFile, NamesAJobAfterItsFile) {
  const auto name_of = [](std::string file) {
    const auto jobs = parse_job_file({std::move(file), "run: x\n---\nrun: y\n", "/"});
    return jobs->at(0).spec.name + " " + jobs->at(1).spec.name;
  };
  EXPECT_EQ(name_of("train.yaml"), "train train-2");
  EXPECT_EQ(name_of("dir.d/my job.v2.yaml"), "my-job.v2 my-job.v2-2");
  EXPECT_EQ(name_of("/tmp/_x"), "x x-2");
  EXPECT_EQ(name_of("-"), "job job-2");
  EXPECT_EQ(name_of(std::string(100, 'a')),
            std::string(56, 'a') + " " + std::string(56, 'a') + "-2");
}

TEST(JobFile, OverridesReplaceAndFill) {
  const auto jobs = jobs_of("run: x\nenvs: {A: 1, B: }\nsecrets: {S: , T: plain}\n",
                            {{{"B", "2"}, {"A", "3"}, {"C", "4"}}, {{"S", "s"}, {"C", "hidden"}}});
  EXPECT_EQ(jobs[0].spec.envs, (Variables{{"A", "3"}, {"B", "2"}}));
  EXPECT_EQ(jobs[0].spec.secrets, (std::vector<std::string>{"S", "T", "C"}));
  EXPECT_EQ(jobs[0].secrets, (Variables{{"S", "s"}, {"T", "plain"}, {"C", "hidden"}}));
  EXPECT_EQ(encode(jobs[0].spec).find("plain"), std::string::npos);
  EXPECT_EQ(error_of("run: x\n", {{{"1A", "x"}}, {}}),
            "'1A' cannot be the name of a variable\n"
            "  expected letters, digits and '_', not beginning with a digit\n");
}

TEST(JobFile, APipelineMayStandInAnyOrder) {
  const auto jobs = jobs_of("name: b\nneeds: [a, 12]\nrun: x\n---\nname: a\nrun: y\n");
  ASSERT_EQ(jobs.size(), 2);
  EXPECT_EQ(jobs[0].spec.needs, (std::vector<std::string>{"a", "12"}));
}

TEST(JobFile, AHeaderOfANameChainsTheJobsAfterIt) {
  const auto jobs =
      jobs_of("name: all\n---\nname: a\nrun: x\n---\nrun: y\n---\nneeds: a\nrun: z\n");
  ASSERT_EQ(jobs.size(), 3);
  EXPECT_EQ(jobs[0].spec.needs, std::vector<std::string>{});
  EXPECT_EQ(jobs[1].spec.needs, std::vector<std::string>{"a"});
  EXPECT_EQ(jobs[2].spec.needs, std::vector<std::string>{"a"});
}

TEST(JobFile, LinesMayEndAsOnWindows) {
  const auto jobs = jobs_of("\xef\xbb\xbfname: a\r\nrun: |\r\n  one\r\n  two\r\n");
  EXPECT_EQ(jobs[0].spec.run, "one\ntwo\n");
}

TEST(JobFile, HasBounds) {
  EXPECT_EQ(error_of(std::string((1 << 20) + 1, 'a')),
            "job.yaml:1:1: the file has 1048577 bytes\n"
            "  1 | " +
                std::string(97, 'a') +
                "...\n"
                "    | ^\n"
                "  expected at most 1048576\n");
  std::string deep = "run: ";
  for (int i = 0; i < 40; ++i) deep += '[';
  for (int i = 0; i < 40; ++i) deep += ']';
  EXPECT_EQ(error_of(deep),
            "job.yaml:1:37: this is nested too deeply\n"
            "  1 | run: "
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
            "    |                                     ^\n"
            "  expected at most 32 levels\n");
  EXPECT_NE(error_of(std::string(500'000, '[')), "ok");
  std::string steps;
  for (int i = 0; i < 100'000; ++i) steps += "- ";
  EXPECT_NE(error_of(steps), "ok");
  std::string documents;
  for (int i = 0; i < 1'001; ++i) documents += "---\nrun: x\n";
  EXPECT_NE(error_of(documents).find("too many documents"), std::string::npos);
  std::string keys = "run: x\nenvs:\n";
  for (int i = 0; i < 2'000; ++i) keys += "  A" + std::to_string(i) + ":\n";
  EXPECT_NE(error_of(keys).find("job.yaml: and more\n"), std::string::npos);
  EXPECT_NE(error_of("run: x\nshards: {count: 1000001}\n"), "ok");
  keys = "run: x\nenvs:\n";
  for (int i = 0; i < 5'000; ++i) keys += "  A" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(error_of(keys),
            "job.yaml:2:1: this map has 5000 keys\n"
            "  2 | envs:\n"
            "    | ^~~~\n"
            "  expected at most 4096\n");
  // Long texts named many times.
  std::string bomb = "a: &a \"" + std::string(500'000, 'x') + "\"\nb: [";
  for (int i = 0; i < 20'000; ++i) bomb += "*a, ";
  EXPECT_NE(error_of(bomb + "]\n").find("too many values"), std::string::npos);
}

TEST(JobFile, PathsAreCheckedUnlessToldNotTo) {
  Source source = job_yaml("run: x\nworkdir: nowhere\n");
  EXPECT_TRUE(parse_job_file(source));
  source.check_paths = true;
  EXPECT_FALSE(parse_job_file(source));
  source.directory = tests_directory();
  source.text = "run: x\nworkdir: spec\nfile_mounts: {x: CMakeLists.txt}\n";
  EXPECT_TRUE(parse_job_file(source));
}

TEST(JobJson, HasTheSameKeys) {
  const auto job = parse_job_json(
      R"({"name": "a", "run": "echo \"\u00fc\"", "resources": {"cpus": 4, "memory": "512MB"},
          "envs": {"A": 1.50}, "secrets": {"S": "s"}, "budget": 0.3, "shards": {"count": 2}})",
      "/home/me");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(encode(job->spec),
            R"({"name":"a","kind":"data","submit_directory":"/home/me","resources":{"choices":)"
            R"([{"demand":{"cpus_milli":4000,"memory_mib":512}}],"limit_cpus":true,)"
            R"("limit_memory":true},"envs":[["A","1.50"]],"secrets":["S"],"run":"echo \"ü\"",)"
            R"("shards":{"range":{"last":1}},"budget":{"micros":300000}})");
  EXPECT_EQ(job->secrets, (Variables{{"S", "s"}}));
}

TEST(JobJson, MistakesHaveTheirPlace) {
  const auto error = [](std::string_view json) {
    const auto job = parse_job_json(json, "/");
    return job ? "ok" : job.error().message;
  };
  EXPECT_EQ(error("{\"nmae\": \"a\",\n \"num_nodes\": [1, {\"x\\\"y\": null}], \"priority\": 1e3}"),
            "job:1:1: this job has no 'run'\n"
            "  1 | {\"nmae\": \"a\",\n"
            "    | ^\n"
            "  expected run: COMMAND\n"
            "job:1:2: there is no key 'nmae'\n"
            "  1 | {\"nmae\": \"a\",\n"
            "    |  ^~~~~~\n"
            "  did you mean 'name'?\n"
            "job:2:15: 'num_nodes' cannot be a list\n"
            "  2 |  \"num_nodes\": [1, {\"x\\\"y\": null}], \"priority\": 1e3}\n"
            "    |               ^\n"
            "  expected a whole number from 1 to 10000\n"
            "job:2:48: 'priority' cannot be '1e3'\n"
            "  2 |  \"num_nodes\": [1, {\"x\\\"y\": null}], \"priority\": 1e3}\n"
            "    |                                                ^~~\n"
            "  expected a whole number from -1000000 to 1000000\n");
  EXPECT_EQ(error(R"({"run": "x", "run": "y"})"),
            "job:1:14: the key 'run' stands here twice\n"
            "  1 | {\"run\": \"x\", \"run\": \"y\"}\n"
            "    |              ^~~~~\n"
            "  expected each key once\n");
  EXPECT_EQ(error("{\"run\": \"x\",}"),
            "job:1:13: this is not JSON: syntax error while parsing object key\n"
            "  1 | {\"run\": \"x\",}\n"
            "    |             ^\n");
  EXPECT_EQ(error(""),
            "job:1:1: this is not JSON: syntax error while parsing value\n"
            "  1 |\n"
            "    | ^\n");
  EXPECT_NE(error(std::string(100'000, '[')), "ok");
  EXPECT_NE(error("[]"), "ok");
  EXPECT_NE(error("null"), "ok");
  EXPECT_NE(error(R"({"run": "a\u0000b"})"), "ok");
}

class Home : public testing::Environment {
  void SetUp() override { setenv("HOME", "/home/me", 1); }
};
const auto* const home = testing::AddGlobalTestEnvironment(new Home);

}  // namespace
}  // namespace mohona
