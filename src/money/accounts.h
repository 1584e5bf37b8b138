// A fleet's books: usage comes in, early or late, and hours and periods are settled.
//
//   Accounts accounts(contracts, begin);
//   accounts.add(slice);                 // for each, in any order
//   accounts.settle(end);                // every hour before `end`, and what fell due by then
//   invoice(accounts.book(), accounts.ledger());
#pragma once

#include <map>
#include <set>

#include "money/book.h"
#include "money/ledger.h"
#include "money/settle.h"

namespace mohona {

class Accounts {
 public:
  // Commitments are charged from the hour of `begin` on.
  Accounts(Contracts contracts, Timestamp begin);

  // Usage of an hour that has been settled is late: the next `settle` corrects what it changes.
  // Errors: Code::not_found without an offer, Code::invalid before `begin`.
  Result<void> add(const UsageSlice& slice);

  // An amendment, for the past as well. The next `settle` corrects what it changes.
  void amend(Contracts contracts);

  // Settles all hours that end at or before `until` and are not settled as they should be, then
  // what fell due. The same again appends nothing. Errors: Code::not_found for a missing price.
  Result<void> settle(Timestamp until) { return settle(until, until); }
  // The same, but only what was due by `due`: for an hour that is not over.
  Result<void> settle(Timestamp until, Timestamp due);

  const Book& book() const { return book_; }
  const Ledger& ledger() const { return ledger_; }

 private:
  Book book_;
  Ledger ledger_;
  Hour begin_, settled_;  // [begin_, settled_) has been settled
  std::map<Hour, std::vector<Slice>> usage_;
  std::set<Hour> late_;
};

}  // namespace mohona
