// The page about simulations, and the timeline under its pictures.
#include "sim/report.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp start = Timestamp{} + 1h;

Fleet two_clouds() {
  Fleet fleet;
  for (const char* cloud : {"aws", "<gcp>"}) {
    Pool pool;
    pool.name = pool.cloud = cloud;
    pool.shape.cpus_milli = 8'000;
    pool.shape.gpus = 4;
    pool.shape.gpu = "gpu";
    pool.nodes = 2;
    fleet.pools.push_back(pool);
  }
  return fleet;
}

Fact placed(std::uint64_t job, const std::string& cloud, std::int64_t gpus, Timestamp at) {
  Attempt attempt;
  attempt.id = {JobId{job}, 0, 1};
  attempt.pool = attempt.cloud = cloud;
  attempt.demand.gpus = gpus;
  attempt.holdings = {Holding{0, {}}};
  attempt.placed_at = at;
  return AttemptPlaced{attempt};
}

TEST(Timeline, HasTheMeansOfItsSpans) {
  Timeline timeline(two_clouds(), start);
  EXPECT_EQ(timeline.clouds(), (std::vector<std::string>{"aws", "<gcp>"}));
  EXPECT_EQ(timeline.capacity(0), 8);
  timeline.wait(4, start);
  timeline.take({placed(1, "aws", 2, start)}, start + 500ms);
  timeline.take({AttemptEnded{{JobId{1}, 0, 1}, {}, start + 2s}}, start + 2s);
  timeline.wait(0, start + 3s);
  ASSERT_EQ(timeline.spans(), 3);
  EXPECT_EQ(timeline.waiting(0), 4);
  EXPECT_EQ(timeline.used(0, 0), 1);  // two GPUs for half of it
  EXPECT_EQ(timeline.used(1, 0), 2);
  EXPECT_EQ(timeline.used(2, 0), 0);
  EXPECT_EQ(timeline.used(1, 1), 0);
}

TEST(Timeline, MergesNeighboursRatherThanGrow) {
  Timeline timeline(two_clouds(), start);
  timeline.take({placed(1, "aws", 2, start)}, start);
  for (int i = 1; i <= 1'000; ++i) timeline.wait(i % 2 == 0 ? 10 : 20, start + i * 1h);
  EXPECT_LE(timeline.spans(), Timeline::spans_max);
  EXPECT_GE(timeline.spans(), Timeline::spans_max / 4);
  EXPECT_EQ(timeline.used(timeline.spans() - 1, 0), 2);
  double mean = 0;
  for (std::size_t i = 0; i < timeline.spans(); ++i) mean += timeline.waiting(i);
  EXPECT_NEAR(mean / static_cast<double>(timeline.spans()), 15, 0.2);
}

SimulateResult result_of(const std::string& policy, Duration wait) {
  SimulateResult result;
  result.policy = policy;
  Timeline& timeline = result.timeline.emplace(two_clouds(), start);
  for (int i = 0; i < 20; ++i) {
    JobOutcome job;
    job.submitted = start + i * 1min;
    job.runs = (i + 1) * 3min;
    job.gpu_milli = (i % 4 + 1) * 1'000;
    job.started = job.submitted + wait;
    job.ended = *job.started + job.runs;
    job.state = JobState::succeeded;
    result.jobs.push_back(job);
    timeline.take(
        {placed(static_cast<std::uint64_t>(i + 1), i % 2 ? "aws" : "<gcp>", 1, job.submitted)},
        job.submitted);
    timeline.wait(static_cast<std::size_t>(i), job.submitted);
  }
  result.figures = figures_of(result.jobs);
  return result;
}

std::string page() {
  const ReportAbout about{"Jobs & <policies>", {{"Trace", "a \"trace\""}}};
  return report_page(about, {result_of("fifo", 50min), result_of("default", 20min)});
}

// Whether every element is closed where it should be; "" or what is wrong.
std::string unbalanced(const std::string& html) {
  std::vector<std::string> open;
  const std::size_t style_from = html.find("<style>"), style_to = html.find("</style>");
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    if (at > style_from && at < style_to) continue;
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return "a tag without an end";
    std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    const bool closes = tag.starts_with('/');
    const std::string name = tag.substr(closes, tag.find_first_of(" \n", closes) - closes);
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

TEST(Report, IsWellFormedAndWhole) {
  const std::string html = page();
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_NE(html.find("Jobs &amp; &lt;policies&gt;"), std::string::npos);
  EXPECT_NE(html.find("&lt;gcp&gt;"), std::string::npos);
  for (const char* number : {"nan ", "nan\"", "nanL", "nan<", "inf ", "inf\"", "infL", "inf<"}) {
    EXPECT_EQ(html.find(number), std::string::npos) << number;
  }
  for (const char* fetched : {"<script", "<link", "src=", "url(", "@import"}) {
    EXPECT_EQ(html.find(fetched), std::string::npos) << fetched;
  }
}

TEST(Report, HasThePicturesAndTheFigures) {
  const std::string html = page();
  for (const char* title :
       {"The policies side by side", "How long jobs took", "How long jobs waited, by size",
        "How many jobs waited", "GPUs in use: fifo", "GPUs in use: default"}) {
    EXPECT_NE(html.find(title), std::string::npos) << title;
  }
  for (const SimulateResult& result : {result_of("fifo", 50min), result_of("default", 20min)}) {
    for (const auto& [key, value] : result.figures.items()) {
      EXPECT_NE(html.find("<td>" + value.dump() + "</td>"), std::string::npos) << key;
    }
  }
  EXPECT_NE(html.find("<td class=\"best\" title=\"1200.00 seconds\">20.0 min</td>"),
            std::string::npos);
}

TEST(Report, IsTheSameForTheSameResults) { EXPECT_EQ(page(), page()); }

TEST(Report, SaysThatJobsHaveNotEnded) {
  SimulateResult result = result_of("fifo", 50min);
  for (std::size_t i = 0; i < 5; ++i) result.jobs[i].ended.reset();
  result.figures = figures_of(result.jobs);
  const std::string html = report_page({"Some", {}}, {result});
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_NE(html.find("Under fifo, 5 of 20 jobs have not ended"), std::string::npos);
}

TEST(Report, OfNothingIsAPageToo) {
  SimulateResult result;
  result.policy = "default";
  result.figures = figures_of({});
  EXPECT_EQ(unbalanced(report_page({"Nothing", {}}, {result})), "");
}

}  // namespace
}  // namespace mohona
