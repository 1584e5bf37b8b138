#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "spec/builder.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

// nlohmann-json tells what it read, in order, and not where. The text is known to be sound up to
// there, so a cursor follows it from token to token.
class Events : public nlohmann::json_sax<nlohmann::json> {
 public:
  Events(std::string_view text, Problems& problems)
      : text_(text), problems_(problems), builder_(problems) {}

  bool null() override {
    SpecNode node;
    node.place = next_word();
    return builder_.add(std::move(node));
  }
  bool boolean(bool) override { return word(); }
  bool number_integer(std::int64_t) override { return word(); }
  bool number_unsigned(std::uint64_t) override { return word(); }
  bool number_float(double, const std::string&) override { return word(); }
  bool string(std::string& value) override { return text_scalar(std::move(value)); }
  bool key(std::string& value) override { return text_scalar(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // never in a text
  bool start_object(std::size_t) override { return builder_.open(SpecNode::Type::map, next(1)); }
  bool start_array(std::size_t) override { return builder_.open(SpecNode::Type::list, next(1)); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& e) override {
    const std::string_view what = e.what();
    const std::size_t reason = what.find("syntax error");
    problems_.add({position == 0 ? 0 : position - 1, 1},
                  fmt::format("this is not JSON: {}",
                              quoted_reason(what.substr(reason == what.npos ? 0 : reason))));
    return false;
  }

  SpecNode take() { return builder_.take(); }

 private:
  static std::string quoted_reason(std::string_view what) {
    const std::size_t detail = what.find(" - ");
    return std::string(what.substr(0, detail));
  }
  Place next(std::size_t length) {
    cursor_ = std::min(text_.find_first_not_of(" \t\n\r,:", cursor_), text_.size());
    const Place place{cursor_, length};
    cursor_ += length;
    return place;
  }
  Place next_word() {
    const std::size_t begin = next(0).begin;
    const std::size_t end = std::min(text_.find_first_of(" \t\n\r,:]}", begin), text_.size());
    cursor_ = end;
    return {begin, end - begin};
  }
  bool word() {
    SpecNode node;
    node.type = SpecNode::Type::scalar;
    node.place = next_word();
    node.text = text_.substr(node.place.begin, node.place.length);
    return builder_.add(std::move(node));
  }
  bool text_scalar(std::string value) {
    SpecNode node;
    node.type = SpecNode::Type::scalar;
    node.text = std::move(value);
    node.quoted = true;
    node.place = next(1);
    while (cursor_ < text_.size() && text_[cursor_] != '"')
      cursor_ += text_[cursor_] == '\\' ? 2 : 1;
    node.place.length = ++cursor_ - node.place.begin;
    return builder_.add(std::move(node));
  }
  bool close() {
    next(1);
    builder_.close();
    return true;
  }

  std::string_view text_;
  Problems& problems_;
  NodeBuilder builder_;
  std::size_t cursor_ = 0;
};

}  // namespace

SpecNode parse_json(std::string_view text, Problems& problems) {
  Events events(text, problems);
  if (!nlohmann::json::sax_parse(text, &events)) return {};
  return events.take();
}

}  // namespace mohona
