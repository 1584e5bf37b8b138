// The forecast as one page that a person in finance can read and print: no script, nothing loaded.
#pragma once

#include <string>

#include "forecast/forecast.h"

namespace mohona {

// HTML. `forecast` is of `assumptions`.
std::string forecast_page(const Assumptions& assumptions, const Forecast& forecast);

// "$38.0 bn", "$412 m", "$12,300": three digits that count, for a person.
std::string in_round(Money amount);

}  // namespace mohona
