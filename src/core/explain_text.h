// What the two halves of an explanation share: the headline and the pools.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/explain.h"

namespace mohona {

std::string cores(std::int64_t milli);  // 1500 -> "1.5"
std::string memory(std::int64_t mib);   // "16 GiB"
std::string describe(const Demand& demand);
std::string_view nodes(std::int64_t n);    // "node" or "nodes"
std::string size_of(const JobSpec& spec);  // "2 to 4 nodes"
std::string where(const Nearness& near);   // ", all in one leaf"

PoolExplanation explain_mismatch(const State& state, const PoolRecord& record, const JobSpec& spec,
                                 const Choice& choice, Mismatch mismatch);
std::vector<PoolExplanation> explain_pools(const State& state, const JobEntry& entry,
                                           Timestamp now);

}  // namespace mohona
