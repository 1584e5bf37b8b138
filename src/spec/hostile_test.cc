// Texts that are made to break what reads them: every one ends in an error with a position, soon,
// and on the stack that a thread has by default.
#include <gtest/gtest.h>
#include <pthread.h>

#include "base/text.h"
#include "spec/assumptions_file.h"
#include "spec/contracts_file.h"
#include "spec/fleet_file.h"
#include "spec/price_file.h"
#include "spec/skypilot_catalogue.h"
#include "spec/test_files.h"
#include "spec/usage_file.h"

namespace mohona {
namespace {

std::string times(std::size_t n, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

struct Hostile {
  const char* name;
  std::string text;
};

// What is known to have broken others: yaml-cpp#459, #654, #657 and #660 (CVE-2017-5950,
// CVE-2018-20574, CVE-2019-6285, CVE-2019-6292), libyaml#107, the "billion laughs".
std::vector<Hostile> hostile_texts() {
  constexpr std::size_t deep = 200'000;
  std::vector<Hostile> out = {
      {"flow lists", times(deep, "[")},
      {"flow lists that end", times(deep, "[") + times(deep, "]")},
      {"flow maps", times(deep, "{a: ")},
      {"flow maps without a key", times(deep, "{")},
      {"lists of pairs", times(deep, "[a: ")},
      {"lists in lines", times(deep, "- ")},
      {"complex keys", times(deep, "? ")},
      {"compact pairs", times(deep, ": ")},
      {"a map a line", ""},
      {"one line of colons", times(deep, "a:")},
      {"tags", times(deep, "!!a ")},
      {"anchors", times(deep, "&a ")},
      {"aliases", "a: &a [x]\nb: [" + times(deep / 2, "*a,") + "x]\n"},
      {"quotes that never end", "a: \"" + times(deep, "\\\"")},
      {"documents", times(deep, "---\n")},
      {"document ends", times(deep, "...\n")},
      {"directives", times(deep, "%YAML 1.2\n")},
      {"comments", times(deep, "#\n")},
      {"carriage returns", times(deep, "\r\n")},
      {"blanks", times(deep, " ") + "a"},
      {"a long key", times(deep, "k") + ": x"},
      {"block scalars", times(deep / 4, "- |\n")},
      {"merges", "a: &a {b: c}\nd: {" + times(4'000, "<<: *a, ") + "e: f}\n"},
      {"JSON", times(deep, "[") + "1" + times(deep, "]")},
      {"JSON objects", times(deep, "{\"a\":")},
      {"numbers", "priority: " + times(deep, "9")},
      {"options", "#!/bin/sh\n#SBATCH " + times(deep / 4, "--mem=1 ") + "\n"},
      {"options that are none", "#!/bin/sh\n#SBATCH " + times(deep / 4, "--x ") + "\n"},
      {"lines of options", "#!/bin/sh\n" + times(deep / 8, "#SBATCH -J a\n")},
      {"an array of ranges", "#!/bin/sh\n#SBATCH -a " + times(deep / 4, "0-9,") + "1\n"},
      {"gres", "#!/bin/sh\n#SBATCH --gres=" + times(deep / 8, "x:1,") + "\n"},
      {"output names", "#!/bin/sh\n#SBATCH -o " + times(deep, "%") + "\n"},
      {"features", "#!/bin/sh\n#SBATCH -C " + times(deep / 4, "a&") + "b\n"},
      {"dependencies", "#!/bin/sh\n#SBATCH -d afterok" + times(deep / 4, ":1") + "\n"},
      {"variables", "envs: {A: $A$A}\nworkdir: " + times(deep, "$A") + "\nrun: x\n"},
      {"braces", "envs: {A: x}\nworkdir: '" + times(deep, "${") + "'\nrun: x\n"},
      {"post_data",
       "service: {readiness_probe: {path: /, post_data: '$" + times(deep, "[") + "'}}\nrun: x\n"},
      {"post_data as JSON", "service: {readiness_probe: {path: /, post_data: '" + times(deep, "[") +
                                times(deep, "]") + "'}}\nrun: x\n"},
  };
  std::string lines;
  for (std::size_t i = 0; i < 1'000; ++i) lines += std::string(i, ' ') + "a:\n";
  out[8].text = lines;
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    laughs +=
        fmt::format("a{}: &a{} [{}*a{}]\n", i, i, times(8, fmt::format("*a{}, ", i - 1)), i - 1);
  }
  out.push_back({"laughs", laughs});
  std::string chain;
  for (int i = 0; i < 1'000; ++i) {
    chain += fmt::format("---\nname: j{}\nneeds: [j{}]\nrun: x\n", i, i + 1);
  }
  out.push_back({"a chain of needs", chain});
  std::string wide = "run: x\nneeds: [";
  for (int i = 0; i < 50'000; ++i) wide += fmt::format("j{},", i);
  out.push_back({"many needs", wide + "k]\n"});
  std::string queues = "pools: [{name: a, cloud: x, shape: {cpus: 1}, nodes: 1}]\nqueues:\n";
  for (int i = 0; i < 9'000; ++i) queues += fmt::format("- {{name: q{}, parent: q{}}}\n", i, i + 1);
  out.push_back({"a chain of queues", queues});
  return out;
}

constexpr auto patience = std::chrono::seconds(20);  // generous: a build may run beside it

// Every reader of files. None may throw, crash or take long.
void read_all(const std::string& text) {
  const Source source{"a", text, "/nowhere", false};
  (void)parse_job_file(source);
  (void)parse_job_json(text, "/nowhere");
  (void)parse_fleet_file(source);
  (void)parse_contracts_file(source);
  (void)parse_assumptions_file(source);
  (void)parse_price_file(source);
  (void)parse_usage_file(source);
  (void)parse_skypilot_catalogue(source, "aws", {});
}

// On a thread with the stack that a thread gets where `ulimit -s` is what systems ship.
void on_a_thread(const std::function<void()>& act) {
  constexpr std::size_t default_stack = 8 << 20;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, default_stack);
  pthread_t thread{};
  const auto run = [](void* what) -> void* {
    (*static_cast<const std::function<void()>*>(what))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&act)), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(HostileText, EndsSoonWithoutACrash) {
  for (const Hostile& hostile : hostile_texts()) {
    const auto began = std::chrono::steady_clock::now();
    on_a_thread([&] { read_all(hostile.text); });
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_LT(took, patience) << hostile.name;
  }
}

TEST(HostileText, IsToldWhereItIsTooDeep) {
  const auto said = [](const std::string& text) {
    const auto jobs = parse_job_file({"a", text, "/nowhere"});
    return jobs ? "ok" : std::string(split(jobs.error().message, '\n')[0]);
  };
  EXPECT_EQ(said("run: " + times(100, "[") + times(100, "]")), "a:1:37: this is nested too deeply");
  EXPECT_EQ(said("run: x\nneeds: " + times(31, "[") + times(31, "]")),
            "a:2:9: 'needs' cannot be a list");
  EXPECT_EQ(said("service: {readiness_probe: {path: /, post_data: '{\"a\": \"$" + times(50, "[") +
                 "\"}'}}\nrun: x\n"),
            "ok");
}

}  // namespace
}  // namespace mohona
