// What a GB costs that leaves one place for another.
#pragma once

#include <vector>

#include "model/price_list.h"

namespace mohona {

// The price of the most exact entry for both ends: of those that name as many parts, the one that
// says more of where it comes from, then the first. What goes to another cloud goes over the
// internet where no entry names that cloud; within one cloud only entries that name it count.
// Nothing: no entry says.
const EgressPrice* egress_price(const std::vector<EgressPrice>& prices, const Location& from,
                                const Location& to);

}  // namespace mohona
