// The forecast as one page that a person in finance can read and print: no script, nothing loaded.
#pragma once

#include <string>

#include "forecast/forecast.h"

namespace mohona {

// HTML. `forecast` is of `assumptions`.
std::string forecast_page(const Assumptions& assumptions, const Forecast& forecast);

// "$38.0 bn", "$412 m", "$12,300": three digits that count, for a person.
std::string in_round(Money amount);
// What of a milestone is drawn by `today`; a dash where its period has not begun.
std::string drawn_today(const MilestoneForecast& one, Timestamp today);
// "2026-10-08", "2026-10-08, past", "too little is idle"; empty where nothing is missed.
std::string act_by(const MilestoneForecast& one, Timestamp today);
// "1.2 % above it": how far the advice is from its bound.
std::string gap_to_bound(const BuyAdvice& one);

}  // namespace mohona
