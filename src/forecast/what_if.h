// A changed assumptions: what would hold if something were signed, late, cancelled, dearer or gone.
#pragma once

#include "model/assumptions.h"

namespace mohona {

// The assumptions with this change. A change that fits nothing changes nothing.
Assumptions changed(Assumptions assumptions, const WhatIf& what_if);

}  // namespace mohona
