// Every file beside this one that ends in .invoice: contracts, usage, and the invoice that a person
// has worked out by hand. README.md says how they are written.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "money/accounts.h"
#include "money/invoice.h"
#include "spec/contracts_file.h"
#include "spec/usage_file.h"

namespace mohona {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines out;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "12.5", "0.00001275": as short as it can be, with cents.
std::string dollars(Money money) {
  std::string text = format_money_exact(money);
  while (text.ends_with('0') && text[text.size() - 3] != '.') text.pop_back();
  return text;
}

// MONTH CONTRACT TERM WHAT SKU QUANTITY BILLED EFFECTIVE, one space apart.
Lines printed(const Accounts& accounts) {
  Lines out;
  Money billed, effective;
  for (const InvoiceLine& line : invoice(accounts.book(), accounts.ledger())) {
    const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
    out.push_back(fmt::format("{} {} {} {} {} {} {} {}", line.month, or_dash(line.contract),
                              or_dash(line.term), name(line.cause), or_dash(line.sku),
                              format_unit_hours(line.unit_micros), dollars(line.billed),
                              dollars(line.effective)));
    billed += line.billed, effective += line.effective;
  }
  out.push_back(fmt::format("total {} {}", dollars(billed), dollars(effective)));
  return out;
}

// A file's parts: what stands between lines that begin with "---".
struct Part {
  std::string heading, text;
};

std::vector<Part> parts_of(const std::string& text) {
  std::vector<Part> parts = {{"--- contracts", ""}};
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("---")) {
      parts.push_back({line, ""});
    } else {
      parts.back().text += line + "\n";
    }
  }
  return parts;
}

std::string without_spaces(const std::string& line) {
  std::string out;
  std::stringstream words(line.substr(0, line.find('#')));
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
  return out;
}

class Played {
 public:
  explicit Played(const std::string& text) {
    for (const Part& part : parts_of(text)) {
      std::stringstream words(part.heading);
      std::string dashes, verb;
      words >> dashes >> verb;
      play(verb, words, part.text);
      if (!error_.empty()) return;
    }
  }
  // "" when every invoice was as it says.
  const std::string& error() const { return error_; }
  int invoices() const { return invoices_; }

 private:
  void play(const std::string& verb, std::stringstream& words, const std::string& text) {
    if (verb == "contracts" || verb == "amended") {
      auto contracts = parse_contracts_file({"contracts", text, "/"});
      if (!contracts) error_ = contracts.error().message;
      if (contracts && accounts_) accounts_->amend(*contracts);
      if (contracts) contracts_ = std::move(*contracts);
    } else if (verb == "begin") {
      accounts_.emplace(contracts_, instant(words));
    } else if (verb == "usage") {
      add(text);
    } else if (verb == "settle") {
      if (auto ok = accounts_->settle(instant(words)); !ok) error_ = ok.error().message;
    } else if (verb == "invoice") {
      ++invoices_;
      compare(text);
    } else if (verb == "corrections") {
      std::size_t asked = 0, found = 0;
      words >> asked;
      for (const Entry& entry : accounts_->ledger().entries()) found += entry.correction;
      if (asked != found) error_ = fmt::format("{} corrections, not {}\n", found, asked);
    } else {
      error_ = "no such part: " + verb;
    }
  }

  static Timestamp instant(std::stringstream& words) {
    std::string text;
    words >> text;
    return parse_timestamp(text).value();
  }

  void add(const std::string& text) {
    const auto usage = parse_usage_file({"usage", text, "/"});
    if (!usage) {
      error_ = usage.error().message;
      return;
    }
    for (const UsageSlice& slice : *usage) {
      if (auto ok = accounts_->add(slice); !ok) error_ = ok.error().message + "\n";
    }
  }

  void compare(const std::string& text) {
    Lines expected;
    for (const std::string& line : lines_of(text)) {
      if (const std::string words = without_spaces(line); !words.empty()) expected.push_back(words);
    }
    Lines real = printed(*accounts_);
    if (expected == real) return;
    for (const std::string& line : expected) {
      const auto there = std::find(real.begin(), real.end(), line);
      error_ += (there == real.end() ? "- " : "  ") + line + "\n";
      if (there != real.end()) real.erase(there);
    }
    for (const std::string& line : real) error_ += "+ " + line + "\n";
    if (error_.find("\n- ") == error_.npos && !error_.starts_with("- ") && real.empty()) {
      error_ = "the lines are in another order\n" + error_;
    }
  }

  Contracts contracts_;
  std::optional<Accounts> accounts_;
  std::string error_;
  int invoices_ = 0;
};

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& file :
       std::filesystem::directory_iterator(MOHONA_SOURCE_DIR "/tests/invoices")) {
    if (file.path().extension() == ".invoice") out.push_back(file.path().stem());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Invoice : public ::testing::TestWithParam<std::string> {};

TEST_P(Invoice, IsAsWorkedOutByHand) {
  const std::filesystem::path path =
      std::filesystem::path(MOHONA_SOURCE_DIR "/tests/invoices") / (GetParam() + ".invoice");
  const Played played(read(path));
  EXPECT_EQ(played.error(), "") << path << " (- worked out, + settled)";
  EXPECT_GE(played.invoices(), 1);
}

INSTANTIATE_TEST_SUITE_P(File, Invoice, ::testing::ValuesIn(names()), [](const auto& file) {
  std::string name = file.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

TEST(Invoices, AreAtLeastSixty) { EXPECT_GE(names().size(), 60u); }

}  // namespace
}  // namespace mohona
