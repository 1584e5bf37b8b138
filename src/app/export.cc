// mohona export: books in the formats of others.
#include <fmt/format.h>

#include <cstdio>
#include <cstring>

#include "app/complain.h"
#include "app/settle.h"
#include "focus/export.h"

namespace mohona {
namespace {

constexpr const char* about =
    R"(Every charge is a row of FOCUS, the FinOps Foundation's format for bills (focus.finops.org), which
cost tools read: what ran, what commitments covered of it and what of them was left over, fees,
true-ups, credits and corrections.

Examples:
  mohona export focus > bill.csv
  mohona export focus --from 2026-11-01 --to 2026-12-01 --out november.csv
  mohona export focus --contracts contracts.yaml --usage usage.csv --out bill.csv)";

std::string last_error() { return std::strerror(errno); }

int write_focus(const SettleFiles& files, const Home& home, const std::string& path) {
  Window span;
  const auto accounts = settled(files, home, span);
  if (!accounts) return complain(accounts.error());
  say_open_hour(files, span);
  std::FILE* file = path.empty() ? stdout : std::fopen(path.c_str(), "w");
  if (!file) return complain({Code::invalid, "cannot write " + path + ": " + last_error()});
  export_focus(accounts->book(), accounts->ledger(), {},
               [&](std::string_view line) { std::fwrite(line.data(), 1, line.size(), file); });
  const bool failed = std::ferror(file) != 0;
  const bool closed = path.empty() ? std::fflush(file) == 0 : std::fclose(file) == 0;
  if (failed || !closed) {
    return complain({Code::unavailable, "not all was written: " + last_error()});
  }
  return exit_ok;
}

}  // namespace

void add_export(CLI::App& app, const std::function<Home()>& home, int& status) {
  CLI::App* formats = app.add_subcommand("export", "Write the books in a format of others: focus");
  formats->require_subcommand(1);
  struct Options {
    SettleFiles files;
    std::string path, version = "1.2";
  };
  auto options = std::make_shared<Options>();  // the parser writes to all of it
  CLI::App* sub = formats->add_subcommand("focus", "FOCUS cost and usage, comma-separated");
  sub->footer(about);
  add_settle_options(*sub, options->files);
  sub->add_option("--version", options->version, "Of FOCUS")
      ->check(CLI::IsMember({"1.2"}))
      ->capture_default_str();
  sub->add_option("--out", options->path, "Write to this file; to standard output if not said");
  sub->callback(
      [options, home, &status] { status = write_focus(options->files, home(), options->path); });
}

}  // namespace mohona
