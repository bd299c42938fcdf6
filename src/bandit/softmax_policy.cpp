#include "loopline/bandit/softmax_policy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <unordered_set>

#include "loopline/bandit/log_columns.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/hash.h"
#include "loopline/io/json.h"
#include "loopline/io/safetensors.h"
#include "policy_rows.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNoPlace = std::numeric_limits<std::size_t>::max();
constexpr std::uint64_t kMostPolicyBytes = 1ULL << 30;

bool all_finite(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
}

/// The file's text, header and all, and what the header says.
struct PolicyFile {
  explicit PolicyFile(const fs::path& path)
      : where(path.string()),
        bytes(read_file(path, kMostPolicyBytes)),
        header(io::parse_safetensors_header(bytes, bytes.size(), where)) {}

  const std::string& metadata(const std::string& name) const {
    const auto found = header.metadata.find(name);
    if (found != header.metadata.end()) return found->second;
    throw Error(where, "is no saved policy: its metadata lack " + name);
  }
  std::vector<double> numbers(const std::string& name, std::size_t dimensions) const {
    const io::SafetensorsEntry& entry = header.tensors.at(name);
    if (entry.dtype != io::DType::kF64 || entry.shape.size() != dimensions) {
      throw Error(where, name + " has not the type or shape of a policy's");
    }
    std::vector<double> values((entry.end - entry.begin) / sizeof(double));
    if (!values.empty()) {
      std::memcpy(values.data(), bytes.data() + header.data_begin + entry.begin,
                  values.size() * sizeof(double));
    }
    if (!all_finite(values)) throw Error(where, name + " holds a number that is not finite");
    return values;
  }

  std::string where, bytes;
  io::SafetensorsHeader header;
};

