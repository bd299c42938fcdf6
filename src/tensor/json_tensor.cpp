#include "loopline/tensor/json_tensor.h"

#include <ATen/ATen.h>

#include <array>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::tensor {
namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 6> kNames = {{
    {"float32", at::kFloat},
    {"float16", at::kHalf},
    {"bfloat16", at::kBFloat16},
    {"int64", at::kLong},
    {"int32", at::kInt},
    {"bool", at::kBool},
}};

void flatten(const nlohmann::json& value, const std::vector<std::int64_t>& shape, std::size_t depth,
             const std::string& where, std::vector<double>& out) {
  if (depth == shape.size()) {
    if (!value.is_number() && !value.is_boolean())
      throw Error(where, "expected a number, found " + value.dump());
    out.push_back(value.is_boolean() ? value.get<bool>() : value.get<double>());
    return;
  }
  if (!value.is_array() || static_cast<std::int64_t>(value.size()) != shape[depth]) {
    throw Error(where, "expected a list of " + std::to_string(shape[depth]) + " values at depth " +
                           std::to_string(depth + 1));
  }
  for (const auto& element : value) flatten(element, shape, depth + 1, where, out);
}

}  // namespace

at::ScalarType parse_scalar_type(const std::string& name) {
  for (const auto& [known, type] : kNames) {
    if (name == known) return type;
  }
  throw Error("dtype", "\"" + name + "\" is not a dtype");
}

at::Tensor tensor_from_json(const nlohmann::json& value, const std::vector<std::int64_t>& shape,
                            at::ScalarType type, const std::string& where) {
  // fp64 holds every integer that a manifest can mean exactly.
  if (value.is_number()) return at::full(shape, value.get<double>(), at::TensorOptions(type));
  std::vector<double> values;
  flatten(value, shape, 0, where, values);
  return at::tensor(values, at::kDouble).reshape(shape).to(type);
}

at::Tensor tensor_from_metadata(const std::vector<io::Prompt>& prompts, const std::string& key,
                                const std::vector<std::int64_t>& shape, at::ScalarType type,
                                const std::string& who) {
  std::vector<at::Tensor> rows;
  for (const io::Prompt& prompt : prompts) {
    const std::string where = "prompt \"" + prompt.text + "\"";
    const auto found = prompt.metadata.find(key);
    if (found == prompt.metadata.end()) {
      throw Error(where, "has no \"" + key + "\", which " + who + " needs",
                  "give it in a .jsonl prompt file");
    }
    rows.push_back(tensor_from_json(*found, shape, type, where));
  }
  return at::stack(rows);
}

}  // namespace loopline::tensor
