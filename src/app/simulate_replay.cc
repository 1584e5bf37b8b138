#include "app/simulate_replay.h"

#include <fmt/format.h>

#include <filesystem>

#include "app/complain.h"
#include "base/file.h"
#include "base/text.h"
#include "model/codec.h"
#include "sim/replay.h"
#include "store/sqlite/sqlite_store.h"

namespace mohona {
namespace {

Result<Facts> facts_of_lines(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return fail(text.error());
  Facts facts;
  std::size_t number = 0;
  for (const std::string_view line : split(*text, '\n')) {
    ++number;
    if (line.empty()) continue;
    auto fact = decode_fact(line);
    if (!fact) {
      return fail(Code::invalid, fmt::format("{}:{}: {}", path, number, fact.error().message));
    }
    facts.push_back(std::move(*fact));
  }
  return facts;
}

Result<Facts> recorded_facts(const std::string& given) {
  std::filesystem::path path = given;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) path /= "journal.db";
  if (!std::filesystem::exists(path, ignored)) {
    return fail(Code::not_found, fmt::format("there is no journal {}", path.string()));
  }
  if (path.extension() != ".db") return facts_of_lines(path);
  auto store = open_sqlite_store(path);
  if (!store) return fail(store.error());
  Facts facts;
  const auto read = (*store)->replay([&](const Fact& fact) -> Result<void> {
    facts.push_back(fact);
    return {};
  });
  if (!read) return fail(read.error());
  return facts;
}

}  // namespace

int replay_recorded(const std::string& path, bool json) {
  auto facts = recorded_facts(path);
  if (!facts) return complain(facts.error());
  const auto result = replay_journal(std::move(*facts));
  if (!result) return complain(result.error());
  const bool same = result->difference.empty();
  if (json) {
    fmt::print("{}\n", result->figures().dump());
  } else if (same) {
    fmt::print("{} facts in {} turns: {} decisions, all equal\n", result->facts, result->turns,
               result->decisions);
  } else {
    fmt::print("{} decisions are equal, then one differs,\n{}\n", result->decisions,
               result->difference);
  }
  return same ? exit_ok : exit_job_failed;
}

}  // namespace mohona
