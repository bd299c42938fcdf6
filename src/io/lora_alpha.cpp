#include "loopline/io/lora_alpha.h"

#include <cmath>

#include "loopline/core/error.h"
#include "loopline/io/json.h"

namespace loopline::io {
namespace {

/// A field of PEFT's configuration, which a pipeline's file keeps for each of its networks.
nlohmann::json field_of(const nlohmann::json& config, const std::string& name) {
  for (const std::string& key : {"unet." + name, name}) {
    if (config.contains(key)) return config.at(key);
  }
  return {};
}

double checked_alpha(const nlohmann::json& value, const std::string& where,
                     const std::string& name) {
  if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
  throw Error(where, name + " is not a number");
}

bool is_set(const nlohmann::json& value) { return value.is_boolean() && value.get<bool>(); }

bool ends_at_dot(const std::string& layer, const std::string& end) {
  return layer == end || layer.ends_with("." + end);
}

}  // namespace

LoraAlpha::LoraAlpha(const std::string& config, const std::string& where) {
  const nlohmann::json fields = parse_json(config, where);
  if (!fields.is_object()) throw Error(where, "is no JSON object");
  if (is_set(field_of(fields, "use_dora"))) {
    throw Error(where, "says use_dora: DoRA is no sum of B A", "use a plain LoRA");
  }
  rank_stabilised_ = is_set(field_of(fields, "use_rslora"));
  const nlohmann::json alpha = field_of(fields, "lora_alpha");
  if (!alpha.is_null()) alpha_ = checked_alpha(alpha, where, "lora_alpha");
  const nlohmann::json pattern = field_of(fields, "alpha_pattern");
  if (!pattern.is_object()) return;
  for (const auto& [name, value] : pattern.items()) {
    if (name.empty() || name.find_first_of("*+?()[]{}|\\^$") != std::string::npos) {
      throw Error(where, "alpha_pattern has a regular expression, \"" + name + "\"",
                  "write the names of layers there");
    }
    of_layers_[name] = checked_alpha(value, where, "alpha_pattern \"" + name + "\"");
  }
}

double LoraAlpha::scale(const std::string& layer, std::int64_t rank) const {
  const auto r = static_cast<double>(rank);
  double alpha = alpha_.value_or(r);
  std::size_t longest = 0;
  for (const auto& [end, value] : of_layers_) {
    if (end.size() <= longest || !ends_at_dot(layer, end)) continue;
    longest = end.size();
    alpha = value;
  }
  return alpha / (rank_stabilised_ ? std::sqrt(r) : r);
}

}  // namespace loopline::io
