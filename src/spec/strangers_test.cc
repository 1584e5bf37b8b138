// Files as strangers write them, and mistakes of their kinds. The files are in tests/strangers.
#include <gtest/gtest.h>

#include "base/text.h"
#include "model/codec.h"
#include "spec/fleet_file.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

struct Read {
  std::vector<Submission> jobs;
  std::vector<std::string> notes;
  std::string error;

  const JobSpec& spec(std::size_t i = 0) const { return jobs.at(i).spec; }
  Demand demand(std::size_t choice = 0) const { return spec().resources.choices.at(choice).demand; }
};

Read read(const Source& source, const Overrides& overrides = {}) {
  Read out;
  auto jobs = parse_job_file(source, overrides, &out.notes);
  if (jobs) {
    out.jobs = std::move(*jobs);
  } else {
    out.error = jobs.error().message;
  }
  return out;
}

Read read_stranger(const std::string& path) {
  const auto file = tests_directory() / "strangers" / path;
  return read({file.filename(), read_file(file), file.parent_path()});
}

Read read_job(const std::string& text, const Overrides& overrides = {}) {
  return read({"job.yaml", text, "/nowhere", false}, overrides);
}

Read read_script(const std::string& options) {
  return read({"job.sbatch", "#!/bin/bash\n#SBATCH " + options + "\ntrue\n", "/nowhere", false});
}

// --- accelerators and amounts
// ---------------------------------------------------------------------

TEST(Strangers, AcceleratorsAsASetInBracesAreAlternatives) {
  const Read job = read_stranger("accelerators-as-a-set-in-braces/job.yaml");
  ASSERT_EQ(job.error, "");
  ASSERT_EQ(job.spec().resources.choices.size(), 2);
  EXPECT_EQ(job.demand(0).gpu, "a100");
  EXPECT_EQ(job.demand(0).gpus, 8);
  EXPECT_EQ(job.demand(1).gpu, "h100");
  EXPECT_EQ(job.demand(1).gpus, 8);
}

TEST(Strangers, AnAcceleratorSetMayMixItsForms) {
  const Read job = read_job("resources: {accelerators: {L4, A100:2, H100: 8, T4:0.5}}\nrun: x\n");
  ASSERT_EQ(job.error, "");
  std::string shown;
  for (const Choice& choice : job.spec().resources.choices) {
    shown +=
        fmt::format("{}:{}:{} ", choice.demand.gpu, choice.demand.gpus, choice.demand.gpu_milli);
  }
  EXPECT_EQ(shown, "l4:1:0 a100:2:0 h100:8:0 t4:0:500 ");
  EXPECT_EQ(
      read_job("resources: {accelerators: {A100:x}}\nrun: x\n").error,
      "job.yaml:1:28: 'accelerators' cannot be 'A100:x'\n"
      "  1 | resources: {accelerators: {A100:x}}\n"
      "    |                            ^~~~~~\n"
      "  expected a whole number of accelerators from 1 to 1024, or a part of one with at most 3 "
      "decimals, such as 0.5\n");
}

TEST(Strangers, AKeyWithoutABlankAfterItsColonIsTold) {
  struct Row {
    const char *text, *said, *hint;
  };
  constexpr Row rows[] = {
      {"resources: {cpus:4}\nrun: x\n", "there is no blank after the colon of 'cpus:4'",
       "expected cpus: 4"},
      {"envs: {A:1}\nrun: x\n", "there is no blank after the colon of 'A:1'", "expected A: 1"},
      {"file_mounts: {/data:./x}\nrun: x\n", "there is no blank after the colon of '/data:./x'",
       "expected /data: ./x"},
  };
  for (const Row& row : rows) {
    const std::string error = read_job(row.text).error;
    EXPECT_NE(error.find(row.said), error.npos) << error;
    EXPECT_NE(error.find(row.hint), error.npos) << error;
    EXPECT_EQ(error.find("job.yaml:", 1), error.npos) << "one message: " << error;
  }
}

