// What the API shows of the state, as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "core/explain.h"
#include "core/explain_price.h"
#include "core/ledger/usage.h"
#include "core/state.h"

namespace mohona {

using Json = nlohmann::ordered_json;

Json job_summary(const State& state, const JobEntry& entry, Timestamp now);
Json job_details(const State& state, const JobEntry& entry, Timestamp now);
Json pool_view(const State& state, const PoolRecord& pool);
Json explanation_view(const JobEntry& entry, const Explanation& explanation);
Json price_view(const JobEntry& entry, const PriceExplanation& price);

// The bill: rows and their sum, which equals the sum of the rows to the micro-dollar.
Json cost_view(const State& state, CostBy by, std::optional<JobId> only, Timestamp now);

}  // namespace mohona
