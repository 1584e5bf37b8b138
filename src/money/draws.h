// What counts toward one period of a minimum, charge by charge.
#pragma once

#include <vector>

#include "money/book.h"

namespace mohona {

// What goes on to the next period: missing spending that is to be made up, and what was spent
// beyond. After the last there is none.
struct CarriedOn {
  Exact missing, excess;
};
CarriedOn carried_on(const Minimum& minimum, Exact missing, Exact over);

class Draws {
 public:
  Draws(const Book& book, TermId minimum);

  // A row of the hour's settlement, or of a correction to it.
  void add(Hour hour, const Charge& row);

  // All of it. Of what counts by a weight with a cap, at most that part of the period's amount.
  Exact total(Money period) const;

 private:
  const Book* book_;
  TermId id_;
  std::vector<Exact> sums_;  // by weight; the last: without one
};

}  // namespace mohona
