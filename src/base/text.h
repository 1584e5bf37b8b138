// Small things done to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mohona {

// The candidate that `word` was probably meant to be, or "" when none is near enough to say so.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view between);

// NAME with everything outside [A-Z0-9_] as '_': how a job's name enters an environment variable.
std::string environment_name(std::string_view name);

// The length of the UTF-8 character at the front of `text`; 0 when there is no valid one.
std::size_t character_length(std::string_view text);
bool is_utf8(std::string_view text);

// Whether brackets of this JSON text stand in each other at most so deep. Asked before it is
// parsed: libraries write and free nested values by recursion.
bool nested_within(std::string_view json, std::size_t depth_max);

// Whether a character of UTF-8 only shows itself: controls (those above 0x7f too) steer a terminal,
// and marks of direction reorder the line around them.
bool is_printable(std::string_view character);

// The text with '?' for what is not printable and for what is not UTF-8, cut to `bytes_max`: names
// and words of jobs and engines, before they are kept or shown.
std::string printable(std::string_view text, std::size_t bytes_max = 65'536);
// The same of a text of several lines: their ends and tabs stay, and nothing is cut.
std::string printable_lines(std::string_view text);

}  // namespace mohona
