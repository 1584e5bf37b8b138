// What was charged, entry after entry. Entries are never changed: what turns out otherwise is put
// right by further entries, and a balance is the sum of all of them.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/result.h"
#include "money/book.h"
#include "money/charge.h"

namespace mohona {

struct Entry {
  Charge row;                // of a correction: what has to be added to what was charged before
  std::int64_t version = 0;  // of the contracts under which it was settled
  bool correction = false;
};

// What has become of a commitment, or of paid-ahead spending, so far.
struct Balance {
  Wide used = 0, unused = 0;  // thousandths × µs, or as in Exact
  Exact billed;               // fees, and what was charged at milestones
  Exact effective;            // the same money, where it was used
  friend bool operator==(const Balance&, const Balance&) = default;
};

class Ledger {
 public:
  // Rows are settled anew as often as one likes: what is appended is the difference from what
  // stands, so the same rows twice append nothing, and late usage appends its corrections.
  // `version` is Book::version(). Errors: Code::conflict when a later version has settled this.
  enum class Of { hour, closing };  // its usage, or what fell due at its beginning
  Result<void> post(Of of, Hour hour, std::int64_t version, std::span<const Charge> rows);

  const std::vector<Entry>& entries() const { return entries_; }
  Balance balance(TermId term) const;

  // Calls take(hour, row) for the entries of the usage of hours in [from, to), hour by hour.
  template <class Take>
  void for_usage(Timestamp from, Timestamp to, Take take) const {
    for (auto at = postings_.lower_bound({Of::hour, std::chrono::ceil<std::chrono::hours>(from)});
         at != postings_.end() && at->first.first == Of::hour && at->first.second < to; ++at) {
      for (const Stretch& stretch : at->second.stretches) {
        for (std::size_t i = stretch.begin; i < stretch.end; ++i) {
          take(at->first.second, entries_[i].row);
        }
      }
    }
  }
  // The first and one past the last hour whose usage was settled.
  std::optional<std::pair<Hour, Hour>> span() const;
  std::vector<Hour> closings() const;

 private:
  struct Stretch {
    std::size_t begin = 0, end = 0;  // in entries_
  };
  struct Posting {
    std::int64_t version = 0;
    std::vector<Stretch> stretches;
  };
  void append(const Charge& row, std::int64_t version, bool correction);

  std::vector<Entry> entries_;
  std::map<std::pair<Of, Hour>, Posting> postings_;
  std::vector<Balance> balances_;  // by TermId
};

}  // namespace mohona
