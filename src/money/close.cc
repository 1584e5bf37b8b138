#include "money/close.h"

#include <algorithm>

#include "money/draws.h"

namespace mohona {
namespace {

using namespace std::chrono;

// The first instant of the UTC month after `at`.
Timestamp next_month(Timestamp at) {
  const year_month_day day(floor<days>(at));
  return sys_days(day.year() / day.month() / 1 + months(1));
}

Timestamp months_later(Timestamp at, std::int64_t count) {
  const auto day = floor<days>(at);
  auto date = year_month_day(day) + months(count);
  if (!date.ok()) date = date.year() / date.month() / last;
  return sys_days(date) + (at - day);
}

Exact or_nothing(Exact amount) { return std::max(amount, Exact{}); }

class Closing {
 public:
  Closing(const Book& book, const Ledger& ledger, Timestamp now)
      : book_(book), ledger_(ledger), now_(now) {}

  std::map<Hour, std::vector<Charge>> run() {
    const auto span = ledger_.span();
    if (!span) return {};
    volumes(*span);
    for (TermId id = 0; id < book_.terms().size(); ++id) {
      if (book_.is(id, Term::Kind::minimum)) minimum(id);
    }
    return std::move(due_);
  }

  std::vector<DrawDown> periods(TermId id);

 private:
  struct Period {
    Window window;
    Money amount;
    std::size_t index = 0;
    bool last = false;
  };
  struct Carried {
    Exact excess, missing;
    Exact fee;  // of paid-ahead spending that was not used up
  };

  void volumes(std::pair<Hour, Hour> span);
  void volume(Timestamp from, Timestamp to);
  void minimum(TermId id);
  void true_up(TermId id, const Minimum& minimum, const Period& period, Carried& carried);
  void prepaid(TermId id, const Minimum& minimum, const Period& period, Carried& carried);
  void pay_from_credit(TermId id, const Missed& missed, Timestamp granted, Exact credit);
  DrawDown state(TermId id, const Period& period, const Carried& carried) const;
  Exact drawn(TermId id, const Period& period, Timestamp to) const;
  void carry(const Minimum& minimum, const Period& period, const DrawDown& state,
             Carried& carried) const;
  std::vector<Period> periods_of(const Minimum& minimum) const;

  Charge& row(Timestamp at, Window period, Category category, Cause cause, TermId id) {
    Charge& out = due_[floor<hours>(at)].emplace_back();
    out.begin = period.from, out.end = period.to;
    out.category = category, out.cause = cause, out.commitment = id;
    return out;
  }

  const Book& book_;
  const Ledger& ledger_;
  Timestamp now_;
  std::map<Hour, std::vector<Charge>> due_;
  std::map<Timestamp, Exact> paid_;  // by credits, by the month's end
};

// --- tiers --------------------------------------------------------------------------------------

void Closing::volumes(std::pair<Hour, Hour> span) {
  const auto& offers = book_.contracts().offers;
  if (std::none_of(offers.begin(), offers.end(), [](const Offer& o) { return o.tiers.size() > 1; }))
    return;
  Timestamp from = span.first;
  for (Timestamp to = next_month(from); to <= now_; from = to, to = next_month(to)) {
    volume(from, to);
    if (to >= span.second) break;
  }
}

// Hours were billed at the first tier. One row for each offer and negotiated price makes that
// right.
void Closing::volume(Timestamp from, Timestamp to) {
  struct Volume {
    Wide unit_micros = 0;
    MeterId meter = none_id;
    Price list;
  };
  std::map<std::pair<const Offer*, Price>, Volume> volumes;
  ledger_.for_usage(from, to, [&](Hour hour, const Charge& row) {
    if (row.meter == none_id || row.cause == Cause::running || row.commitment != none_id) return;
    const Offer* offer = book_.offer(row.meter, hour);
    if (!offer || offer->tiers.size() < 2) return;
    Volume& volume = volumes[{offer, row.contracted_price}];
    volume.unit_micros += row.quantity.unit_micros;
    volume.list = row.list_price;
    if (volume.meter == none_id || book_.meter(row.meter) < book_.meter(volume.meter)) {
      volume.meter = row.meter;
    }
  });
  std::vector<std::pair<Meter, Charge>> rows;  // in the order of names, not of addresses
  for (const auto& [key, volume] : volumes) {
    const auto& tiers = key.first->tiers;
    Exact list;
    for (std::size_t i = 1; i < tiers.size(); ++i) {
      const Wide over = Wide{tiers[i].over_unit_hours} * unit_hour.unit_micros;
      const Wide beyond = std::max<Wide>(volume.unit_micros - over, 0);
      list.value += beyond * (tiers[i].price.nanos - tiers[i - 1].price.nanos);
    }
    if (list == Exact{}) continue;
    Charge out;
    out.begin = from, out.end = to;
    out.category = Category::adjustment, out.cause = Cause::volume;
    out.meter = volume.meter;
    out.list = list;
    out.billed.value = scaled(list.value, key.second.nanos, volume.list.nanos);
    out.effective = out.contracted = out.billed;
    rows.emplace_back(book_.meter(volume.meter), out);
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second.billed) < std::tie(b.first, b.second.billed);
  });
  for (const auto& [meter, out] : rows) due_[floor<hours>(to)].push_back(out);
}

