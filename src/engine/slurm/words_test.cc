#include "engine/slurm/words.h"

#include <gtest/gtest.h>

namespace mohona::slurm {
namespace {

// As Slurm 22.05 printed them.
constexpr const char* node_line =
    "NodeName=node1 Arch=x86_64 CoresPerSocket=1  CPUAlloc=2 CPUEfctv=16 CPUTot=16 CPULoad=2.88 "
    "AvailableFeatures=ib,big ActiveFeatures=ib Gres=gpu:h100:8 GresDrain=N/A "
    "GresUsed=gpu:h100:3(IDX:0-1,5) NodeAddr=127.0.0.1 NodeHostName=vm Port=21290 Version=22.05.8 "
    "OS=Linux 6.18.44 #1 SMP PREEMPT_DYNAMIC @0  RealMemory=16000 AllocMem=100 FreeMem=14897 "
    "Sockets=16 Boards=1 State=MIXED+DRAIN* ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A "
    "MCS_label=N/A Partitions=batch,urgent BootTime=2026-11-27T13:29:22 "
    "CfgTRES=cpu=16,mem=16000M,billing=16 AllocTRES= ExtSensorsTemp=n/s   "
    "Reason=fans are loud [root@2026-11-28T00:03:09]";

TEST(SlurmWords, ANodeIsReadFromItsLine) {
  const auto node = parse_node_line(node_line);
  ASSERT_TRUE(node);
  EXPECT_EQ(*node, (NodeInfo{.name = "node1",
                             .address = "127.0.0.1",
                             .partitions = {"batch", "urgent"},
                             .features = {"ib"},
                             .cpus = 16,
                             .cpus_used = 2,
                             .memory_mib = 16'000,
                             .memory_mib_used = 100,
                             .gpu = "h100",
                             .gpus = 8,
                             .gpus_used = 3,
                             .states = {"MIXED", "DRAIN", "NO_RESPOND"},
                             .reason = "fans are loud"}));
  EXPECT_FALSE(parse_node_line("slurm_load_node error: Unable to contact slurm controller"));
}

TEST(SlurmWords, AJobIsReadFromItsLine) {
  struct Case {
    const char* line;
    JobInfo job;
  };
  for (const Case& c : std::vector<Case>{
           {"1|N/A|RUNNING|None|2|mohona:ab:1",
            {"1", 0, JobPhase::running, "RUNNING", "", "mohona:ab:1", 2}},
           {"2_3|3|PENDING|Resources|6|mohona:ab:2",
            {"2_3", 3, JobPhase::pending, "PENDING", "Resources", "mohona:ab:2", 6}},
           {"7|N/A|NODE_FAIL|None|1|(null)",
            {"7", 0, JobPhase::ended, "NODE_FAIL", "", "(null)", 1}},
       }) {
    EXPECT_EQ(parse_queue_line(c.line), c.job) << c.line;
  }
  EXPECT_FALSE(parse_queue_line(""));
  EXPECT_FALSE(parse_queue_line("1|2|3"));
}

TEST(SlurmWords, StatesArePhasesAndTheirEndsHaveReasons) {
  struct Case {
    const char* state;
    JobPhase phase;
    const char* meaning;
  };
  for (const Case& c : std::vector<Case>{
           {"PENDING", JobPhase::pending, nullptr},
           {"CONFIGURING", JobPhase::pending, nullptr},
           {"REQUEUE_HOLD", JobPhase::pending, nullptr},
           {"RUNNING", JobPhase::running, nullptr},
           {"COMPLETING", JobPhase::running, nullptr},
           {"COMPLETED", JobPhase::ended, ""},
           {"FAILED", JobPhase::ended, ""},
           {"CANCELLED by 1000", JobPhase::ended, "somebody cancelled its Slurm job"},
           {"PREEMPTED", JobPhase::ended, "a Slurm job of higher priority took its nodes"},
           {"NODE_FAIL", JobPhase::ended, "a node of it failed"},
           {"TIMEOUT", JobPhase::ended, "it ran into the cluster's time limit"},
           {"OUT_OF_MEMORY", JobPhase::ended, "it used more than the memory that it asked for"},
           {"LAUNCH_FAILED", JobPhase::ended, "Slurm says LAUNCH_FAILED"},
       }) {
    EXPECT_EQ(phase_of(c.state), c.phase) << c.state;
    if (c.meaning) {
      EXPECT_EQ(describe_end(c.state), c.meaning);
    }
  }
}

TEST(SlurmWords, GresCountsGpusOfOneType) {
  struct Case {
    const char* text;
    const char* type;
    std::int64_t count;
  };
  for (const Case& c : std::vector<Case>{{"gpu:h100:8", "h100", 8},
                                         {"gpu:H100:8(S:0-1)", "h100", 8},
                                         {"gpu:4", "gpu", 4},
                                         {"gpu", "gpu", 1},
                                         {"gpu:a100:2(IDX:0,3),nvme:1", "a100", 2},
                                         {"nvme:1", "", 0},
                                         {"(null)", "", 0},
                                         {"", "", 0}}) {
    std::string type;
    std::int64_t count = 0;
    parse_gres(c.text, type, count);
    EXPECT_EQ(type, c.type) << c.text;
    EXPECT_EQ(count, c.count) << c.text;
  }
}

TEST(SlurmWords, SomeRefusalsConcernAllThatIsSentToAPartition) {
  for (const char* all :
       {"Invalid account or account/partition combination specified", "Invalid qos specification",
        "Requested reservation is invalid", "Zero Bytes were transmitted or received",
        "User's group not permitted to use this partition name",
        "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"}) {
    EXPECT_TRUE(concerns_all(all)) << all;
  }
  for (const char* one : {"Requested node configuration is not available",
                          "Requested time limit is invalid (missing or exceeds some limit)",
                          "Memory specification can not be satisfied"}) {
    EXPECT_FALSE(concerns_all(one)) << one;
  }
}

TEST(SlurmWords, AComplaintIsTheLastThingSaidWithoutItsWrapping) {
  EXPECT_EQ(
      complaint("sbatch: error: invalid partition specified: nopart\n"
                "sbatch: error: JobBatch job request failed: Invalid partition name specified\n"),
      "Invalid partition name specified");
  EXPECT_EQ(
      complaint("sbatch: error: Batch job submission failed: Requested reservation is invalid"),
      "Requested reservation is invalid");
  EXPECT_EQ(
      complaint("slurm_load_jobs error: Unable to contact slurm controller (connect failure)"),
      "Unable to contact slurm controller (connect failure)");
  EXPECT_EQ(complaint(""), "");
}

}  // namespace
}  // namespace mohona::slurm
