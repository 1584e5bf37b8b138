// What ran: who used what, where, in which hour.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace mohona {

// A UTC hour, by its beginning. Every cloud's hourly bucket is one of these.
using Hour = std::chrono::sys_time<std::chrono::hours>;

struct Location {
  std::string cloud, region, zone;
  friend auto operator<=>(const Location&, const Location&) = default;
};

// Whether what is said of the one holds at the other: without a region or zone, in all of them.
inline bool covers(const Location& said, const Location& place) {
  const auto same = [](const std::string& a, const std::string& b) { return a.empty() || a == b; };
  return said.cloud == place.cloud && same(said.region, place.region) &&
         same(said.zone, place.zone);
}

// "aws/us-east-1/us-east-1a"; what is empty is left out.
inline std::string to_string(const Location& place) {
  std::string out = place.cloud;
  for (const std::string& part : {place.region, place.zone}) {
    if (!part.empty()) out += "/" + part;
  }
  return out;
}

// What is alike for settlement: usage of one meter differs in its resource alone.
struct Meter {
  std::string sku;  // what the cloud bills by: p5.48xlarge, fargate-vcpu, compute-optimised-core
  Location place;
  std::string account;      // who is billed; a commitment serves its own account first
  std::string reservation;  // the capacity that the usage names, if it does
  friend auto operator<=>(const Meter&, const Meter&) = default;
};

// Of one meter in one hour: 277 million units that run all of it.
constexpr std::int64_t unit_seconds_max = 1'000'000'000'000;

// What one resource used of a meter within one UTC hour. The seconds are those of all units
// together: two machines for half an hour are 3,600.
struct UsageSlice {
  std::string resource;
  Meter meter;
  Hour hour;
  std::int64_t unit_seconds = 0;
  friend bool operator==(const UsageSlice&, const UsageSlice&) = default;
};

}  // namespace mohona
