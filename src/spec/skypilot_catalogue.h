// SkyPilot's catalogue: a table for each cloud, comma-separated, with a heading.
//
//   InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone
//   p5.48xlarge,H100,8.0,192.0,2048.0,,55.04,14.246,us-east-1,use1-az5
//
// Columns may stand in any order; those that are not named here are ignored. A row is an offer on
// demand, one of spot (its sku with /spot behind it), both, or none that has a price. A row without
// an InstanceType prices accelerators apart from their machine, as Google's do: it has no sku, and
// check_prices sets it aside.
#pragma once

#include <string>

#include "base/result.h"
#include "model/price_list.h"
#include "spec/source.h"

namespace mohona {

// The cloud that a catalogue's path names: "catalogs/v8/aws/vms.csv" and "aws.csv" are aws; "":
// none.
std::string cloud_of_catalogue(const std::string& path);

// `origin`: who says these prices and of which day, which the table does not.
// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<PriceList> parse_skypilot_catalogue(const Source& source, const std::string& cloud,
                                           const Origin& origin);

}  // namespace mohona
