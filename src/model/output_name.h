// Slurm's names for output files, such as "logs/%x-%A_%3a.out".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mohona {

// A piece of a name: plain text, or one of the letters that stand for something:
//
//   %j %A the job's number   %a the array index   %b the array index modulo 10   %x the job's name
//   %u the user              %N the pool          %n %t the node and the task, 0 for a batch script
//
// A number before the letter is the least number of digits: %3a is 007. %% is %, and in a name that
// holds a backslash nothing stands for anything, as with Slurm.
struct OutputNamePiece {
  std::string text;  // plain text, when `letter` is 0
  char letter = 0;
  std::size_t width = 0;  // digits at least; 0: as many as there are
  friend bool operator==(const OutputNamePiece&, const OutputNamePiece&) = default;
};

// Where a name says what means nothing: "%q", or a % at its end.
struct OutputNameMistake {
  std::size_t at = 0, length = 1;
};

// The pieces; what means nothing is plain text, and the first such place goes to `mistake`.
std::vector<OutputNamePiece> parse_output_name(std::string_view name,
                                               std::optional<OutputNameMistake>* mistake = nullptr);

// "007" for 7 and a width of 3.
std::string padded_number(std::string digits, std::size_t width);

}  // namespace mohona
