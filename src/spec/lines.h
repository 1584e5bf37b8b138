// On which line of a text something stands, for what is remembered after the text is gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mohona {

class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') ends_.push_back(i);
    }
  }
  // From 1.
  std::int64_t at(std::size_t byte) const {
    return 1 + (std::lower_bound(ends_.begin(), ends_.end(), byte) - ends_.begin());
  }

 private:
  std::vector<std::size_t> ends_;
};

}  // namespace mohona
