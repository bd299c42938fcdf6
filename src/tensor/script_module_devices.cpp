#include "script_module_devices.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <filesystem>
#include <functional>
#include <set>

#include "loopline/core/error.h"

namespace loopline::tensor {
namespace {

using torch::jit::Node;
using torch::jit::Value;

/// Operators whose `device` argument says where their result lies and nothing else: with the new
/// device they compute the same numbers there.
const std::set<std::string> kMovable{
    "aten::arange",    "aten::empty",        "aten::empty_like",    "aten::eye",
    "aten::full",      "aten::full_like",    "aten::linspace",      "aten::logspace",
    "aten::new_empty", "aten::new_full",     "aten::new_ones",      "aten::new_zeros",
    "aten::ones",      "aten::ones_like",    "aten::scalar_tensor", "aten::tensor",
    "aten::to",        "aten::tril_indices", "aten::triu_indices",  "aten::_to_copy",
    "aten::zeros",     "aten::zeros_like"};

/// Comparisons mean the same wherever the module runs: their constant stays.
const std::set<std::string> kComparisons{"aten::eq", "aten::ne"};

/// One place where a device is used: input `offset` of `user`.
struct DeviceUse {
  c10::Device device;
  Node* user;
  std::size_t offset;

  bool movable() const {
    if (kMovable.count(user->kind().toQualString()) == 0) return false;
    const auto* schema = user->maybeSchema();
    return schema && offset < schema->arguments().size() &&
           schema->arguments()[offset].name() == "device";
  }
};

/// What one pass over the code finds.
struct Found {
  std::vector<DeviceUse> uses;
  std::vector<Node*> tensors;  ///< constant tensors; numbers (no dimension) run on any device
};

/// The device that a node's output is known to be: a constant, or torch.device("...").
std::optional<c10::Device> constant_device(const Node* node) {
  if (node->kind() == torch::jit::prim::Constant) {
    if (node->output()->type()->kind() != c10::TypeKind::DeviceObjType) return std::nullopt;
    const auto value = torch::jit::toIValue(node->output());
    return value && value->isDevice() ? std::optional(value->toDevice()) : std::nullopt;
  }
  if (node->kind() == torch::jit::aten::device && node->inputs().size() == 1) {
    const auto text = torch::jit::toIValue(node->input());
    if (text && text->isString()) return c10::Device(text->toStringRef());
  }
  return std::nullopt;
}

void look_at(Node* node, Found& found) {
  if (const auto device = constant_device(node)) {
    for (const torch::jit::Use& use : node->output()->uses()) {
      if (kComparisons.count(use.user->kind().toQualString()) == 0) {
        found.uses.push_back({*device, use.user, use.offset});
      }
    }
  }
  if (node->kind() == torch::jit::prim::Constant && node->hasAttribute(torch::jit::attr::value) &&
      node->kindOf(torch::jit::attr::value) == torch::jit::AttributeKind::t &&
      node->t(torch::jit::attr::value).dim() > 0) {
    found.tensors.push_back(node);
  }
}

/// All code that the module's methods can reach, forward first: methods of submodules and free
/// functions, each once.
Found search(const torch::jit::Module& module) {
  Found found;
  std::set<torch::jit::Function*> seen;
  std::function<void(torch::jit::Function&)> visit_function;
  std::function<void(torch::jit::Block*)> visit_block = [&](torch::jit::Block* block) {
    for (Node* node : block->nodes()) {
      look_at(node, found);
      if (node->kind() == torch::jit::prim::CallFunction) {
        if (auto type = node->input(0)->type()->cast<c10::FunctionType>()) {
          visit_function(*type->function());
        }
      } else if (node->kind() == torch::jit::prim::CallMethod) {
        const std::string& name = node->s(torch::jit::attr::name);
        if (auto type = node->input(0)->type()->cast<c10::ClassType>()) {
          if (auto* method = type->findMethod(name)) visit_function(*method);
        } else {  // an interface: any submodule may be behind it
          for (const auto& child : module.modules()) {
            if (auto method = child.find_method(name)) visit_function(method->function());
          }
        }
      }
      for (torch::jit::Block* inner : node->blocks()) visit_block(inner);
    }
  };
  visit_function = [&](torch::jit::Function& function) {
    if (!seen.insert(&function).second) return;
    function.ensure_defined();
    if (auto* graph = torch::jit::tryToGraphFunction(function)) {
      visit_block(graph->graph()->block());
    }
  };
  if (auto forward = module.find_method("forward")) visit_function(forward->function());
  for (const auto& method : module.get_methods()) visit_function(method.function());
  return found;
}

bool differs(c10::Device named, c10::Device wanted) {
  return named.type() != wanted.type() ||
         (named.has_index() && wanted.has_index() && named.index() != wanted.index());
}

}  // namespace

std::string source_of(const Node* node) {
  const auto place = node->sourceRange().file_line_col();
  if (!place) return "";
  const auto& [file, line, column] = *place;
  return std::filesystem::path(file).filename().string() + ":" + std::to_string(line);
}

std::vector<DeviceConstant> find_device_constants(const torch::jit::Module& module) {
  const Found found = search(module);
  std::vector<DeviceConstant> constants;
  for (const DeviceUse& use : found.uses) {
    constants.push_back(
        {use.device.str(), use.user->kind().toQualString(), source_of(use.user), use.movable()});
  }
  for (const Node* node : found.tensors) {
    constants.push_back({node->t(torch::jit::attr::value).device().str(), "a constant tensor",
                         source_of(node), true});
  }
  return constants;
}

void move_device_constants(torch::jit::Module& module, at::Device device,
                           const std::string& where) {
  const Found found = search(module);
  for (const DeviceUse& use : found.uses) {
    if (!differs(use.device, device)) continue;
    if (!use.movable()) {
      const std::string source = source_of(use.user);
      throw Error(where,
                  "the code names device " + use.device.str() + " in " +
                      use.user->kind().toQualString() + (source.empty() ? "" : " at " + source) +
                      ", which cannot be moved to " + device.str(),
                  "run it on " + use.device.str() +
                      ", or export it with devices taken from the arguments (x.device)");
    }
    const torch::jit::WithInsertPoint before(use.user);
    use.user->replaceInput(use.offset, use.user->owningGraph()->insertConstant(device));
  }
  for (Node* node : found.tensors) {
    node->t_(torch::jit::attr::value, node->t(torch::jit::attr::value).to(device));
  }
}

}  // namespace loopline::tensor
