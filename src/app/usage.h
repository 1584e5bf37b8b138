// What is wrong with a command line, in words that help.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mohona {

// Without options whose value is empty (--state "", --state=): they mean the default.
std::vector<std::string> without_empty_values(const CLI::App& app,
                                              const std::vector<std::string>& words);

// Why these words could not be parsed: an unknown command or option with the one that was probably
// meant, a word too many, or else what CLI11 says.
std::string explain_usage(const CLI::App& app, const std::vector<std::string>& words,
                          const CLI::ParseError& error);

}  // namespace mohona
