// The only file that knows yaml-cpp.
#include "spec/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <sstream>

#include "spec/builder.h"

namespace mohona {
namespace {

// Leaves yaml-cpp in the middle of a text. The mistake is noted by then.
struct Stop {};

void require(bool in_bounds) {
  if (!in_bounds) throw Stop{};
}

class Events : public YAML::EventHandler {
 public:
  Events(const std::string& text, Problems& problems)
      : text_(text), problems_(problems), builder_(problems) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    const std::size_t begin = place(mark).begin;
    document_ = {begin, text_.compare(begin, 3, "---") == 0 ? std::size_t{3} : std::size_t{1}};
    // After garbage, yaml-cpp offers a "document" that begins in its middle, for ever.
    if (documents_ > 0 && document_.length != 3) {
      problems_.add({begin, 1}, "nothing can stand here",
                    "expected the end of the file, or --- and another document");
      throw Stop{};
    }
    if (++documents_ > documents_max) {
      problems_.add({begin, 3}, "the file holds too many documents",
                    fmt::format("expected at most {}", documents_max));
      throw Stop{};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    SpecNode node;
    // An absent value is said to stand at whatever comes next.
    node.place = builder_.is_empty() ? document_ : place(mark);
    require(builder_.add(std::move(node), anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    require(builder_.alias(anchor, place(mark)));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    SpecNode node;
    node.type = SpecNode::Type::scalar;
    node.text = value;
    node.quoted = tag != "?";
    node.place = scalar_place(place(mark).begin, value, tag == "?");
    require(builder_.add(std::move(node), anchor));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    check_tag(mark, tag);
    require(builder_.open(SpecNode::Type::list, place(mark, style), anchor));
  }
  void OnSequenceEnd() override { builder_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    check_tag(mark, tag);
    require(builder_.open(SpecNode::Type::map, place(mark, style), anchor));
  }
  void OnMapEnd() override { builder_.close(); }

  SpecNode take() { return builder_.take(); }

 private:
  static Place place(const YAML::Mark& mark) {
    return {mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos), 1};
  }

  // Where a collection is shown: at its bracket or, when it has none, at its key.
  static Place place(const YAML::Mark& mark, YAML::EmitterStyle::value style) {
    return {place(mark).begin, style == YAML::EmitterStyle::Block ? std::size_t{0} : 1};
  }

  // yaml-cpp tells where a scalar begins, not how it was written.
  Place scalar_place(std::size_t begin, const std::string& value, bool plain) {
    if (plain || begin >= text_.size()) {
      return {begin, text_.compare(begin, value.size(), value) == 0 ? value.size() : 1};
    }
    while (begin < text_.size() && (text_[begin] == '&' || text_[begin] == '!')) {
      begin = std::min(text_.find_first_of(" \n", begin), text_.size());
      begin = std::min(text_.find_first_not_of(" \n", begin), text_.size());
    }
    const char quote = begin < text_.size() ? text_[begin] : ' ';
    if (quote != '"' && quote != '\'') return {begin, 1};
    std::size_t end = begin + 1;
    while (end < text_.size() && text_[end] != quote) {
      end += text_[end] == '\\' && quote == '"' ? 2 : 1;
      // In single quotes, two of them are one.
      while (quote == '\'' && text_.compare(end, 2, "''") == 0) end += 2;
    }
    if (end >= text_.size()) {  // yaml-cpp takes the end of the file for the end of the text
      problems_.add({begin, 1}, "this quote has no end", fmt::format("expected another {}", quote));
      throw Stop{};
    }
    return {begin, end + 1 - begin};
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    problems_.add(place(mark), fmt::format("the tag {} means nothing here", in_quotes(tag)),
                  "expected a value without a tag");
  }

  const std::string& text_;
  Problems& problems_;
  NodeBuilder builder_;
  std::size_t documents_ = 0;
  Place document_;  // where the one being read begins
};

// What yaml-cpp's messages leave to be guessed.
struct Advice {
  std::string_view message, hint;
};
constexpr std::array<Advice, 4> advices = {{
    {"illegal map value",
     "expected KEY: VALUE, indented as the keys beside it; a text with ': ' in it needs quotes"},
    {"end of map flow not found", "expected , or } here or on an earlier line"},
    {"end of sequence flow not found", "expected , or ] here or on an earlier line"},
    {"the referenced anchor is not defined", "expected &NAME earlier in this document"},
}};

bool indented_by_tab(const std::string& text, std::size_t at) {
  const std::size_t begin = text.rfind('\n', at == 0 ? 0 : at - 1);
  const std::size_t line = begin == std::string::npos ? 0 : begin + 1;
  const std::size_t word = text.find_first_not_of(" \t", line);
  return text.substr(line, std::min(word, text.size()) - line).find('\t') != std::string::npos;
}

}  // namespace

std::vector<SpecNode> parse_yaml(const std::string& text, Problems& problems) {
  std::vector<SpecNode> documents;
  Events events(text, problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) documents.push_back(events.take());
  } catch (const Stop&) {
  } catch (const YAML::Exception& e) {
    const std::size_t at = e.mark.pos < 0 ? 0 : static_cast<std::size_t>(e.mark.pos);
    std::string_view hint;
    for (const Advice& advice : advices) {
      if (e.msg == advice.message) hint = advice.hint;
    }
    if (indented_by_tab(text, at)) hint = "YAML is indented with spaces, never with tabs";
    problems.add({at, 1}, fmt::format("this is not YAML: {}", e.msg), std::string(hint));
  }
  return documents;
}

std::optional<SpecNode> parse_one_map(const std::string& text, const OneDocument& says,
                                      Problems& problems) {
  std::vector<SpecNode> documents;
  if (check_text(text, problems)) documents = parse_yaml(text, problems);
  if (!problems.none()) return std::nullopt;
  if (documents.size() == 1 && documents[0].is_map()) return std::move(documents[0]);
  const bool empty = documents.empty(), several = documents.size() > 1;
  problems.add(empty ? Place{} : documents[several ? 1 : 0].place,
               std::string(empty     ? "the file is empty"
                           : several ? says.one
                                     : says.lacks),
               std::string(says.expected));
  return std::nullopt;
}

}  // namespace mohona
