// Measured numbers: percentiles, memory, and how they are printed.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mohona {

using Json = nlohmann::ordered_json;
using Ticks = std::chrono::steady_clock::time_point;

inline Ticks ticks() { return std::chrono::steady_clock::now(); }
inline double micros_between(Ticks a, Ticks b) {
  return std::chrono::duration<double, std::micro>(b - a).count();
}

using Series = std::vector<float>;
double percentile(Series values, double p);  // p from 0 to 1; 0 of nothing
double mean(const Series& values);

// The most memory that this process has had.
double peak_rss_mib();

// A number for people: few digits, thousands apart.
std::string readable(double value);
// "name   value" for each member; of arrays of objects a table.
void print_figures(const Json& figures);

}  // namespace mohona
