// mohona settle: what ran, or a file of usage, settled under contracts; and what else shows such
// books.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "app/home.h"
#include "money/accounts.h"

namespace mohona {

struct SettleFiles {
  std::string contracts, usage;  // both, or none: the home's own
  std::string from, to;
};

// Settles the files or, without any, what the home's journal tells. `span` is what was settled.
// Errors: those of reading, and of settlement.
Result<Accounts> settled(const SettleFiles& files, const Home& home, Window& span);

// The hour of a home's span that has not ended: it is settled as far as it has got, and will
// change.
std::optional<Timestamp> open_hour(const SettleFiles& files, const Window& span);
// Says so on standard error.
void say_open_hour(const SettleFiles& files, const Window& span);

void add_settle_options(CLI::App& sub, SettleFiles& files);
void add_settle(CLI::App& app, const std::function<Home()>& home, int& status);
void add_export(CLI::App& app, const std::function<Home()>& home, int& status);
void add_reconcile(CLI::App& app, const std::function<Home()>& home, int& status);

}  // namespace mohona
