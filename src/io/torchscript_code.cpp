#include "torchscript_code.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_set>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/io/torchscript_archive.h"

namespace loopline::io {
namespace {

using Words = std::unordered_set<std::string_view>;

const Words kKeywords{"def", "class", "return", "if",    "elif",     "else",   "while", "for",
                      "in",  "is",    "not",    "and",   "or",       "pass",   "with",  "as",
                      "del", "None",  "True",   "False", "continue", "assert", "raise", "break"};

const Words kTypes{"Tensor",  "int",       "float",           "bool",       "str",
                   "complex", "number",    "Scalar",          "List",       "Dict",
                   "Tuple",   "Union",     "Optional",        "Any",        "Device",
                   "Final",   "NoneType",  "Module",          "Enum",       "AnyEnumType",
                   "list",    "dict",      "tuple",           "Generator",  "NamedTuple",
                   "Layout",  "Interface", "ModuleInterface", "ScalarType", "MemoryFormat"};

/// Functions that TorchScript knows without a prefix, and constants.
const Words kBuiltins{"annotate",      "unchecked_cast",
                      "uninitialized", "getattr",
                      "hasattr",       "isinstance",
                      "len",           "round",
                      "min",           "max",
                      "abs",           "all",
                      "any",           "divmod",
                      "sum",           "ord",
                      "chr",           "pow",
                      "range",         "zip",
                      "enumerate",     "rangelist",
                      "sorted",        "AssertionError",
                      "inf",           "nan",
                      "infj",          "nanj"};

/// Attributes of tensors, devices and enumerations that are no operators of that name.
const Words kAttributes{"shape", "ndim", "T",    "H",     "mT",     "mH",
                        "real",  "imag", "name", "value", "__new__"};

/// Names without a prefix that stand for what nobody needs in a network, and their operators.
std::string refused_builtin(std::string_view name) {
  if (name == "print") return "prim::Print";
  if (name == "fork") return "prim::fork";
  if (name == "awaitable") return "prim::awaitable";
  return "";
}

/// Operators that act outside of their tensors: a method of the archive by that name hides none.
const Words kNeverHidden{"save",     "from_file", "manual_seed", "set_",
                         "set_data", "resize_",   "_print"};

class Check {
 public:
  Check(const std::vector<Token>& tokens, const std::string& where, const CodeNames& names,
        const Doubt& doubt, std::set<std::string>& operators)
      : tokens_(tokens), where_(where), names_(names), doubt_(doubt), operators_(operators) {}

  void run() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!tokens_[i].is_name()) continue;
      if (tokens_[i].text == "__setstate__" || tokens_[i].text == "__getstate__") {
        doubt(i, "has a method " + std::string(tokens_[i].text) + ", which runs while it is loaded",
              "__setstate__");
      } else if (i > 0 && tokens_[i - 1].is(".")) {
        check_attribute(i, std::string(tokens_[i].text));
      } else {
        i = check_name(i);
      }
    }
  }

 private:
  void doubt(std::size_t i, const std::string& what, const std::string& name) const {
    doubt_(at_line(where_, tokens_[i].line), what, name);
  }

  bool is_followed_by(std::size_t i, std::string_view sign) const {
    return i + 1 < tokens_.size() && tokens_[i + 1].is(sign);
  }

  /// The names joined by points from token `i` on; `i` moves to the last.
  std::vector<std::string> path_at(std::size_t& i) const {
    std::vector<std::string> path{std::string(tokens_[i].text)};
    while (is_followed_by(i, ".") && i + 2 < tokens_.size() && tokens_[i + 2].is_name()) {
      i += 2;
      path.emplace_back(tokens_[i].text);
    }
    return path;
  }

  /// A name without a point before it. Returns the last token that was looked at.
  std::size_t check_name(std::size_t i) {
    const std::string name(tokens_[i].text);
    if (tokens_[i].starts_line && is_followed_by(i, ":")) return i;  // declares an attribute
    if (name == "torch" || name == "ops" || name == "__torch__" || name == "CONSTANTS") {
      return check_root(i);
    }
    const bool is_keyword_argument = tokens_[i].depth > 0 && is_followed_by(i, "=");
    if (is_keyword_argument) return i;
    if (const std::string op = refused_builtin(name); !op.empty()) {
      doubt(i, "uses " + name, op);
    } else if (kKeywords.count(name) + kTypes.count(name) + kBuiltins.count(name) == 0 &&
               names_.names.count(name) == 0) {
      doubt(i, "uses " + name + ", which the archive does not declare", name);
    }
    if (name == "getattr" || name == "hasattr") check_attribute_strings(i);
    return i;
  }

  /// torch.OPERATOR, ops.NAMESPACE.OPERATOR, __torch__.MODULE.CLASS, CONSTANTS.c0; an alias of a
  /// root alone could hide what is taken from it.
  std::size_t check_root(std::size_t i) {
    const std::size_t begin = i;
    const std::vector<std::string> path = path_at(i);
    const std::size_t used = path[0] == "torch" || path[0] == "CONSTANTS" ? 2 : 3;
    if (path[0] == "__torch__") {
      check_definition(begin, path);
      return i;
    }
    if (path.size() < used) {
      doubt(begin, "gives " + path[0] + " another name", path[0]);
      return i;
    }
    if (path[0] != "CONSTANTS") {
      const std::string op = used == 2 ? "aten::" + path[1] : path[1] + "::" + path[2];
      operators_.insert(op);
      if (!is_listed_operator(op)) doubt(begin, "uses operator " + op, op);
    }
    return begin + 2 * (used - 1);
  }

  void check_definition(std::size_t i, const std::vector<std::string>& path) {
    std::string name;
    std::size_t used = 0;
    for (std::size_t part = 0; part < path.size() && used == 0; ++part) {
      name += (part == 0 ? "" : ".") + path[part];
      if (names_.definitions.count(name) > 0) used = part + 1;
    }
    if (const std::string custom = custom_class_of(join(path, ".")); !custom.empty()) {
      doubt(i, "uses class " + custom + ", which is C++ code", custom);
    } else if (used == 0) {
      doubt(i, "uses " + name + ", which the archive does not declare", name);
    } else {
      for (std::size_t part = used; part < path.size(); ++part) check_attribute(i, path[part]);
    }
  }

  /// A name after a point: declared by the archive, or an operator as method of a value.
  void check_attribute(std::size_t i, const std::string& name) {
    const bool is_listed = is_listed_operator("aten::" + name) ||
                           is_listed_operator("prim::" + name) || kAttributes.count(name) > 0;
    const bool is_declared = names_.names.count(name) > 0 && kNeverHidden.count(name) == 0;
    if (!is_listed && !is_declared) {
      doubt(i, "uses operator aten::" + name + " as a method", "aten::" + name);
    }
  }

  /// getattr(x, "name") is x.name.
  void check_attribute_strings(std::size_t i) {
    for (std::size_t next = i + 2; next < tokens_.size(); ++next) {
      const Token& token = tokens_[next];
      if (token.depth <= tokens_[i].depth) return;
      if (token.kind != Token::Kind::kString || token.depth != tokens_[i].depth + 1) continue;
      if (names_.names.count(std::string(token.text)) > 0 && kNeverHidden.count(token.text) == 0) {
        continue;
      }
      const bool is_plain =
          !token.text.empty() && std::all_of(token.text.begin(), token.text.end(), [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
          });
      if (!is_plain) {
        throw Error(at_line(where_, token.line),
                    "takes an attribute that the archive does not have");
      }
      check_attribute(next, std::string(token.text));
    }
  }

  const std::vector<Token>& tokens_;
  const std::string& where_;
  const CodeNames& names_;
  const Doubt& doubt_;
  std::set<std::string>& operators_;
};

