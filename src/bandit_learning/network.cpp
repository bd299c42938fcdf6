#include "loopline/bandit_learning/network.h"

#include <ATen/ATen.h>

#include <cmath>
#include <span>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/random.h"

namespace loopline::bandit_learning {
namespace {

std::vector<std::int64_t> widths_of(const NetworkShape& shape) {
  std::vector<std::int64_t> widths = {shape.features};
  widths.insert(widths.end(), shape.hidden.begin(), shape.hidden.end());
  widths.push_back(shape.actions);
  return widths;
}

/// Scores of a layer, [B, outputs].
at::Tensor outputs_of(const SoftmaxNetwork::Layer& layer, const at::Tensor& inputs) {
  const at::Tensor transposed = layer.weight.t();
  return layer.bias.defined() ? at::addmm(layer.bias, inputs, transposed)
                              : at::mm(inputs, transposed);
}

at::Tensor row_squares(const at::Tensor& rows) { return rows.mul(rows).sum(1); }

void draw_hidden(const at::Tensor& numbers, std::int64_t inputs, std::uint64_t seed,
                 std::uint32_t layer) {
  const std::span<double> values(numbers.data_ptr<double>(),
                                 static_cast<std::size_t>(numbers.numel()));
  fill_uniform({.seed = seed, .stream = Stream::kInitialWeights, .slot = layer}, values);
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  for (double& value : values) value = bound * (2 * value - 1);
}

}  // namespace

SoftmaxNetwork::SoftmaxNetwork(NetworkShape shape, std::uint64_t seed) : shape_(std::move(shape)) {
  const std::vector<std::int64_t> widths = widths_of(shape_);
  std::int64_t count = 0;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    LOOPLINE_CHECK(widths[k] > 0 && widths[k + 1] > 0, "a layer has inputs and outputs");
    count += widths[k + 1] * (widths[k] + (shape_.bias ? 1 : 0));
  }
  parameters_ = at::zeros({count}, at::kDouble);
  std::int64_t begin = 0;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    const std::int64_t inputs = widths[k], outputs = widths[k + 1];
    const std::int64_t numbers = outputs * (inputs + (shape_.bias ? 1 : 0));
    const at::Tensor all = parameters_.narrow(0, begin, numbers);
    begin += numbers;
    Layer layer{all.narrow(0, 0, outputs * inputs).view({outputs, inputs}), {}};
    if (shape_.bias) layer.bias = all.narrow(0, outputs * inputs, outputs);
    if (k + 2 < widths.size()) draw_hidden(all, inputs, seed, static_cast<std::uint32_t>(k));
    layers_.push_back(std::move(layer));
  }
}

SoftmaxNetwork::Pass SoftmaxNetwork::forward(const at::Tensor& features) const {
  Pass pass;
  pass.inputs.push_back(features);
  for (std::size_t k = 0; k + 1 < layers_.size(); ++k) {
    pass.inputs.push_back(outputs_of(layers_[k], pass.inputs.back()).relu_());
  }
  pass.probability = at::softmax(outputs_of(layers_.back(), pass.inputs.back()), 1);
  return pass;
}

at::Tensor SoftmaxNetwork::probabilities(const at::Tensor& features) const {
  return forward(features).probability;
}

void SoftmaxNetwork::backward(Pass& pass, const at::Tensor& by_scores) const {
  pass.deltas.assign(layers_.size(), {});
  pass.deltas.back() = by_scores;
  for (std::size_t k = layers_.size() - 1; k > 0; --k) {
    pass.deltas[k - 1] = at::mm(pass.deltas[k], layers_[k].weight).mul_(pass.inputs[k].gt(0));
  }
}

at::Tensor SoftmaxNetwork::squared_norms(const Pass& pass) const {
  at::Tensor total;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const at::Tensor inputs = row_squares(pass.inputs[k]).add_(shape_.bias ? 1.0 : 0.0);
    const at::Tensor part = row_squares(pass.deltas[k]).mul_(inputs);
    total = total.defined() ? total.add_(part) : part;
  }
  return total;
}

at::Tensor SoftmaxNetwork::gradient(const Pass& pass, const at::Tensor& factor) const {
  std::vector<at::Tensor> parts;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const at::Tensor transposed = pass.deltas[k].t();
    parts.push_back(at::mm(transposed, pass.inputs[k].mul(factor.unsqueeze(1))).flatten());
    if (shape_.bias) parts.push_back(at::mv(transposed, factor));
  }
  return at::cat(parts);
}

}  // namespace loopline::bandit_learning
