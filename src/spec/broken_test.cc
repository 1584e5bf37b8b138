// Every file under tests/spec/broken and the whole message that its author sees. With MOHONA_UPDATE
// the messages are written instead; read the difference.
#include <gtest/gtest.h>

#include <filesystem>

#include "spec/contracts_file.h"
#include "spec/fleet_file.h"
#include "spec/job_file.h"
#include "spec/price_file.h"
#include "spec/skypilot_catalogue.h"
#include "spec/test_files.h"
#include "spec/usage_file.h"

namespace mohona {
namespace {

std::vector<std::filesystem::path> broken_files(std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(tests_directory() / "spec/broken")) {
    const bool expected = entry.path().extension() == ".expected";
    if (expected == (extension == ".expected")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// "ok" when there is nothing wrong with it.
std::string message_of(const std::filesystem::path& path) {
  const Source source{path.filename(), read_file(path), "/nowhere"};
  if (source.name.starts_with("fleet_")) {
    const auto pools = parse_fleet_file(source);
    return pools ? "ok" : pools.error().message;
  }
  if (source.name.starts_with("contracts_")) {
    const auto contracts = parse_contracts_file(source);
    return contracts ? "ok" : contracts.error().message;
  }
  if (source.name.starts_with("usage_")) {
    const auto usage = parse_usage_file(source);
    return usage ? "ok" : usage.error().message;
  }
  if (source.name.starts_with("prices_")) {
    const auto prices = parse_price_file(source);
    return prices ? "ok" : prices.error().message;
  }
  if (source.name.starts_with("catalogue_")) {
    const auto prices = parse_skypilot_catalogue(source, "aws", {});
    return prices ? "ok" : prices.error().message;
  }
  const auto jobs = parse_job_file(source);
  return jobs ? "ok" : jobs.error().message;
}

class Broken : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Broken, ShowsItsWholeMessage) {
  const auto expected = std::filesystem::path(GetParam()).replace_extension(".expected");
  if (std::getenv("MOHONA_UPDATE")) std::ofstream(expected) << message_of(GetParam());
  ASSERT_TRUE(exists(expected)) << "no " << expected;
  EXPECT_EQ(message_of(GetParam()), read_file(expected));
}

INSTANTIATE_TEST_SUITE_P(Files, Broken, testing::ValuesIn(broken_files("")),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(BrokenFiles, AreAtLeastThirtyAndInPairs) {
  EXPECT_GE(broken_files("").size(), 30);
  for (std::filesystem::path path : broken_files(".expected")) {
    const bool has_source = exists(path.replace_extension(".yaml")) ||
                            exists(path.replace_extension(".sbatch")) ||
                            exists(path.replace_extension(".csv"));
    EXPECT_TRUE(has_source) << "nothing gives " << path.stem();
  }
}

}  // namespace
}  // namespace mohona