// --- minimums -----------------------------------------------------------------------------------

std::vector<Closing::Period> Closing::periods_of(const Minimum& minimum) const {
  std::vector<Period> out;
  Timestamp from = minimum.window.from;
  for (const Milestone& milestone : minimum.milestones) {
    if (from >= now_) break;
    out.push_back({{from, milestone.due}, milestone.amount, out.size(), false});
    from = milestone.due;
  }
  if (out.size() == minimum.milestones.size() && !out.empty()) out.back().last = true;
  return out;
}

// What the usage of the period's hours, up to `to`, counts toward it.
Exact Closing::drawn(TermId id, const Period& period, Timestamp to) const {
  Draws draws(book_, id);
  ledger_.for_usage(period.window.from, to,
                    [&](Hour hour, const Charge& row) { draws.add(hour, row); });
  return draws.total(period.amount);
}

DrawDown Closing::state(TermId id, const Period& period, const Carried& carried) const {
  DrawDown out{period.window, exact(period.amount) + carried.missing,
               drawn(id, period, std::min(period.window.to, now_)) + carried.excess};
  out.missing = or_nothing(out.needed - out.drawn);
  out.over = or_nothing(out.drawn - out.needed);
  return out;
}

// What goes on to the next period. After the last there is none.
void Closing::carry(const Minimum& minimum, const Period& period, const DrawDown& state,
                    Carried& carried) const {
  carried = {};
  if (period.last) return;
  const CarriedOn on = carried_on(minimum, state.missing, state.over);
  carried.missing = on.missing, carried.excess = on.excess;
}

void Closing::minimum(TermId id) {
  const Minimum& minimum = book_.minimum(id);
  Carried carried;
  for (const Period& period : periods_of(minimum)) {
    if (minimum.prepaid) {
      prepaid(id, minimum, period, carried);
    } else if (period.window.to <= now_) {
      true_up(id, minimum, period, carried);
    }
  }
}

// Build-up: what is missing is invoiced, except for what is carried on. A credit gives a part back.
void Closing::true_up(TermId id, const Minimum& minimum, const Period& period, Carried& carried) {
  const DrawDown state = this->state(id, period, carried);
  carry(minimum, period, state, carried);
  const Missed& missed = minimum.missed;
  Exact due = state.missing - carried.missing;
  if (missed.then == Missed::Then::forfeit) due = {};
  if (missed.then == Missed::Then::invoice) due = part_of(due, missed.ppm);
  if (due == Exact{}) return;
  Charge& out = row(period.window.to, period.window, Category::adjustment, Cause::true_up, id);
  out.billed = out.effective = out.list = out.contracted = due;
  if (missed.then == Missed::Then::credit) {
    pay_from_credit(id, missed, period.window.to, part_of(due, missed.ppm));
  }
}

