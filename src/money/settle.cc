#include "money/settle.h"

#include <fmt/format.h>

#include <algorithm>

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::uint32_t no_piece = UINT32_MAX;

// What one layer takes of one meter.
struct Piece {
  std::uint32_t layer = 0;
  std::int64_t rate = 0;  // what a unit-hour draws
  Quantity quantity;
  Wide drawn = 0;
  std::uint32_t next = no_piece;  // of the same meter, in the order of the layers
};

// The pieces of all meters, each meter's in the order in which they were cut.
class Pieces {
 public:
  explicit Pieces(std::size_t meters) : of_(meters) {}

  void add(MeterId meter, Piece piece) {
    const auto at = static_cast<std::uint32_t>(pieces_.size());
    pieces_.push_back(piece);
    if (of_[meter].last == no_piece) {
      of_[meter].first = at;
    } else {
      pieces_[of_[meter].last].next = at;
    }
    of_[meter].last = at;
  }
  // The piece that is being used up; nullptr when there is none left.
  Piece* front(MeterId meter) {
    const std::uint32_t at = of_[meter].first;
    return at == no_piece ? nullptr : &pieces_[at];
  }
  void pop(MeterId meter) { of_[meter].first = pieces_[of_[meter].first].next; }

 private:
  struct Ends {
    std::uint32_t first = no_piece, last = no_piece;
  };
  std::vector<Piece> pieces_;
  std::vector<Ends> of_;
};

class HourSettlement {
 public:
  HourSettlement(Book& book, Hour hour, std::vector<Charge>& rows)
      : book_(book),
        hour_(hour),
        terms_(book.terms(hour)),
        rows_(rows),
        used_(terms_.meters.size()),
        bound_(terms_.meters.size()),
        covered_(terms_.meters.size()) {}

  Result<void> run(std::span<const Slice> slices) {
    if (auto ok = take(slices); !ok) return ok;
    bind();
    cover();
    for (const Usage& usage : usage_) bill(usage);
    for (const Usage& idle : idle_) bill(idle);
    for (TermId id = 0; id < book_.terms().size(); ++id) {
      if (book_.is(id, Term::Kind::commitment)) bill_commitment(id);
      if (book_.is(id, Term::Kind::minimum)) bill_fees(id, book_.minimum(id).fees);
    }
    return {};
  }

 private:
  struct Usage {
    MeterId meter = 0;
    ResourceId resource = none_id;
    Quantity quantity;
    TermId idle_of = none_id;
  };
  struct Bucket {
    Exact fee;
    Wide drawn = 0;
  };

  Result<void> take(std::span<const Slice> slices);
  void bind();
  void cover();
  Wide draw(const Layer& layer, std::uint32_t index, std::vector<Quantity>& rest, Pieces& pieces);
  void bill(const Usage& usage);
  void bill_covered(Charge& row, Piece& piece, Quantity part);
  void bill_uncovered(Charge& row);
  void bill_commitment(TermId id);
  void bill_fees(TermId id, const std::vector<Fee>& fees);

  Charge row(Category category, Cause cause) const {
    return {.begin = hour_, .end = hour_ + hours(1), .category = category, .cause = cause};
  }

  Book& book_;
  Hour hour_;
  const HourTerms& terms_;
  std::vector<Charge>& rows_;
  std::vector<Usage> usage_, idle_;
  std::vector<Quantity> used_;  // by meter
  Pieces bound_, covered_;
  std::vector<Bucket> buckets_;  // by layer of commitments
};

// In the order of meters and, within one, of the resources' names.
Result<void> HourSettlement::take(std::span<const Slice> slices) {
  usage_.reserve(slices.size());
  for (const Slice& slice : slices) {
    if (!terms_.meters[slice.meter].offered) {
      const Meter& meter = book_.meter(slice.meter);
      return fail(Code::not_found, fmt::format("there is no price for {} in {} {} {} at {}",
                                               meter.sku, meter.place.cloud, meter.place.region,
                                               meter.place.zone, format_timestamp(hour_)));
    }
    if (slice.unit_seconds < 0 || slice.unit_seconds > unit_seconds_max ||
        used_[slice.meter] > unit_seconds(unit_seconds_max - slice.unit_seconds)) {
      const Meter& meter = book_.meter(slice.meter);
      return fail(
          Code::invalid,
          fmt::format("{} in {} has less than 0 or more than {} unit-seconds in the hour {}",
                      meter.sku, to_string(meter.place), unit_seconds_max,
                      format_timestamp(hour_)));
    }
    usage_.push_back({slice.meter, slice.resource, unit_seconds(slice.unit_seconds)});
    used_[slice.meter] += usage_.back().quantity;
  }
  const auto& ranks = book_.ranks();
  const auto before = [&](const Usage& a, const Usage& b) {
    if (a.meter != b.meter) return a.meter < b.meter;
    if (a.resource != b.resource) return ranks[a.resource] < ranks[b.resource];
    return a.quantity < b.quantity;
  };
  if (!std::is_sorted(usage_.begin(), usage_.end(), before)) {
    std::sort(usage_.begin(), usage_.end(), before);
  }
  return {};
}

