#include "forecast/report.h"
namespace mohona {
std::string forecast_page(const Outlook&, const Forecast&) { return ""; }
std::string in_round(Money amount) { return format_money(amount); }
}  // namespace mohona
