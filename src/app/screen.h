// What a person reads: tables, states in colour, bars. Colours only on a terminal.
#pragma once

#include <string>
#include <vector>

namespace mohona {

// Whether standard output is a terminal that wants colours (NO_COLOR is respected).
bool is_terminal();

// Rows of cells, the first one the headings; columns as wide as their widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows);

// The state's name, coloured by what it means.
std::string coloured_state(const std::string& state);

// "[####......]" for 5 of 12.
std::string bar(std::size_t done, std::size_t total);

// How many columns a text takes, colour codes aside.
std::size_t width(const std::string& text);

}  // namespace mohona