// Gives a layer's bucket to the usage in its order. The bucket's last part is drawn whole, so that
// it covers up to a microsecond more than it pays for. Returns what is left of the bucket.
Wide HourSettlement::draw(const Layer& layer, std::uint32_t index, std::vector<Quantity>& rest,
                          Pieces& pieces) {
  Wide left = layer.amount;
  for (const Layer::Entry& entry : layer.order) {
    Quantity& there = rest[entry.meter];
    if (there == Quantity{}) continue;
    if (left == 0 && entry.draw > 0) break;
    const Wide all = Wide{entry.draw} * there.unit_micros;
    Piece piece{index, entry.draw, there, all};
    if (all > left) {  // split at the bucket's edge
      piece.quantity = {static_cast<std::int64_t>((left + entry.draw - 1) / entry.draw)};
      piece.drawn = left;
    }
    left -= piece.drawn;
    there -= piece.quantity;
    pieces.add(entry.meter, piece);
  }
  return left;
}

// Usage is bound to reserved capacity; what of that is idle becomes usage itself.
void HourSettlement::bind() {
  if (terms_.reservations.empty()) return;
  auto rest = used_;
  for (std::uint32_t i = 0; i < terms_.reservations.size(); ++i) {
    const Layer& layer = terms_.reservations[i];
    const Wide left = draw(layer, i, rest, bound_);
    const Quantity idle{static_cast<std::int64_t>(left / 1'000)};
    if (idle == Quantity{}) continue;
    idle_.push_back({layer.idle, none_id, idle, layer.term});
    used_[layer.idle] += idle;
  }
}

void HourSettlement::cover() {
  auto rest = used_;
  buckets_.resize(terms_.commitments.size());
  for (std::uint32_t i = 0; i < terms_.commitments.size(); ++i) {
    const Layer& layer = terms_.commitments[i];
    const Commitment& commitment = book_.commitment(layer.term);
    buckets_[i].fee =
        hourly_fee(commitment.steps, commitment.window, hour_) + fee_within(commitment.fees, hour_);
    draw(layer, i, rest, covered_);
  }
}

// One row for each stretch between edges of buckets: a commitment covers a row whole or not at all
// (FOCUS).
void HourSettlement::bill(const Usage& usage) {
  const MeterTerms& terms = terms_.meters[usage.meter];
  const bool idle = usage.idle_of != none_id;
  Quantity left = usage.quantity;
  while (left > Quantity{}) {
    Piece* covered = covered_.front(usage.meter);
    Piece* bound = idle ? nullptr : bound_.front(usage.meter);
    Quantity part = left;
    if (covered) part = std::min(part, covered->quantity);
    if (bound) part = std::min(part, bound->quantity);
    left -= part;

    Charge& out = rows_.emplace_back(row(Category::usage, idle ? Cause::idle : Cause::ran));
    out.meter = usage.meter;
    out.resource = usage.resource;
    out.quantity = part;
    out.list_price = terms.list;
    out.contracted_price = terms.contracted;
    out.list = exact(terms.list, part);
    out.contracted = exact(terms.contracted, part);
    if (idle) out.reservation = usage.idle_of, out.reserved = Use::unused;
    if (bound) {
      out.reservation = terms_.reservations[bound->layer].term;
      out.reserved = Use::used;
      bound->quantity -= part;
      if (bound->quantity == Quantity{}) bound_.pop(usage.meter);
    }
    if (covered) {
      bill_covered(out, *covered, part);  // `out` may have moved
      if (covered->quantity == Quantity{}) covered_.pop(usage.meter);
    } else {
      bill_uncovered(out);
    }
  }
}

void HourSettlement::bill_covered(Charge& out, Piece& piece, Quantity part) {
  const Layer& layer = terms_.commitments[piece.layer];
  Bucket& bucket = buckets_[piece.layer];
  // The last of a piece takes what is left of its draw.
  piece.quantity -= part;
  Wide drawn = piece.drawn;
  if (piece.quantity > Quantity{}) drawn = std::min(drawn, Wide{piece.rate} * part.unit_micros);
  piece.drawn -= drawn;
  out.pricing = Pricing::committed;
  out.commitment = layer.term;
  out.use = Use::used;
  out.drawn = drawn;
  out.effective = share(bucket.fee, bucket.drawn + drawn, layer.amount) -
                  share(bucket.fee, bucket.drawn, layer.amount);
  bucket.drawn += drawn;
  if (book_.commitment(layer.term).capacity && out.reservation == none_id) {
    out.reservation = layer.term, out.reserved = Use::used;
  }
  if (layer.running == Price{}) return;
  Charge running = row(Category::usage, Cause::running);
  running.meter = out.meter;
  running.resource = out.resource;
  running.quantity = part;
  running.list_price = running.contracted_price = layer.running;
  running.billed = running.effective = running.list = running.contracted =
      exact(layer.running, part);
  rows_.push_back(running);
}

void HourSettlement::bill_uncovered(Charge& out) {
  const MeterTerms& terms = terms_.meters[out.meter];
  if (terms.prepaid == none_id) {
    out.pricing = terms.dynamic ? Pricing::dynamic : Pricing::standard;
    out.billed = out.effective = out.contracted;
    return;
  }
  out.pricing = Pricing::committed;
  out.commitment = terms.prepaid;
  out.use = Use::used;
  out.drawn = out.contracted.value;
  out.effective = {scaled(out.drawn, terms.prepaid_fees.micros, terms.prepaid_amount.micros)};
}

// The fee is spread over what was used and, for the rest, over the row of what was lost.
void HourSettlement::bill_commitment(TermId id) {
  const Commitment& commitment = book_.commitment(id);
  const Exact hourly = hourly_fee(commitment.steps, commitment.window, hour_);
  if (hourly > Exact{}) {
    Charge& out = rows_.emplace_back(row(Category::purchase, Cause::fee));
    out.commitment = id;
    out.billed = out.list = out.contracted = hourly;
  }
  bill_fees(id, commitment.fees);

  const auto layer = std::find_if(terms_.commitments.begin(), terms_.commitments.end(),
                                  [&](const Layer& l) { return l.term == id; });
  if (layer == terms_.commitments.end()) {
    const Exact fee = hourly + fee_within(commitment.fees, hour_);
    if (fee == Exact{}) return;
    Charge& out =
        rows_.emplace_back(row(Category::usage, Cause::lost));  // paid while nothing is promised
    out.commitment = id, out.use = Use::unused, out.effective = fee;
    return;
  }
  const Bucket& bucket = buckets_[static_cast<std::size_t>(layer - terms_.commitments.begin())];
  if (bucket.drawn == layer->amount) return;
  Charge& out = rows_.emplace_back(row(Category::usage, Cause::lost));
  out.pricing = Pricing::committed;
  out.commitment = id;
  out.use = Use::unused;
  out.drawn = layer->amount - bucket.drawn;
  if (!draws_dollars(commitment.draw)) {
    out.quantity = {static_cast<std::int64_t>(out.drawn / 1'000)};
  }
  if (commitment.capacity) out.reservation = id, out.reserved = Use::unused;
  out.effective = bucket.fee - share(bucket.fee, bucket.drawn, layer->amount);
}

void HourSettlement::bill_fees(TermId id, const std::vector<Fee>& fees) {
  for (const Fee& fee : fees) {
    if (floor<hours>(fee.due) != hour_) continue;
    Charge& out = rows_.emplace_back(row(Category::purchase, Cause::fee));
    out.begin = fee.covers.from, out.end = fee.covers.to;
    out.commitment = id;
    out.billed = out.list = out.contracted = exact(fee.amount);
  }
}

}  // namespace

Result<void> settle_hour(Book& book, Hour hour, std::span<const Slice> slices,
                         std::vector<Charge>& rows) {
  return HourSettlement(book, hour, rows).run(slices);
}

}  // namespace mohona
