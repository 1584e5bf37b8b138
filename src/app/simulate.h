// `mohona simulate`: the control plane under virtual time.
#pragma once

#include <CLI/CLI.hpp>

namespace mohona {

void add_simulate(CLI::App& app, int& status);

}  // namespace mohona
