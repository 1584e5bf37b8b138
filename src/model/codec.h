// Facts, jobs, pools and queues as JSON text: the journal's and the snapshot's form.
//
// Only what differs from a default is written, and unknown keys are skipped, so that fields can be
// added in any version. The text is canonical: equal values give equal bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/fact.h"
#include "model/record.h"

namespace mohona {

std::string encode(const Fact& fact);
std::string encode(const Job& job);
std::string encode(const PoolRecord& pool);
std::string encode(const QueuesDefined& queues);  // as a row of the snapshot, not as a fact
std::string encode(const PackingPrices& prices);
std::string encode(const ContractsDefined& contracts);
std::string encode(const ReliefPriced& relief);
std::string encode(const QueuesSpent& spent);
std::string encode(const JobSpec& spec);

// Errors are Code::internal: only a damaged store gives them.
Result<Fact> decode_fact(std::string_view text);
Result<Job> decode_job(std::string_view text);
Result<PoolRecord> decode_pool(std::string_view text);
Result<QueuesDefined> decode_queues(std::string_view text);
Result<PackingPrices> decode_prices(std::string_view text);
Result<ContractsDefined> decode_contracts(std::string_view text);
Result<ReliefPriced> decode_relief(std::string_view text);
Result<QueuesSpent> decode_spent(std::string_view text);

}  // namespace mohona
