#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace loopline::io {

/// A word, a string or a sign of TorchScript source.
struct Token {
  enum class Kind { kName, kNumber, kString, kSign };
  Kind kind;
  std::string_view text;  ///< a string's between its quotation marks, as written
  std::size_t line;       ///< from 1
  bool starts_line;       ///< the first of a line, outside of brackets
  bool is_indented;       ///< the line is
  std::size_t depth;      ///< of brackets around it

  bool is(std::string_view sign) const { return kind != Kind::kString && text == sign; }
  bool is_name() const { return kind == Kind::kName; }
};

/// The tokens of a code entry, as LibTorch's lexer finds them. What LibTorch does not write into
/// archives, or what two lexers could split differently (comments, unprintable bytes, numbers that
/// run into words), is an Error at `where`, with the line.
std::vector<Token> split_torchscript(std::string_view source, const std::string& where);

/// "net/code/__torch__.py:12"
std::string at_line(const std::string& where, std::size_t line);

}  // namespace loopline::io
