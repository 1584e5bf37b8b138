// A contract's capacity reservations and negotiated discounts.
#include <fmt/format.h>

#include "spec/contracts_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t reservations_max = 10'000;
constexpr std::int64_t instances_max = 1'000'000;

struct ReservationDraft {
  Reservation reservation;
  Duration zone;
  Problems& problems;
  std::int64_t instances = 0;
};

constexpr std::array<Key<ReservationDraft>, 9> reservation_keys = {{
    {"name",
     [](const SpecNode& n, ReservationDraft& d) { read_name(n, d.reservation.name, d.problems); }},
    {"account", [](const SpecNode& n,
                   ReservationDraft& d) { read_text(n, d.reservation.account, d.problems); }},
    {"sku", [](const SpecNode& n,
               ReservationDraft& d) { read_text(n, d.reservation.holds.sku, d.problems); }},
    {"region",
     [](const SpecNode& n, ReservationDraft& d) {
       read_text(n, d.reservation.holds.place.region, d.problems);
     }},
    {"zone", [](const SpecNode& n,
                ReservationDraft& d) { read_text(n, d.reservation.holds.place.zone, d.problems); }},
    {"instances",
     [](const SpecNode& n, ReservationDraft& d) {
       read_whole(n, {1, instances_max}, d.instances, d.problems);
     }},
    {"from",
     [](const SpecNode& n, ReservationDraft& d) {
       read_local(n, d.zone, d.reservation.window.from, d.problems);
     }},
    {"to", [](const SpecNode& n,
              ReservationDraft& d) { read_local(n, d.zone, d.reservation.window.to, d.problems); }},
    {"named",
     [](const SpecNode& n, ReservationDraft& d) { read_flag(n, d.reservation.named, d.problems); }},
}};

struct DiscountDraft {
  Discount discount;
  Duration zone;
  Problems& problems;
};

constexpr std::array<Key<DiscountDraft>, 3> discount_keys = {{
    {"off",
     [](const SpecNode& n, DiscountDraft& d) { read_percent(n, d.discount.off_ppm, d.problems); }},
    {"from", [](const SpecNode& n,
                DiscountDraft& d) { read_local(n, d.zone, d.discount.window.from, d.problems); }},
    {"to", [](const SpecNode& n,
              DiscountDraft& d) { read_local(n, d.zone, d.discount.window.to, d.problems); }},
}};

}  // namespace

// Without an end: until it is cancelled, which is an amendment.
void read_reservations(const SpecNode& node, ContractDraft& draft) {
  read_items(
      node, "a list of reservations", reservations_max, draft.problems, [&](const SpecNode& item) {
        ReservationDraft one{{}, draft.zone, draft.problems};
        Reservation& reservation = one.reservation;
        reservation.account = draft.contract.account;
        reservation.holds.place.cloud = draft.contract.cloud;
        read_keys(item, reservation_keys, {}, one, draft.problems);
        require(item, "reservation", {"name", "sku", "zone", "instances", "from"}, draft.problems);
        const SpecNode* to = item.find("to");
        if (to && reservation.window.from >= reservation.window.to) {
          wrong(*to, "expected a later instant than 'from'", draft.problems);
        }
        reservation.holds.account = reservation.account;
        reservation.steps = {{reservation.window.from, one.instances * 1'000, {}}};
        draft.contract.reservations.push_back(reservation);
      });
}

void read_discounts(const SpecNode& node, ContractDraft& draft) {
  read_items(node, "a list such as [{off: 9%, except_families: [marketplace]}]", reservations_max,
             draft.problems, [&](const SpecNode& item) {
               DiscountDraft one{{}, draft.zone, draft.problems};
               one.discount.scope.clouds = {draft.contract.cloud};
               read_scoped_keys(item, discount_keys, one.discount.scope, one, draft.problems);
               require(item, "discount", {"off"}, draft.problems);
               draft.contract.discounts.push_back(one.discount);
             });
}

}  // namespace mohona