// Burn-down: overage is charged month by month, in arrears; what is left at the end is lost or
// carried on. The last row makes the effective cost of the period equal to what was billed for it.
void Closing::prepaid(TermId id, const Minimum& minimum, const Period& period, Carried& carried) {
  const Exact pool = exact(period.amount) + carried.missing;
  Exact used, over, billed, fees = carried.fee;
  const Money paid = period_fees(minimum, period.index);
  fees += exact(paid);
  Exact effective;
  for (Timestamp from = period.window.from; from < period.window.to;) {
    const Timestamp to = std::min(next_month(from), period.window.to);
    if (to > now_) return;
    used += drawn(id, {{from, to}, period.amount}, to);
    const Exact until = or_nothing(used - pool);
    const Exact due = part_of(until, minimum.overage_ppm) - part_of(over, minimum.overage_ppm);
    if (due != Exact{}) {
      Charge& out = row(to, {from, to}, Category::adjustment, Cause::overage, id);
      out.billed = out.list = out.contracted = due;
      out.effective = due - Exact{scaled((until - over).value, paid.micros, period.amount.micros)};
      effective += out.effective;
      billed += due;
    }
    over = until, from = to;
  }
  ledger_.for_usage(period.window.from, period.window.to, [&](Hour, const Charge& row) {
    if (row.commitment == id && row.use == Use::used) effective += row.effective;
  });
  const DrawDown state = this->state(id, period, carried);
  const Exact rest = fees + billed - effective;
  carry(minimum, period, state, carried);
  if (state.missing > Exact{} && carried.missing > Exact{}) {
    carried.fee = share(rest, carried.missing.value, state.missing.value);
  }
  const Exact lost = state.missing - carried.missing;
  if (rest - carried.fee == Exact{} && lost == Exact{}) return;
  Charge& out = row(period.window.to, period.window, Category::usage, Cause::lost, id);
  out.pricing = Pricing::committed, out.use = Use::unused;
  out.drawn = lost.value;
  out.effective = rest - carried.fee;
}

// A credit pays the usage of the months that follow, month by month, until it expires.
void Closing::pay_from_credit(TermId id, const Missed& missed, Timestamp granted, Exact credit) {
  const Timestamp expiry = months_later(granted, missed.credit_months);
  for (Timestamp from = granted; credit > Exact{} && from < expiry;) {
    const Timestamp to = std::min(next_month(from), expiry);
    if (to > now_) return;
    Exact billed;
    ledger_.for_usage(from, to, [&](Hour hour, const Charge& row) {
      if (row.meter == none_id || row.category != Category::usage) return;
      const Offer* offer = book_.offer(row.meter, hour);
      if (offer && takes(missed.credit_pays, book_.meter(row.meter), *offer)) billed += row.billed;
    });
    Exact& paid = paid_[next_month(from)];
    const Exact pay = std::min(credit, or_nothing(billed - paid));
    if (pay > Exact{}) {
      Charge& out = row(to, {from, to}, Category::credit, Cause::prepaid, id);
      out.billed = out.effective = -pay;
      credit -= pay, paid += pay;
    }
    from = to;
  }
}

std::vector<DrawDown> Closing::periods(TermId id) {
  const Minimum& minimum = book_.minimum(id);
  std::vector<DrawDown> out;
  Carried carried;
  for (const Period& period : periods_of(minimum)) {
    out.push_back(state(id, period, carried));
    carry(minimum, period, out.back(), carried);
  }
  return out;
}

}  // namespace

Result<void> close_periods(const Book& book, Ledger& ledger, Timestamp now) {
  auto due = Closing(book, ledger, now).run();
  for (const Hour hour : ledger.closings()) due[hour];  // what fell due may no longer
  for (const auto& [hour, rows] : due) {
    if (auto ok = ledger.post(Ledger::Of::closing, hour, book.version(), rows); !ok) return ok;
  }
  return {};
}

std::vector<DrawDown> draw_downs(const Book& book, const Ledger& ledger, TermId minimum,
                                 Timestamp now) {
  return Closing(book, ledger, now).periods(minimum);
}

}  // namespace mohona
