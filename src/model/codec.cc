#include "model/codec.h"

#include "model/describe.h"
#include "model/json_text.h"

namespace mohona {
namespace {

using json_text::Json;
using json_text::read;
using json_text::write;

constexpr std::array<std::string_view, std::variant_size_v<Fact>> fact_names = {
    "controller_started", "pool_defined",        "pool_removed",        "pool_reclaimed",
    "pool_restored",      "job_submitted",       "job_expanded",        "attempt_placed",
    "attempt_started",    "replica_ready",       "attempt_stopping",    "attempt_ended",
    "task_waits",         "task_ended",          "job_cancelling",      "job_ended",
    "queues_defined",     "reservation_defined", "reservation_removed", "nodes_changed",
    "node_loaded",        "nodes_kept",          "nodes_released",      "attempt_progressed",
    "packing_priced",     "contracts_defined",   "relief_priced",
};

template <class T>
Result<T> decode(std::string_view text) {
  try {
    return json_text::from_text<T>(text);
  } catch (const std::exception& e) {
    return fail(Code::internal,
                fmt::format("the store holds a record that cannot be read: {}\n  {}", e.what(),
                            text.substr(0, 200)));
  }
}

template <std::size_t... I>
Fact read_fact(std::size_t index, const Json& body, std::index_sequence<I...>) {
  Fact fact;
  ((index == I ? read(body, fact.emplace<I>()) : void()), ...);
  return fact;
}

}  // namespace

std::string encode(const Fact& fact) {
  std::string out = "{\"";
  out += fact_names.at(fact.index());
  out += "\":";
  std::visit([&](const auto& body) { write(out, body); }, fact);
  out += '}';
  return out;
}

Result<Fact> decode_fact(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object() || json.size() != 1) throw std::invalid_argument("not one fact");
    for (std::size_t i = 0; i < fact_names.size(); ++i) {
      if (json.begin().key() == fact_names[i]) {
        return read_fact(i, json.begin().value(),
                         std::make_index_sequence<std::variant_size_v<Fact>>{});
      }
    }
    throw std::invalid_argument("a fact of a newer version: " + json.begin().key());
  } catch (const std::exception& e) {
    return fail(Code::internal,
                fmt::format("the journal holds a fact that cannot be read: {}\n  {}", e.what(),
                            text.substr(0, 200)));
  }
}

std::string encode(const Job& job) { return json_text::to_text(job); }
std::string encode(const PoolRecord& pool) { return json_text::to_text(pool); }
std::string encode(const QueuesDefined& queues) { return json_text::to_text(queues); }
std::string encode(const JobSpec& spec) { return json_text::to_text(spec); }

std::string encode(const PackingPrices& prices) { return json_text::to_text(prices); }
std::string encode(const ContractsDefined& contracts) { return json_text::to_text(contracts); }
std::string encode(const ReliefPriced& relief) { return json_text::to_text(relief); }
std::string encode(const QueuesSpent& spent) { return json_text::to_text(spent); }

Result<Job> decode_job(std::string_view text) { return decode<Job>(text); }
Result<PoolRecord> decode_pool(std::string_view text) { return decode<PoolRecord>(text); }
Result<QueuesDefined> decode_queues(std::string_view text) { return decode<QueuesDefined>(text); }
Result<PackingPrices> decode_prices(std::string_view text) { return decode<PackingPrices>(text); }
Result<ContractsDefined> decode_contracts(std::string_view text) {
  return decode<ContractsDefined>(text);
}
Result<ReliefPriced> decode_relief(std::string_view text) { return decode<ReliefPriced>(text); }
Result<QueuesSpent> decode_spent(std::string_view text) { return decode<QueuesSpent>(text); }

bool operator==(const Job& a, const Job& b) { return encode(a) == encode(b); }

}  // namespace mohona
