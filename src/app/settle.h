// mohona settle: contracts and usage in, an invoice out; no control plane.
#pragma once

#include <CLI/CLI.hpp>

namespace mohona {

void add_settle(CLI::App& app, int& status);

}  // namespace mohona
