// `mohona forecast`: how years of contracts may go, and what if.
#pragma once

#include <CLI/CLI.hpp>

namespace mohona {

void add_forecast(CLI::App& app, int& status);

// For `mohona simulate`, which takes the same files. An empty `report`: no page.
int forecast_file(const std::string& path, const std::string& report, bool json);
// Whether the file holds assumptions; false if it cannot be read.
bool are_assumptions_file(const std::string& path);

}  // namespace mohona
