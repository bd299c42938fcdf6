#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "torchscript_lexer.h"

namespace loopline::io {

/// What the code entries of an archive declare.
struct CodeNames {
  std::set<std::string> definitions;  ///< classes and functions: "__torch__.unet.Attention"
  std::set<std::string> names;        ///< methods, attributes, arguments and variables
};

/// Adds what a code entry declares; `module` is its name for LibTorch, "__torch__.unet".
void declare_code(const std::vector<Token>& tokens, const std::string& module, CodeNames& names);

/// Told of a name that the archive may use only when it is trusted: the place, what it does there,
/// and the name by which it can be trusted.
using Doubt =
    std::function<void(const std::string& where, const std::string& what, const std::string& name)>;

/// Looks at each name that a code entry uses and reports those that are neither declared by the
/// archive nor on the list of operators: "aten::save" for torch.save or .save, "prim::Print" for
/// print. Operators that it calls by torch. or ops. are added to `operators`.
///
/// A method whose name the archive declares, too, cannot be told from an operator here: what
/// LibTorch made of the code is checked once more after loading, before it runs.
void check_code(const std::vector<Token>& tokens, const std::string& where, const CodeNames& names,
                const Doubt& doubt, std::set<std::string>& operators);

/// The same for a type that a pickle names: "List[Tensor]".
void check_type(std::string_view type, const std::string& where, const CodeNames& names,
                const Doubt& doubt);

/// "__torch__.torch.classes.NAMESPACE.CLASS" when `name` is inside one: C++ code behind a name.
std::string custom_class_of(const std::string& name);

}  // namespace loopline::io
