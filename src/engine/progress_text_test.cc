// What is taken for progress, and what is not.
#include "engine/progress_text.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mohona {
namespace {

// "450/1000 loss=2.31", "-" for nothing.
std::string shown(const std::optional<StepsReport>& steps) {
  if (!steps) return "-";
  std::string text = std::to_string(steps->done);
  if (steps->total) text += "/" + std::to_string(*steps->total);
  for (const auto& [name, value] : steps->metrics) text += " " + name + "=" + value;
  return text;
}

struct Row {
  std::string text, shown;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.text; }

class ProgressFile : public testing::TestWithParam<Row> {};
TEST_P(ProgressFile, IsRead) {
  EXPECT_EQ(shown(parse_progress(GetParam().text)), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Every, ProgressFile,
    testing::Values(Row{"450/1000\n", "450/1000"}, Row{"450/1000", "450/1000"}, Row{"  7\n", "7"},
                    Row{"450/1000 loss=2.31 lr=3e-4\n", "450/1000 loss=2.31 lr=3e-4"},
                    Row{"450/1000\nloss=2.31\r\nepoch=3/9\n", "450/1000 loss=2.31 epoch=3/9"},
                    Row{"450/1000, loss=2.31, and so on, =3, x=", "450/1000 loss=2.31"},
                    Row{"450/1000 größe=1", "450/1000 größe=1"},
                    Row{"450/1000 red=\033[31m a=\xff b=2", "450/1000 b=2"}, Row{"450/0", "450/0"},
                    Row{"1200/1000", "1200/1000"},
                    Row{R"({"step": 10, "total": 100, "loss": 2.5, "phase": "warm", "more": {}})",
                        "10/100 loss=2.5 phase=warm"},
                    Row{R"({"step": 10})", "10"},
                    // A torn or an empty file, and whatever else.
                    Row{"", "-"}, Row{"\n", "-"}, Row{"450/", "-"}, Row{"/1000", "-"},
                    Row{"-4/10", "-"}, Row{"4.5/10", "-"}, Row{"45%", "-"}, Row{"loss=2.31", "-"},
                    Row{"1/2/3", "-"}, Row{"99999999999999999999/1", "-"},
                    Row{"1000000000000001", "-"}, Row{R"({"step": 10, "total")", "-"},
                    Row{R"({"step": "10"})", "-"}, Row{R"({"step": 1.5})", "-"},
                    Row{R"({"total": 10})", "-"}, Row{R"({"step": 1, "total": -1})", "-"},
                    Row{"[1, 2]", "-"}));

class ProgressLog : public testing::TestWithParam<Row> {};
TEST_P(ProgressLog, GivesItsNewestLine) {
  EXPECT_EQ(shown(parse_log_progress(GetParam().text)), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Every, ProgressLog,
    testing::Values(
        Row{" 45%|####5     | 450/1000 [00:10<00:12, 44.9it/s, loss=2.3]\n", "450/1000 loss=2.3"},
        Row{"\r 45%|████▌     | 450/1000 [00:10<00:12, 44.9it/s]", "450/1000"},
        Row{"\r 45%|█| 450/1000 [00:10<00:12, 44.9it/s]\r 46%|█| 460/1000 [00:10<00:12, 44.9it/s]",
            "460/1000"},
        Row{"Training:  45%|█| 450/1000 [00:10<00:12, 44.9it/s, loss=2.3, acc=0.5]\033[A",
            "450/1000 loss=2.3 acc=0.5"},
        Row{"  0%|          | 0/1000 [00:00<?, ?it/s]", "0/1000"},
        // What is still being written does not count, what stands before it does.
        Row{"45%|█| 450/1000 [00:10<00:12, 4it/s]\r 46%|█| 460/10", "450/1000"},
        Row{"step 450/1000\nstep 460/10", "450/1000"}, Row{"step 450/1000\n", "450/1000"},
        Row{"Step: 450/1000 loss=2.31\n", "450/1000 loss=2.31"},
        Row{"2026-01-01 [rank 0] step 450/1000 loss 2.31\nsaved\n", "450/1000"},
        Row{"timestep 4/5\n", "-"}, Row{"step 450\n", "-"}, Row{"read 4/5 [of them]\n", "-"},
        Row{"", "-"}, Row{"hello\n", "-"}, Row{"[00:10<00:12]\n", "-"},
        Row{std::string(5'000, '.') + "\nstep 7/9\n", "7/9"},
        // The part of the log begins within a line: its first number may be half a one.
        Row{"50/1000 [00:10<00:12, 4it/s]" + std::string(progress_bytes_max, ' ') + "\n", "-"}));

TEST(ProgressText, LeavesOutMetricsThatAreTooManyOrTooLong) {
  std::string text = "1/2 long=" + std::string(metric_bytes_max + 1, 'x');
  for (std::size_t i = 0; i < 2 * metrics_max; ++i) text += " m" + std::to_string(i) + "=1";
  const auto steps = parse_progress(text);
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->metrics.size(), metrics_max);
  EXPECT_EQ(steps->metrics.front().first, "m0");
}

}  // namespace
}  // namespace mohona
