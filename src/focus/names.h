// What a bill calls something, and what our contracts call the same: a cloud has ids of its own for
// skus and commitments.
//
//   what,theirs,ours
//   sku,JRTCKXETXF6YS6EN,p5.48xlarge
//   commitment,arn:aws:savingsplans::1234:savingsplan/56,aws/compute
#pragma once

#include <map>
#include <string>
#include <utility>

#include "focus/import.h"

namespace mohona {

struct BillNames {
  enum class Of { cloud, region, sku, commitment };
  std::map<std::pair<Of, std::string>, std::string> ours;

  // What has no other name keeps the one it has. A cloud's is looked up as the bill has it.
  void rename(FocusRow& row) const;
};

// Errors: Code::invalid with line and column, and those of for_lines (base/gz_lines.h).
Result<BillNames> read_bill_names(const std::string& path);

}  // namespace mohona
