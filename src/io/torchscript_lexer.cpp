#include "torchscript_lexer.h"

#include <cctype>

#include "loopline/core/error.h"

namespace loopline::io {
namespace {

constexpr std::size_t kDeepestBracket = 256;  // LibTorch's parser recurs
constexpr std::size_t kMostTokens = 2'000'000;

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

class Lexer {
 public:
  Lexer(std::string_view source, const std::string& where) : source_(source), where_(where) {}

  std::vector<Token> run() {
    while (skip_space()) {
      const char c = source_[position_];
      if (is_name_start(c)) {
        read_name();
      } else if (is_digit(c)) {
        read_number();
      } else if (c == '"' || c == '\'') {
        if (!tokens_.empty() && tokens_.back().kind == Token::Kind::kString) {
          refuse("joins strings");
        }
        read_string(c);
      } else {
        read_sign();
      }
      if (tokens_.size() > kMostTokens) refuse("is too long");
    }
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(at_line(where_, line_), what,
                "LibTorch does not write this: save the network again with torch.jit.save");
  }

  char peek(std::size_t ahead = 0) const {
    return position_ + ahead < source_.size() ? source_[position_ + ahead] : '\0';
  }

  /// Whether a token follows.
  bool skip_space() {
    for (; position_ < source_.size(); ++position_) {
      const char c = source_[position_];
      if (c == '\n') {
        ++line_;
        starts_line_ = depth_ == 0;
        if (starts_line_) is_indented_ = peek(1) == ' ';
      } else if (c == '\\' && peek(1) == '\n') {
        ++position_;
        ++line_;
      } else if (c != ' ') {
        if (c < 0x20 || c == 0x7F) refuse("has an unprintable byte");
        return true;
      }
    }
    return false;
  }

  void add(Token::Kind kind, std::string_view text, std::size_t line) {
    tokens_.push_back({kind, text, line, starts_line_, is_indented_, depth_});
    starts_line_ = false;
  }

  void read_name() {
    const std::size_t begin = position_;
    while (is_name_part(peek())) ++position_;
    add(Token::Kind::kName, source_.substr(begin, position_ - begin), line_);
  }

  /// 12, 0.5, 1., 1.5e-05, 2.j
  void read_number() {
    const std::size_t begin = position_;
    const auto skip_digits = [&] {
      while (is_digit(peek())) ++position_;
    };
    skip_digits();
    if (peek() == '.') {
      ++position_;
      skip_digits();
    }
    const bool has_sign = peek(1) == '-' || peek(1) == '+';
    if (peek() == 'e' && is_digit(peek(has_sign ? 2 : 1))) {
      position_ += has_sign ? 2 : 1;
      skip_digits();
    }
    if (peek() == 'j') ++position_;
    if (is_name_part(peek())) refuse("has a number that runs into a word");
    add(Token::Kind::kNumber, source_.substr(begin, position_ - begin), line_);
  }

  void read_string(char quote) {
    const bool is_long = peek(1) == quote && peek(2) == quote;
    const std::size_t width = is_long ? 3 : 1, line = line_;
    position_ += width;
    const std::size_t begin = position_;
    const auto is_end = [&] {
      for (std::size_t i = 0; i < width; ++i) {
        if (peek(i) != quote) return false;
      }
      return true;
    };
    while (position_ < source_.size() && !is_end()) {
      if (peek() == '\n') {
        if (!is_long) refuse("has a string without an end");
        ++line_;
      }
      if (peek() == '\\') {
        ++position_;
        if (peek() == '\n') ++line_;
      }
      ++position_;
    }
    if (position_ >= source_.size()) refuse("has a string without an end");
    add(Token::Kind::kString, source_.substr(begin, position_ - begin), line);
    position_ += width;
  }

  void read_sign() {
    constexpr std::string_view kSigns = "+-*/%@&|^~<>=!()[]{},.:;";
    const char c = peek();
    if (c == '#') refuse("has a comment");
    if (kSigns.find(c) == std::string_view::npos) refuse("has a byte that is no TorchScript");
    if (c == '.' && is_digit(peek(1))) refuse("has a number without its zero");
    if (c == ')' || c == ']' || c == '}') {
      if (depth_ == 0) refuse("closes a bracket that is not open");
      --depth_;
    }
    // These must not be taken for assignments.
    const bool is_comparison = (c == '=' || c == '!' || c == '<' || c == '>') && peek(1) == '=';
    const std::size_t width = is_comparison ? 2 : 1;
    add(Token::Kind::kSign, source_.substr(position_, width), line_);
    position_ += width;
    if (c == '(' || c == '[' || c == '{') {
      if (++depth_ > kDeepestBracket) refuse("is nested too deeply");
    }
  }

  std::string_view source_;
  const std::string& where_;
  std::size_t position_ = 0, line_ = 1, depth_ = 0;
  bool starts_line_ = true, is_indented_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> split_torchscript(std::string_view source, const std::string& where) {
  return Lexer(source, where).run();
}

std::string at_line(const std::string& where, std::size_t line) {
  return where + ":" + std::to_string(line);
}

}  // namespace loopline::io