std::vector<std::string> policy_texts(const nlohmann::json& json, const char* name,
                                      const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_array()) {
    throw Error(where, std::string("a saved policy has no list ") + name);
  }
  std::vector<std::string> texts;
  for (const auto& text : *found) {
    if (!text.is_string()) throw Error(where, std::string(name) + " holds what is no text");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

/// Empty: in order. Otherwise what is wrong.
std::string shape_fault(const SoftmaxPolicyData& policy) {
  if (policy.features() == 0) return "its encoding has no features";
  std::size_t inputs = policy.features();
  for (const HiddenLayer& layer : policy.hidden) {
    const bool has_bias = !layer.bias.empty();
    if (layer.width == 0 || layer.weight.size() != layer.width * inputs ||
        (has_bias && layer.bias.size() != layer.width)) {
      return "a hidden layer is not one of " + std::to_string(inputs) + " inputs";
    }
    inputs = layer.width;
  }
  if (policy.weight.empty() || policy.weight.size() % inputs != 0) {
    return "its weights are not those of " + std::to_string(inputs) + " features";
  }
  if (!policy.bias.empty() && policy.bias.size() != policy.actions()) {
    return "its bias is not that of " + std::to_string(policy.actions()) + " actions";
  }
  if (!policy.action_names.empty() && policy.action_names.size() != policy.actions()) {
    return "it has " + std::to_string(policy.actions()) + " actions and other names";
  }
  if (!(policy.temperature > 0 && std::isfinite(policy.temperature))) {
    return "its temperature is not positive";
  }
  return "";
}

std::string hidden_name(std::size_t layer, const char* part) {
  return "hidden." + std::to_string(layer) + "." + part;
}

using Tensors = std::map<std::string, io::SafetensorsTensor>;

/// `weight` has `outputs` rows; an empty bias is left out.
void add_layer(Tensors& tensors, const std::string& weight_name, const std::string& bias_name,
               const std::vector<double>& weight, const std::vector<double>& bias,
               std::size_t outputs) {
  LOOPLINE_CHECK(all_finite(weight) && all_finite(bias), "weights are finite");
  const auto rows = static_cast<std::int64_t>(outputs);
  const auto columns = static_cast<std::int64_t>(weight.size() / outputs);
  tensors[weight_name] = {io::DType::kF64, {rows, columns}, std::as_bytes(std::span(weight))};
  if (!bias.empty()) {
    tensors[bias_name] = {io::DType::kF64, {rows}, std::as_bytes(std::span(bias))};
  }
}

std::vector<HiddenLayer> read_hidden(const PolicyFile& file) {
  std::vector<HiddenLayer> layers;
  for (std::size_t k = 0; file.header.tensors.contains(hidden_name(k, "weight")); ++k) {
    HiddenLayer layer;
    layer.weight = file.numbers(hidden_name(k, "weight"), 2);
    layer.width =
        static_cast<std::size_t>(file.header.tensors.at(hidden_name(k, "weight")).shape.front());
    if (file.header.tensors.contains(hidden_name(k, "bias"))) {
      layer.bias = file.numbers(hidden_name(k, "bias"), 1);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

/// y = max(0, W x + b), or without `is_hidden` W x + b.
void apply_layer(const std::vector<double>& weight, const std::vector<double>& bias,
                 std::span<const double> x, std::vector<double>& y, bool is_hidden) {
  y.resize(weight.size() / x.size());
  for (std::size_t a = 0; a < y.size(); ++a) {
    const double* w = weight.data() + a * x.size();
    double score = bias.empty() ? 0 : bias[a];
    for (std::size_t j = 0; j < x.size(); ++j) score += w[j] * x[j];
    y[a] = is_hidden ? std::max(0.0, score) : score;
  }
}

}  // namespace

void write_softmax_policy(const fs::path& path, const SoftmaxPolicyData& policy) {
  const std::string fault = shape_fault(policy);
  LOOPLINE_CHECK(fault.empty(), "a policy to be saved is whole: " + fault);
  Tensors tensors;
  add_layer(tensors, "weight", "bias", policy.weight, policy.bias, policy.actions());
  for (std::size_t k = 0; k < policy.hidden.size(); ++k) {
    const HiddenLayer& layer = policy.hidden[k];
    add_layer(tensors, hidden_name(k, "weight"), hidden_name(k, "bias"), layer.weight, layer.bias,
              layer.width);
  }
  const char* schema = policy.hidden.empty() ? kSoftmaxSchema : kHiddenSoftmaxSchema;
  const nlohmann::json about = {{"temperature", policy.temperature},
                                {"encoding", policy.encoding.to_json()},
                                {"action_names", policy.action_names},
                                {"trained_on", policy.trained_on}};
  write_file_atomically(path, [&](const fs::path& temporary) {
    io::write_safetensors(temporary, tensors, {{"schema", schema}, {"policy", about.dump()}});
  });
}

SoftmaxPolicyData read_softmax_policy(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) throw Error(path.string(), "no such file");
  const PolicyFile file(path);
  const std::string& schema = file.metadata("schema");
  const bool has_hidden = schema == kHiddenSoftmaxSchema;
  if (schema != kSoftmaxSchema && !has_hidden) {
    throw Error(file.where, std::string("is no policy of the kind ") + kSoftmaxSchema + " or " +
                                kHiddenSoftmaxSchema);
  }
  const nlohmann::json about = io::parse_json(file.metadata("policy"), file.where);
  if (!about.is_object() || !about.contains("encoding") || !about.contains("temperature") ||
      !about["temperature"].is_number()) {
    throw Error(file.where, "a saved policy lacks its temperature or encoding");
  }
  if (!file.header.tensors.contains("weight")) throw Error(file.where, "has no tensor \"weight\"");
  SoftmaxPolicyData policy;
  policy.temperature = about["temperature"].get<double>();
  policy.encoding = LogEncoding::from_json(about["encoding"], file.where);
  policy.action_names = policy_texts(about, "action_names", file.where);
  policy.trained_on = policy_texts(about, "trained_on", file.where);
  if (has_hidden) policy.hidden = read_hidden(file);
  policy.weight = file.numbers("weight", 2);
  if (file.header.tensors.contains("bias")) policy.bias = file.numbers("bias", 1);
  std::string fault = shape_fault(policy);
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(policy.actions()),
                                           static_cast<std::int64_t>(policy.last_width())};
  if (fault.empty() && file.header.tensors.at("weight").shape != shape) {
    fault = "its weights are not [actions, " + std::to_string(policy.last_width()) + "]";
  }
  if (!fault.empty()) throw Error(file.where, fault, "the file is damaged: write it again");
  return policy;
}

std::vector<std::string> log_marks(const LogConfig& config, const LogEncoding& encoding) {
  std::vector<std::string> marks = {log_fingerprint(config, encoding)};
  for (const std::string& file : config.files) {
    if (format_of(config, file) == LogFormat::kColumns) {
      marks.push_back(read_columns(file).fingerprint);
    }
    marks.push_back(sha256_file(file));
  }
  return marks;
}

FeatureEncoding joint_encoding(const std::vector<FeatureEncoding>& encodings) {
  std::vector<FeatureColumn> columns;
  for (const FeatureEncoding& encoding : encodings) {
    for (const FeatureColumn& column : encoding.columns()) {
      const auto known = std::find_if(columns.begin(), columns.end(), [&](const FeatureColumn& c) {
        return c.name == column.name && c.categorical == column.categorical;
      });
      if (known == columns.end()) {
        columns.push_back(column);
        continue;
      }
      std::vector<std::string>& categories = known->categories;
      std::unordered_set<std::string> seen(categories.begin(), categories.end());
      for (const std::string& category : column.categories) {
        if (seen.insert(category).second) categories.push_back(category);
      }
    }
  }
  return FeatureEncoding(std::move(columns), "the policies' encodings together");
}

SoftmaxPolicy::SoftmaxPolicy(SoftmaxPolicyData data, const FeatureEncoding& blocks)
    : data_(std::move(data)) {
  const FeatureEncoding& own = data_.encoding.context;
  if (blocks == own) return;
  for (const FeatureColumn& column : blocks.columns()) {
    const std::optional<std::size_t> known = own.find(column.name, column.categorical);
    for (const std::string& category : column.categories) {
      place_.push_back(known ? own.place(*known, category) : kNoPlace);
    }
    // A number, or the category that none has seen.
    const std::size_t seen = known ? own.columns()[*known].categories.size() : 0;
    place_.push_back(known ? own.first(*known) + seen : kNoPlace);
  }
}

void SoftmaxPolicy::fill(const LogBlock& block, std::size_t row,
                         std::vector<double>& probability) const {
  refuse_sets(block, "softmax");
  LOOPLINE_CHECK(block.features == (place_.empty() ? data_.features() : place_.size()),
                 "the log has the policy's encoding");
  std::vector<double> y, below, own;
  std::span<const double> x(block.context.data() + row * block.features, block.features);
  if (!place_.empty()) {
    own.assign(data_.features(), 0);
    for (std::size_t j = 0; j < place_.size(); ++j) {
      if (place_[j] != kNoPlace && x[j] != 0) own[place_[j]] = x[j];
    }
    x = own;
  }
  for (const HiddenLayer& layer : data_.hidden) {
    apply_layer(layer.weight, layer.bias, x, y, true);
    y.swap(below);
    x = below;
  }
  apply_layer(data_.weight, data_.bias, x, probability, false);
  double highest = -std::numeric_limits<double>::infinity();
  for (double& p : probability) highest = std::max(highest, p /= data_.temperature);
  double sum = 0;
  for (double& p : probability) sum += p = std::exp(p - highest);
  for (double& p : probability) p /= sum;
}

}  // namespace loopline::bandit
