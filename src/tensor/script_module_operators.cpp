#include "script_module_operators.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>

#include <map>

#include "loopline/core/error.h"
#include "loopline/io/torchscript_archive.h"
#include "script_module_devices.h"

namespace loopline::tensor {
namespace {

using torch::jit::Node;

class OperatorCheck {
 public:
  explicit OperatorCheck(std::string where) : where_(std::move(where)) {}

  void check_function(torch::jit::Function& function) {
    function.ensure_defined();
    if (auto* graph = torch::jit::tryToGraphFunction(function)) {
      function_ = function.qualname().qualifiedName();
      check_block(graph->graph()->block());
    }
  }

  std::set<std::string> take_operators() { return std::move(operators_); }

 private:
  void check_block(torch::jit::Block* block) {
    for (const torch::jit::Value* input : block->inputs()) check_type(input->type());
    std::vector<Node*> warnings;
    for (Node* node : block->nodes()) {
      if (node->kind() == torch::jit::aten::warn) {
        warnings.push_back(node);
        continue;
      }
      const std::string op = node->kind().toQualString();
      if (operators_.insert(op).second && !io::is_listed_operator(op)) {
        const std::string source = source_of(node);
        io::require_trust(where_ + ": " + function_,
                          "uses operator " + op + (source.empty() ? "" : " at " + source), op);
      }
      for (const torch::jit::Value* output : node->outputs()) check_type(output->type());
      for (torch::jit::Block* inner : node->blocks()) check_block(inner);
      for (const torch::jit::Symbol name : node->attributeNames()) {
        if (node->kindOf(name) == torch::jit::AttributeKind::g) check_block(node->g(name)->block());
        if (node->kindOf(name) != torch::jit::AttributeKind::gs) continue;
        for (const auto& graph : node->gs(name)) check_block(graph->block());
      }
    }
    for (Node* node : warnings) node->destroy();
  }

  void check_type(const c10::TypePtr& type) {
    if (!types_.emplace(type.get(), type).second) return;
    if (const auto named = type->cast<c10::ClassType>(); named && named->name()) {
      const std::string name = named->name()->qualifiedName();
      if (name.rfind("__torch__.torch.classes.", 0) == 0) {
        io::require_trust(where_ + ": " + function_, "uses class " + name + ", which is C++ code",
                          name);
        return;
      }
      for (std::size_t i = 0; i < named->numAttributes(); ++i) check_type(named->getAttribute(i));
    }
    for (const c10::TypePtr& contained : type->containedTypes()) check_type(contained);
  }

  std::string where_, function_;
  std::set<std::string> operators_;
  std::map<const c10::Type*, c10::TypePtr> types_;  // held, so that no address is used twice
};

/// A value inside the module: objects and what is in their attributes, each once.
class ValueCheck {
 public:
  explicit ValueCheck(std::string where) : where_(std::move(where)) {}

  void check(const c10::IValue& value, const c10::TypePtr& declared, const std::string& name) {
    const auto optional = declared->cast<c10::OptionalType>();
    if (optional && value.isNone()) return;
    const c10::TypePtr type = optional ? optional->getElementType() : declared;
    if (const auto tuple = type->cast<c10::TupleType>(); tuple && value.isTuple()) {
      check_tuple(value.toTupleRef().elements(), *tuple, name);
      return;
    }
    if (!value.type()->isSubtypeOf(*type)) {
      throw Error(where_, name + " is declared as " + type->repr_str() + " but holds " +
                              value.type()->repr_str());
    }
    if (!value.isObject() && !value.isList() && !value.isGenericDict()) return;
    if (!seen_.insert(value.internalToPointer()).second) return;
    if (value.isObject()) {
      const auto& object = value.toObjectRef();
      const auto known = object.type();
      if (object.slots().size() < known->numAttributes()) {
        throw Error(where_, name + " holds half an object");
      }
      for (std::size_t i = 0; i < known->numAttributes(); ++i) {
        check(object.getSlot(i), known->getAttribute(i), name + "." + known->getAttributeName(i));
      }
    } else if (value.isList()) {
      const auto list = value.toList();
      for (const c10::IValue& item : list.vec()) check(item, list.elementType(), name + "[]");
    } else {
      const auto dictionary = value.toGenericDict();
      for (const auto& item : dictionary) {
        check(item.key(), dictionary.keyType(), name + "[]");
        check(item.value(), dictionary.valueType(), name + "[]");
      }
    }
  }

 private:
  /// A named tuple comes back from a file without its name.
  void check_tuple(c10::ArrayRef<c10::IValue> items, const c10::TupleType& type,
                   const std::string& name) {
    if (items.size() != type.elements().size()) {
      throw Error(where_, name + " is declared as " + type.repr_str() + " but holds " +
                              std::to_string(items.size()) + " values");
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      check(items[i], type.elements()[i], name + "[" + std::to_string(i) + "]");
    }
  }

  std::string where_;
  std::set<const void*> seen_;
};

}  // namespace

std::set<std::string> check_operators(torch::jit::Module& module, const std::string& where) {
  OperatorCheck operators(where);
  const auto unit = module.type()->compilation_unit();
  // Compiling a function may import others.
  for (std::size_t done = 0; done < unit->get_functions().size();) {
    const std::vector<torch::jit::Function*> functions = unit->get_functions();
    for (; done < functions.size(); ++done) {
      if (functions[done] != nullptr) operators.check_function(*functions[done]);
    }
  }
  ValueCheck(where).check(module._ivalue(), module.type(), "the module");
  return operators.take_operators();
}

}  // namespace loopline::tensor