TEST(Strangers, AnyAmountOfMemoryAndCoresIsRoundedUp) {
  EXPECT_EQ(read_stranger("a-tenth-of-a-gigabyte/job.yaml").demand().memory_mib, 103);
  const Read odd = read_stranger("odd-amounts-of-memory/job.yaml");
  EXPECT_EQ(odd.demand().memory_mib, 3'789);
  EXPECT_EQ(odd.demand().cpus_milli, 300);
  EXPECT_FALSE(odd.spec().resources.limit_memory);
  struct Row {
    const char* amount;
    std::int64_t mib;
  };
  constexpr Row rows[] = {{"0.1GB", 103},       {"1.3 MB", 2},        {"0.0000001", 1},
                          {"2.5TB", 2'621'440}, {"0.333333333", 342}, {"1.5", 1'536}};
  for (const Row& row : rows) {
    EXPECT_EQ(read_job(fmt::format("resources: {{memory: {}}}\nrun: x\n", row.amount))
                  .demand()
                  .memory_mib,
              row.mib)
        << row.amount;
  }
  EXPECT_EQ(read_job("resources: {cpus: 0.3333}\nrun: x\n").demand().cpus_milli, 334);
  EXPECT_NE(read_job("resources: {memory: 0}\nrun: x\n").error, "");
  EXPECT_NE(read_job("resources: {memory: -1}\nrun: x\n").error, "");
  EXPECT_NE(read_job("resources: {memory: 1.2.3}\nrun: x\n").error, "");
}

TEST(Strangers, AMachineHasNoMoreThanItSays) {
  const auto fleet = parse_fleet_file(
      {"fleet.yaml",
       "pools:\n- {name: a, cloud: x, shape: {cpus: 1.9999, memory: 3.7GB}, nodes: 1}\n", "/"});
  ASSERT_TRUE(fleet) << fleet.error().message;
  EXPECT_EQ(fleet->pools[0].shape.memory_mib, 3'788);
  EXPECT_EQ(fleet->pools[0].shape.cpus_milli, 1'999);
}

TEST(Strangers, K8sIsKubernetesInJobsAndPools) {
  const auto file = tests_directory() / "strangers/a-pool-of-cloud-k8s/fleet.yaml";
  const auto fleet = parse_fleet_file({"fleet.yaml", read_file(file), "/"});
  ASSERT_TRUE(fleet) << fleet.error().message;
  EXPECT_EQ(fleet->pools[0].cloud, "kubernetes");
  const Read job = read_stranger("a-pool-of-cloud-k8s/job.yaml");
  EXPECT_EQ(*job.spec().resources.choices[0].cloud, "kubernetes");
  const Read inputs = read_job("inputs: {k8s/team: 20}\nrun: x\n");
  EXPECT_EQ((*inputs.spec().inputs)[0].place.cloud, "kubernetes");
}

// --- keys without effect
// --------------------------------------------------------------------------

TEST(Strangers, KeysAboutRentedMachinesGiveOneNote) {
  const Read job = read_stranger("keys-about-rented-machines/job.yaml");
  EXPECT_EQ(job.error, "");
  EXPECT_EQ(join(job.notes, "\n"),
            "job.yaml:4: note: 'disk_size', 'disk_tier' (line 5) and 'autostop' (line 6) have no "
            "effect: Mohona rents no machines");
  const Read any = read_job(
      "resources:\n  any_of: [{cpus: 1}, {cpus: 2, labels: {a: b}}]\n  network_tier: best\n"
      "  accelerator_args: {tpu_name: x}\nrun: x\n");
  EXPECT_EQ(join(any.notes, "\n"),
            "job.yaml:2: note: 'labels', 'network_tier' (line 3) and 'accelerator_args' (line 4) "
            "have no effect: Mohona rents no machines");
  EXPECT_TRUE(
      read_job("resources: {disk_size: , labels: {}, image_id: null}\nrun: x\n").notes.empty());
}

TEST(Strangers, OptionsAboutPeopleGiveOneNote) {
  const Read job = read_stranger("sbatch-options-about-people/job.sbatch");
  EXPECT_EQ(job.error, "");
  EXPECT_EQ(job.spec().name, "people");
  EXPECT_EQ(join(job.notes, "\n"),
            "job.sbatch:3: note: '--account', '--qos', '--mail-type' (line 4), '--mail-user' and "
            "'--comment' (line 5) have no effect: Mohona bills by queue and job; Mohona sends no "
            "mail");
  const Read rest =
      read_script("--hint=nomultithread --open-mode append --wckey=x --mail-type=NONE");
  EXPECT_EQ(
      join(rest.notes, "\n"),
      "job.sbatch:2: note: '--hint', '--open-mode' and '--wckey' have no effect: Mohona bills "
      "by queue and job");
}

// --- options of batch scripts
// ---------------------------------------------------------------------

TEST(Strangers, AnOptionMayBeShortened) {
  const Read job = read_stranger("sbatch-options-may-be-shortened/job.sbatch");
  EXPECT_EQ(job.error, "");
  EXPECT_EQ(*job.spec().output_path, "short-%j.txt");
  EXPECT_EQ(read_script("--tasks=2").spec().tasks_per_node, 2);
  EXPECT_EQ(read_script("--job x").spec().name, "x");
  EXPECT_EQ(read_script("--gres=gpu:1 --gpus=1").error.empty(), false);
  EXPECT_EQ(read_script("--mem=1G").demand().memory_mib, 1'024);  // not --mem-per-cpu
}

TEST(Strangers, AnAmbiguousOptionIsRefusedWithItsCandidates) {
  EXPECT_EQ(read_stranger("sbatch-options-shortened-otherwise/job.sbatch").error,
            "job.sbatch:2:21: '--cpus' may be several options\n"
            "  2 | #SBATCH --job=short --cpus=1 --tasks=2\n"
            "    |                     ^~~~~~\n"
            "  expected one of --cpus-per-gpu, --cpus-per-task\n");
}

TEST(Strangers, HeterogeneousJobsAreKnownAndRefusedOnce) {
  EXPECT_EQ(read_stranger("hetjob-is-known-and-told/job.sbatch").error,
            "job.sbatch:4:9: 'hetjob' begins another part of a heterogeneous job, which Mohona "
            "cannot honour yet\n"
            "  4 | #SBATCH hetjob\n"
            "    |         ^~~~~~\n"
            "  expected two scripts, one of which needs the other, or one kind of node\n");
  EXPECT_EQ(read_stranger("packjob-is-the-older-word/job.sbatch").error,
            "job.sbatch:3:9: 'packjob' begins another part of a heterogeneous job, which Mohona "
            "cannot honour yet\n"
            "  3 | #SBATCH packjob\n"
            "    |         ^~~~~~~\n"
            "  expected two scripts, one of which needs the other, or one kind of node\n");
}

TEST(Strangers, NoGpusIsANumberOfGpus) {
  for (const char* option : {"--gres=gpu:0", "--gres=none", "--gpus=0", "--gpus-per-node=a100:0"}) {
    const Read job = read_script(option);
    ASSERT_EQ(job.error, "") << option;
    EXPECT_EQ(job.demand().gpus, 0) << option;
  }
}

TEST(Strangers, OfAnOptionThatIsRepeatedTheLastCounts) {
  EXPECT_EQ(read_script("--mem=1G --mem=2G").demand().memory_mib, 2'048);
  EXPECT_EQ(read_script("--gres=gpu:1\n#SBATCH --gres=gpu:2").demand().gpus, 2);
}

TEST(Strangers, AnyTextIsAJobName) {
  const Read job = read_stranger("job-names-with-blanks/job.sbatch");
  EXPECT_EQ(job.error, "");
  EXPECT_EQ(job.spec().name, "my-first-run");
  EXPECT_EQ(join(job.notes, "\n"),
            "job.sbatch:2: note: the job is called 'my-first-run': expected at most 63 of letters, "
            "digits, '.', '_' and '-', beginning with a letter or digit");
  EXPECT_EQ(read_script("-J \"" + std::string(100, 'x') + "\"").spec().name, std::string(63, 'x'));
  EXPECT_EQ(read_script("-J \"@@\"").spec().name, "job");
}

TEST(Strangers, WhatIsUnknownInAnOutputNameIsAnError) {
  const Read wide = read_stranger("output-pattern-with-width/job.sbatch");
  EXPECT_EQ(wide.error, "");
  EXPECT_EQ(*wide.spec().output_path, "wide-%3a.txt");
  EXPECT_EQ(
      read_script("--output=a-%q.txt -e %").error,
      "job.sbatch:2:20: '%q' means nothing in the name of a file\n"
      "  2 | #SBATCH --output=a-%q.txt -e %\n"
      "    |                    ^~\n"
      "  expected %j %A %a %b %x %u %N %n %t or %%, perhaps with a number of digits up to 10, "
      "such as %4a\n"
      "job.sbatch:2:30: '%' means nothing in the name of a file\n"
      "  2 | #SBATCH --output=a-%q.txt -e %\n"
      "    |                              ^\n"
      "  expected %j %A %a %b %x %u %N %n %t or %%, perhaps with a number of digits up to 10, "
      "such as %4a\n");
}

TEST(Strangers, TasksOfAnArrayThatShareAFileAreTold) {
  EXPECT_EQ(join(read_script("--array=0-3 -o all.txt").notes, "\n"),
            "job.sbatch:2: note: all tasks of the array write to 'all.txt'; %a in its name tells "
            "them apart");
  for (const char* fine :
       {"-a 0-3 -o %a", "-a 0-3 -o out-%j.txt", "-a 0-3 -o /dev/null", "-o all"}) {
    EXPECT_TRUE(read_script(fine).notes.empty()) << fine;
  }
}

TEST(Strangers, OtherResourcesOfGresAreToldWhereTheyStand) {
  EXPECT_EQ(read_stranger("gres-with-other-resources/job.sbatch").error,
            "job.sbatch:2:33: 'lscratch:10' is a resource that Mohona cannot honour yet\n"
            "  2 | #SBATCH -J scratch --gres=gpu:1,lscratch:10\n"
            "    |                                 ^~~~~~~~~~~\n"
            "  expected gpu:COUNT or gpu:TYPE:COUNT\n");
}

// --- empty values
// ---------------------------------------------------------------------------------

TEST(Strangers, NeedsNothingStartsAtOnce) {
  const Read jobs = read_stranger("needs-nothing/job.yaml");
  ASSERT_EQ(jobs.error, "");
  ASSERT_EQ(jobs.jobs.size(), 2);
  EXPECT_TRUE(jobs.spec(1).needs.empty());
  // Absent, it is SkyPilot's pipeline; null is as empty as a list is.
  EXPECT_EQ(read_job("name: p\n---\nname: a\nrun: x\n---\nname: b\nrun: x\n").spec(1).needs->size(),
            1);
  EXPECT_TRUE(read_job("name: p\n---\nname: a\nrun: x\n---\nname: b\nneeds:\nrun: x\n")
                  .spec(1)
                  .needs.empty());
}

TEST(Strangers, AnEmptyValueIsTheDefault) {
  const std::string plain = encode(read_job("run: x\n").spec());
  for (const char* key :
       {"name",     "kind",     "setup",       "num_nodes",    "min_nodes",   "max_nodes",
        "topology", "features", "reservation", "workdir",      "file_mounts", "envs",
        "secrets",  "needs",    "shards",      "service",      "resources",   "checkpoint",
        "retries",  "progress", "estimate",    "max_duration", "deadline",    "inputs",
        "budget",   "queue",    "priority",    "config",       "volumes"}) {
    for (const char* empty : {"null", "", "''", "[]", "{}"}) {
      const Read job = read_job(fmt::format("{}: {}\nrun: x\n", key, empty));
      ASSERT_EQ(job.error, "") << key << ": " << empty;
      EXPECT_EQ(encode(job.spec()), plain) << key << ": " << empty;
    }
  }
  for (const char* key :
       {"cpus", "memory", "accelerators", "speed", "use_spot", "infra", "cloud", "region", "zone",
        "instance_type", "any_of", "ordered", "ports", "job_recovery", "labels", "disk_size"}) {
    for (const char* empty : {"null", "''", "[]", "{}"}) {
      const Read job = read_job(fmt::format("resources: {{{}: {}}}\nrun: x\n", key, empty));
      EXPECT_EQ(job.error, "") << key << ": " << empty;
    }
  }
}

TEST(Strangers, AKeyThatMustBeThereMustHaveAValue) {
  for (const char* empty : {"null", "''", "[]", "{}"}) {
    const std::string error = read_job(fmt::format("run: {}\nname: a\n", empty)).error;
    EXPECT_TRUE(error.starts_with("job.yaml:1:1: 'run' has no value\n")) << error;
  }
  EXPECT_TRUE(read_job("checkpoint: {path: '', grace: 5s}\nrun: x\n")
                  .error.starts_with("job.yaml:1:14: 'path' has no value\n"));
  EXPECT_NE(read_job("nmae: ''\nrun: x\n").error.find("did you mean 'name'"), std::string::npos);
}

TEST(Strangers, AnEmptyOptionOfAScriptIsTheDefault) {
  const auto spec = [](const std::string& options) {
    JobSpec out = read_script(options).spec();
    out.run = "";
    return encode(out);
  };
  EXPECT_EQ(spec("--partition= --output=\"\" --time= --gres="), spec(""));
  EXPECT_NE(read_script("--partition").error, "");
}

TEST(Strangers, AnEmptyValueInAFleetIsTheDefault) {
  const auto fleet = parse_fleet_file(
      {"fleet.yaml",
       "pools:\n- {name: a, cloud: x, region: '', zone: null, shape: {cpus: 1, accelerators: {}},\n"
       "   nodes: 1, topology: {}, features: [], price: }\n"
       "queues: []\nscheduling: {}\nreservations:\ncontracts: []\noffers: {}\n",
       "/"});
  EXPECT_TRUE(fleet) << fleet.error().message;
}

// --- variables, groups, paths
// ---------------------------------------------------------------------

TEST(Strangers, VariablesInAProbeAreFilledIn) {
  const Read job = read_stranger("variables-in-a-probe/job.yaml");
  ASSERT_EQ(job.error, "");
  EXPECT_EQ(job.spec().service->probe.post_data, R"({"model":"small","prompt":"hi"})");
  const auto path = [](const std::string& service, const Overrides& overrides = {}) {
    const Read read =
        read_job("envs: {M: a\"b, N: 2}\nservice: " + service + "\nrun: x\n", overrides);
    if (!read.error.empty()) return read.error;
    const ReadinessProbe& probe = read.spec().service->probe;
    return fmt::format("{} {} {}", probe.path, probe.post_data, read.spec().service->replicas);
  };
  EXPECT_EQ(path("{readiness_probe: '/v$N/${N}x$NX$$', replicas: $N}"), "/v2/2x$NX$$  2");
  EXPECT_EQ(path("{readiness_probe: {path: /, post_data: '{\"m\": \"$M\", \"n\": 1}'}}"),
            R"(/ {"m":"a\"b","n":1} 1)");
  EXPECT_EQ(path("{readiness_probe: {path: /, post_data: '{\"n\": $N}'}}"), R"(/ {"n": 2} 1)");
  EXPECT_EQ(path("{readiness_probe: /$N}", {{{"N", "over"}}, {}}), "/over  1");
}

TEST(Strangers, VariablesInPathsAreFilledIn) {
  const Read job = read_job(
      "envs: {WHERE: data, T: out}\nworkdir: /$WHERE/x\nfile_mounts: {$T/in: '/a/${WHERE}'}\nrun: "
      "x\n");
  ASSERT_EQ(job.error, "");
  EXPECT_EQ(job.spec().workdir, "/data/x");
  EXPECT_EQ((*job.spec().file_mounts)[0].target, "out/in");
  EXPECT_EQ((*job.spec().file_mounts)[0].source, "/a/data");
}

TEST(Strangers, ASecretIsNoVariableOfWhatIsStored) {
  EXPECT_EQ(read_job("secrets: {KEY: x}\nservice: {readiness_probe: /$KEY}\nrun: x\n").error,
            "job.yaml:2:28: 'KEY' is a secret, and what stands here is stored\n"
            "  2 | service: {readiness_probe: /$KEY}\n"
            "    |                            ^~~~~\n"
            "  expected a variable of 'envs'\n");
}

TEST(Strangers, ValuesOfVariablesAreBounded) {
  std::string paths;
  for (int i = 0; i < 200; ++i) paths += fmt::format("  t{}: /$A\n", i);
  const Read job =
      read_job("envs: {A: " + std::string(1'000, 'a') + "}\nfile_mounts:\n" + paths + "run: x\n");
  EXPECT_NE(job.error.find("the values of variables make this too long"), job.error.npos);
}

TEST(Strangers, AJobGroupIsOneMistake) {
  EXPECT_EQ(read_stranger("a-job-group/job.yaml").error,
            "job.yaml:2:1: 'execution' asks for a job group, which Mohona cannot honour yet\n"
            "  2 | execution: parallel\n"
            "    | ^~~~~~~~~\n"
            "  take it out to run the jobs one after another; needs: [] starts a job at once\n");
  EXPECT_EQ(read_job("name: p\nexecution: serial\n---\nname: a\nrun: x\n---\nname: b\nrun: x\n")
                .jobs.size(),
            2);
}

TEST(Strangers, APathFromWhereOneStandsIsTold) {
  const auto here = tests_directory() / "strangers/paths-from-where-one-stands";
  const auto file = here / "examples/web/task.yaml";
  const Read job =
      read({"examples/web/task.yaml", read_file(file), file.parent_path(), true, here});
  const std::string directory = file.parent_path();
  EXPECT_NE(job.error.find(fmt::format(
                "looked for {0}/examples/web: paths start at the file's directory. {0} exists: for "
                "that, write .\n",
                directory)),
            job.error.npos)
      << job.error;
}

TEST(Strangers, AMountOfALocalPathMayBeAMap) {
  const Read job = read_stranger("a-mount-as-a-map-with-a-local-source/job.yaml");
  ASSERT_EQ(job.error, "");
  EXPECT_EQ((*job.spec().file_mounts)[0].target, "input");
  EXPECT_EQ((*job.spec().file_mounts)[0].source,
            tests_directory() / "strangers/a-mount-as-a-map-with-a-local-source/data");
  EXPECT_EQ(
      read_job("file_mounts:\n  /ckpt: {name: bucket, mode: MOUNT, store: s3}\nrun: x\n").error,
      "job.yaml:2:11: 'name' asks for a bucket, which Mohona cannot honour yet\n"
      "  2 |   /ckpt: {name: bucket, mode: MOUNT, store: s3}\n"
      "    |           ^~~~\n"
      "  expected source: a path on this machine. A directory that survives attempts is "
      "checkpoint: {path: /ckpt}\n"
      "job.yaml:2:38: 'store' asks for a bucket, which Mohona cannot honour yet\n"
      "  2 |   /ckpt: {name: bucket, mode: MOUNT, store: s3}\n"
      "    |                                      ^~~~~\n"
      "  expected source: a path on this machine. A directory that survives attempts is "
      "checkpoint: {path: /ckpt}\n");
}

TEST(Strangers, TwoNeedsOfOneVariableAreAMistake) {
  EXPECT_EQ(read_stranger("two-needs-one-variable/job.yaml").error,
            "job.yaml:8:14: 'a-b' and 'a_b' have the same variable, MOHONA_INPUT_A_B\n"
            "  8 | needs: [a-b, a_b]\n"
            "    |              ^~~\n"
            "  rename one of the two jobs\n");
  EXPECT_EQ(read_job("needs: [a, a]\nrun: x\n").error, "");
}

// Of how many mistakes a message tells.
std::ptrdiff_t mistakes(const std::string& text) {
  const std::string error = read_job(text).error;
  std::ptrdiff_t count = 0;
  for (const std::string_view line : split(error, '\n')) count += line.starts_with("job.yaml:");
  return count;
}

TEST(Strangers, OneMistakeIsToldOnce) {
  for (const char* text :
       {"rum: true\n", "kind: serv\nservice: {readiness_probe: /}\nrun: x\n",
        "kind: dat\nshards: {count: 2}\nrun: x\n", "kind: serve\nservce: {}\nrun: x\n",
        "service: {readines_probe: /}\nrun: x\n", "checkpoint: {pth: a}\nrun: x\n",
        "resources: {accelerators: 'A 100', speed: {A100: 2}}\nrun: x\n",
        "resources: {accelerators: {A100:x}}\nrun: x\n", "num_nodes: x\nmin_nodes: 4\nrun: x\n",
        "service: 3\nrun: x\n", "shards: 3\nrun: x\n", "config: {hooks: [{rn: x}]}\nrun: x\n",
        "name: g\nexecution: parallel\nprimary_tasks: [a]\n---\nname: a\nrun: x\n"}) {
    EXPECT_EQ(mistakes(text), 1) << text << read_job(text).error;
  }
  // What lacks is told where nothing was mistyped for it.
  EXPECT_EQ(mistakes("nmae: a\n"), 2);
}

TEST(Strangers, AValueThatIsNotUtf8IsToldByItsName) {
  const auto file = tests_directory() / "strangers/a-variable-that-is-not-utf8/job.yaml";
  const auto with = [&](const Overrides& overrides) {
    return read({"job.yaml", read_file(file), "/"}, overrides).error;
  };
  EXPECT_EQ(with({{{"NAME", "\xff"}}, {}}), "'NAME' is not UTF-8");
  EXPECT_EQ(with({{}, {{"KEY", "a\xc3"}}}), "'KEY' is not UTF-8");
  EXPECT_EQ(with({{}, {{"KEY", std::string("a\0b", 3)}}}), "the value of 'KEY' holds a NUL");
  EXPECT_EQ(with({{{"NAME", "h\xc3\xa9"}}, {}}), "");
}

}  // namespace
}  // namespace mohona
