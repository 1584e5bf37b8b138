// How contracts are stored; see describe.h.
#pragma once

#include "model/fact.h"
#include "model/names.h"

namespace mohona {

template <class V>
void describe(V&& v, Tag<Location>) {
  v("cloud", &Location::cloud);
  v("region", &Location::region);
  v("zone", &Location::zone);
}
template <class V>
void describe(V&& v, Tag<Meter>) {
  v("sku", &Meter::sku);
  v("place", &Meter::place);
  v("account", &Meter::account);
  v("reservation", &Meter::reservation);
}
template <class V>
void describe(V&& v, Tag<Window>) {
  v("from", &Window::from);
  v("to", &Window::to);
}
template <class V>
void describe(V&& v, Tag<Scope>) {
  v("clouds", &Scope::clouds);
  v("regions", &Scope::regions);
  v("zones", &Scope::zones);
  v("families", &Scope::families);
  v("skus", &Scope::skus);
  v("accounts", &Scope::accounts);
  v("except_families", &Scope::except_families);
}
template <class V>
void describe(V&& v, Tag<Tier>) {
  v("over_unit_hours", &Tier::over_unit_hours);
  v("price", &Tier::price);
}
template <class V>
void describe(V&& v, Tag<Offer>) {
  v("sku", &Offer::sku);
  v("place", &Offer::place);
  v("family", &Offer::family);
  v("size_milli", &Offer::size_milli);
  v("unit", &Offer::unit);
  v("tiers", &Offer::tiers);
  v("valid", &Offer::valid);
  v("dynamic", &Offer::dynamic);
}
template <class V>
void describe(V&& v, Tag<Step>) {
  v("from", &Step::from);
  v("amount", &Step::amount);
  v("hourly", &Step::hourly);
}
template <class V>
void describe(V&& v, Tag<Fee>) {
  v("due", &Fee::due);
  v("amount", &Fee::amount);
  v("covers", &Fee::covers);
}
template <class V>
void describe(V&& v, Tag<Rate>) {
  v("scope", &Rate::scope);
  v("price", &Rate::price);
  v("off_ppm", &Rate::off_ppm);
  v("valid", &Rate::valid);
}
template <class V>
void describe(V&& v, Tag<Commitment>) {
  v("name", &Commitment::name);
  v("account", &Commitment::account);
  v("shared", &Commitment::shared);
  v("scope", &Commitment::scope);
  v("window", &Commitment::window);
  v("draw", &Commitment::draw);
  v("steps", &Commitment::steps);
  v("fees", &Commitment::fees);
  v("rates", &Commitment::rates);
  v("running", &Commitment::running);
  v("capacity", &Commitment::capacity);
  v("named", &Commitment::named);
  v("rank", &Commitment::rank);
}
template <class V>
void describe(V&& v, Tag<Reservation>) {
  v("name", &Reservation::name);
  v("account", &Reservation::account);
  v("holds", &Reservation::holds);
  v("window", &Reservation::window);
  v("steps", &Reservation::steps);
  v("named", &Reservation::named);
}
template <class V>
void describe(V&& v, Tag<Discount>) {
  v("scope", &Discount::scope);
  v("off_ppm", &Discount::off_ppm);
  v("window", &Discount::window);
}
template <class V>
void describe(V&& v, Tag<Milestone>) {
  v("due", &Milestone::due);
  v("amount", &Milestone::amount);
}
template <class V>
void describe(V&& v, Tag<Weight>) {
  v("scope", &Weight::scope);
  v("ppm", &Weight::ppm);
  v("cap_ppm", &Weight::cap_ppm);
}
template <class V>
void describe(V&& v, Tag<Missed>) {
  v("then", &Missed::then);
  v("ppm", &Missed::ppm);
  v("carry_max", &Missed::carry_max);
  v("credit_months", &Missed::credit_months);
  v("credit_pays", &Missed::credit_pays);
}
template <class V>
void describe(V&& v, Tag<Excess>) {
  v("carry_ppm", &Excess::carry_ppm);
  v("carry_max", &Excess::carry_max);
}
template <class V>
void describe(V&& v, Tag<Minimum>) {
  v("name", &Minimum::name);
  v("scope", &Minimum::scope);
  v("window", &Minimum::window);
  v("milestones", &Minimum::milestones);
  v("weights", &Minimum::weights);
  v("before_discount", &Minimum::before_discount);
  v("counts_fees", &Minimum::counts_fees);
  v("prepaid", &Minimum::prepaid);
  v("fees", &Minimum::fees);
  v("overage_ppm", &Minimum::overage_ppm);
  v("missed", &Minimum::missed);
  v("excess", &Minimum::excess);
}
template <class V>
void describe(V&& v, Tag<Contract>) {
  v("name", &Contract::name);
  v("version", &Contract::version);
  v("cloud", &Contract::cloud);
  v("account", &Contract::account);
  v("commitments", &Contract::commitments);
  v("reservations", &Contract::reservations);
  v("discounts", &Contract::discounts);
  v("minimums", &Contract::minimums);
}
template <class V>
void describe(V&& v, Tag<Relief>) {
  v("contract", &Relief::contract);
  v("minimum", &Relief::minimum);
  v("ppb", &Relief::ppb);
}
template <class V>
void describe(V&& v, Tag<Contracts>) {
  v("contracts", &Contracts::contracts);
  v("offers", &Contracts::offers);
  v("egress", &Contracts::egress);
}
template <class V>
void describe(V&& v, Tag<EgressPrice>) {
  v("from", &EgressPrice::from);
  v("to", &EgressPrice::to);
  v("per_gb", &EgressPrice::per_gb);
}
template <class V>
void describe(V&& v, Tag<PriceSum>) {
  v("rate", &PriceSum::rate);
  v("displaced", &PriceSum::displaced);
  v("relief", &PriceSum::relief);
  v("egress", &PriceSum::egress);
  v("risk", &PriceSum::risk);
}
template <class V>
void describe(V&& v, Tag<ContractsDefined>) {
  v("contracts", &ContractsDefined::contracts);
}
template <class V>
void describe(V&& v, Tag<ReliefPriced>) {
  v("reliefs", &ReliefPriced::reliefs);
}

}  // namespace mohona
