#include "engine/host/srun_options.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mohona::host {
namespace {

std::string job(const char* variable) {
  const std::string_view name = variable;
  if (name == "SLURM_JOB_ID") return "7";
  if (name == "SLURM_NNODES") return "2";
  if (name == "SLURM_NTASKS") return "8";
  if (name == "SLURM_JOB_NODELIST") return "node[1-2]";
  return "";
}

Result<SrunOptions> parse(const std::string& line) {
  std::vector<std::string> words;
  for (const std::string_view word : split(line, ' ')) words.emplace_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  return parse_srun(static_cast<int>(words.size()), arguments.data(), job);
}

TEST(SrunOptions, SayHowManyTasksRunOnHowManyNodes) {
  const struct {
    const char* line;
    std::int64_t tasks, nodes;
  } cases[] = {
      {"srun hostname", 8, 2},
      {"srun -n 4 hostname", 4, 2},
      {"srun -n4 -N1 hostname", 4, 1},
      {"srun --ntasks=1 hostname", 1, 1},
      {"srun --nodes=1 --ntasks=1 -w node1 hostname", 1, 1},
      {"srun --ntasks-per-node=3 hostname", 6, 2},
      {"srun --ntasks-per-node 3 -N 1 hostname", 3, 1},
      {"srun --ntasks-per-n 3 hostname", 6, 2},
      {"srun -c 4 --gres gpu:1 --cpu-bind=v,cores -l --jobid=7 -n 2 hostname -n 9", 2, 2},
  };
  for (const auto& [line, tasks, nodes] : cases) {
    const auto options = parse(line);
    ASSERT_TRUE(options) << line << ": " << options.error().message;
    EXPECT_EQ(options->tasks, tasks) << line;
    EXPECT_EQ(options->nodes, nodes) << line;
    EXPECT_EQ(options->command.front(), "hostname") << line;
  }
}

TEST(SrunOptions, MistakesAreNamed) {
  const struct {
    const char *line, *message;
  } cases[] = {
      {"srun", "srun: no command"},
      {"srun -n", "srun: -n needs a value"},
      {"srun --ntasks", "srun: --ntasks needs a value"},
      {"srun -n x hostname", "srun: --ntasks is 'x'; expected a number from 1 to 10000"},
      {"srun -n 0 hostname", "srun: --ntasks is '0'; expected a number from 1 to 10000"},
      {"srun -n 99999999999999999999 hostname",
       "srun: --ntasks is '99999999999999999999'; expected a number from 1 to 10000"},
      {"srun -w node7 hostname", "srun: node7 is not a node of this job"},
      {"srun -w node[7 hostname", "srun: 'node[7' is not a list of nodes"},
      {"srun --jobid=8 hostname",
       "srun: job 8 is not this one; steps of other jobs cannot be started here"},
      {"srun --pty bash", "srun: --pty cannot be done here"},
      {"srun --het-group=1 a", "srun: --het-group cannot be done here"},
      {"srun --nonsense a", "srun: --nonsense is not an option that is known here"},
      {"srun -y a", "srun: -y is not an option that is known here"},
  };
  for (const auto& [line, message] : cases) {
    const auto options = parse(line);
    ASSERT_FALSE(options) << line;
    EXPECT_EQ(options.error().message, message);
  }
}

}  // namespace
}  // namespace mohona::host
