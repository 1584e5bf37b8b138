// A changed outlook: what would hold if something were signed, late, cancelled, dearer or gone.
#pragma once

#include "model/outlook.h"

namespace mohona {

// The outlook with this change. A change that fits nothing changes nothing.
Outlook changed(Outlook outlook, const WhatIf& what_if);

}  // namespace mohona
