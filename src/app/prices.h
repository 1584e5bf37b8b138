// mohona prices: what price files say, and what of it is set aside and why.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "money/quarantine.h"

namespace mohona {

struct PricesAsked {
  std::vector<std::string> files;    // price files (YAML) and SkyPilot's catalogues (CSV)
  std::string cloud, as_of, source;  // of the catalogues
  std::string gpu, sku, region;      // only these are shown: H100 or H100:8, p5.48xlarge, us-east-1
};

// All files together, checked, and then only what was asked for.
Result<CheckedPrices> checked_prices(const PricesAsked& asked);

void add_prices(CLI::App& app, int& status);

}  // namespace mohona