/// The index behind the statement that starts at token `i`.
std::size_t end_of_statement(const std::vector<Token>& tokens, std::size_t i) {
  do {
    ++i;
  } while (i < tokens.size() && !tokens[i].starts_line);
  return i;
}

/// a = ..., a, b = ..., (a, b) = ...
void declare_targets(const std::vector<Token>& tokens, std::size_t begin, CodeNames& names) {
  const std::size_t end = end_of_statement(tokens, begin);
  std::size_t equals = begin;
  while (equals < end && !(tokens[equals].is("=") && tokens[equals].depth == 0)) ++equals;
  if (equals == end) return;
  for (std::size_t i = begin; i < equals; ++i) {
    if (tokens[i].is_name() && (i == begin || !tokens[i - 1].is("."))) {
      names.names.emplace(tokens[i].text);
    }
  }
}

}  // namespace

void declare_code(const std::vector<Token>& tokens, const std::string& module, CodeNames& names) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const bool has_next = i + 1 < tokens.size();
    if (token.starts_line) declare_targets(tokens, i, names);
    if ((token.is("class") || token.is("def")) && has_next && tokens[i + 1].is_name()) {
      if (!token.is_indented) {
        names.definitions.insert(module + "." + std::string(tokens[i + 1].text));
      }
      names.names.emplace(tokens[i + 1].text);
    } else if (token.is("as") && has_next && tokens[i + 1].is_name()) {
      names.names.emplace(tokens[i + 1].text);
    } else if (token.is("for")) {
      for (std::size_t next = i + 1; next < tokens.size() && !tokens[next].is("in"); ++next) {
        if (tokens[next].is_name()) names.names.emplace(tokens[next].text);
      }
    } else if (token.is_name() && has_next && tokens[i + 1].is(":")) {
      names.names.emplace(token.text);
    } else if (token.kind == Token::Kind::kString && i >= 2 && tokens[i - 1].is("[") &&
               tokens[i - 2].is("__annotations__")) {
      names.names.emplace(token.text);
    }
  }
}

void check_code(const std::vector<Token>& tokens, const std::string& where, const CodeNames& names,
                const Doubt& doubt, std::set<std::string>& operators) {
  Check(tokens, where, names, doubt, operators).run();
}

void check_type(std::string_view type, const std::string& where, const CodeNames& names,
                const Doubt& doubt) {
  std::set<std::string> operators;
  check_code(split_torchscript(type, where), where, names, doubt, operators);
}

std::string custom_class_of(const std::string& name) {
  constexpr std::string_view kPrefix = "__torch__.torch.classes.";
  if (name.compare(0, kPrefix.size(), kPrefix) != 0) return "";
  const std::size_t point = name.find('.', kPrefix.size());
  if (point == std::string::npos) return name;
  return name.substr(0, name.find('.', point + 1));
}

}  // namespace loopline::io
