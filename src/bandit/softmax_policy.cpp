#include "loopline/bandit/softmax_policy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <span>

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
  if (policy.weight.empty() || policy.weight.size() % policy.features() != 0) {
    return "its weights are not those of " + std::to_string(policy.features()) + " features";
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

}  // namespace

void write_softmax_policy(const fs::path& path, const SoftmaxPolicyData& policy) {
  const std::string fault = shape_fault(policy);
  LOOPLINE_CHECK(fault.empty(), "a policy to be saved is whole: " + fault);
  LOOPLINE_CHECK(all_finite(policy.weight) && all_finite(policy.bias), "weights are finite");
  const auto actions = static_cast<std::int64_t>(policy.actions());
  const auto features = static_cast<std::int64_t>(policy.features());
  std::map<std::string, io::SafetensorsTensor> tensors;
  tensors["weight"] = {
      io::DType::kF64, {actions, features}, std::as_bytes(std::span(policy.weight))};
  if (!policy.bias.empty()) {
    tensors["bias"] = {io::DType::kF64, {actions}, std::as_bytes(std::span(policy.bias))};
  }
  const nlohmann::json about = {{"temperature", policy.temperature},
                                {"encoding", policy.encoding.to_json()},
                                {"action_names", policy.action_names},
                                {"trained_on", policy.trained_on}};
  write_file_atomically(path, [&](const fs::path& temporary) {
    io::write_safetensors(temporary, tensors,
                          {{"schema", kSoftmaxSchema}, {"policy", about.dump()}});
  });
}

SoftmaxPolicyData read_softmax_policy(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) throw Error(path.string(), "no such file");
  const PolicyFile file(path);
  if (file.metadata("schema") != kSoftmaxSchema) {
    throw Error(file.where, std::string("is no policy of the kind ") + kSoftmaxSchema);
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
  policy.weight = file.numbers("weight", 2);
  if (file.header.tensors.contains("bias")) policy.bias = file.numbers("bias", 1);
  std::string fault = shape_fault(policy);
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(policy.actions()),
                                           static_cast<std::int64_t>(policy.features())};
  if (fault.empty() && file.header.tensors.at("weight").shape != shape) {
    fault = "its weights are not [actions, " + std::to_string(policy.features()) + "]";
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

void SoftmaxPolicy::fill(const LogBlock& block, std::size_t row,
                         std::vector<double>& probability) const {
  refuse_sets(block, "softmax");
  LOOPLINE_CHECK(block.features == data_.features(), "the log has the policy's encoding");
  const double* x = block.context.data() + row * block.features;
  probability.resize(data_.actions());
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t a = 0; a < probability.size(); ++a) {
    const double* w = data_.weight.data() + a * block.features;
    double score = data_.bias.empty() ? 0 : data_.bias[a];
    for (std::size_t j = 0; j < block.features; ++j) score += w[j] * x[j];
    probability[a] = score / data_.temperature;
    highest = std::max(highest, probability[a]);
  }
  double sum = 0;
  for (double& p : probability) sum += p = std::exp(p - highest);
  for (double& p : probability) p /= sum;
}

}  // namespace loopline::bandit
