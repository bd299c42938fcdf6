#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace loopline::bandit_learning {

struct NetworkShape {
  std::int64_t features = 0;
  std::vector<std::int64_t> hidden{};  ///< widths of layers of rectified units; empty: linear
  std::int64_t actions = 0;
  bool bias = true;  ///< in every layer
};

/// The scores of a softmax policy over a fixed set of actions, with a backward pass written by
/// hand, as the squared norms of single rows' gradients are needed as well as their sum. All in
/// float64, on the CPU; B rows at a time. Copies share their parameters.
class SoftmaxNetwork {
 public:
  /// Starts as the uniform policy: the last layer is 0, hidden ones are uniform in
  /// +-1/sqrt(inputs).
  SoftmaxNetwork(NetworkShape shape, std::uint64_t seed);

  const NetworkShape& shape() const { return shape_; }

  /// All of them, [P]: layer by layer weight [outputs, inputs], then bias. To be changed in place.
  const at::Tensor& parameters() const { return parameters_; }

  struct Layer {
    at::Tensor weight;  ///< [outputs, inputs], a view of the parameters
    at::Tensor bias;    ///< [outputs], or undefined
  };
  const std::vector<Layer>& layers() const { return layers_; }

  /// pi(a | x), [B, actions], of features [B, features].
  at::Tensor probabilities(const at::Tensor& features) const;

  /// A forward pass, and the way back to every layer.
  struct Pass {
    std::vector<at::Tensor> inputs;  ///< of each layer, [B, inputs]
    at::Tensor probability;          ///< [B, actions]
    std::vector<at::Tensor> deltas;  ///< derivatives by each layer's outputs, [B, outputs]
  };
  Pass forward(const at::Tensor& features) const;

  /// Fills the deltas from derivatives by the scores, [B, actions]: row i's of a function of row i.
  void backward(Pass& pass, const at::Tensor& by_scores) const;

  /// |grad f_i|^2 of each row's function, [B], without its gradient: a layer's part is the outer
  /// product of delta and (input, 1), so its square is |delta|^2 (|input|^2 + 1) (Goodfellow 2015,
  /// arXiv 1510.01799).
  at::Tensor squared_norms(const Pass& pass) const;

  /// sum_i c_i grad f_i, [P], for c [B].
  at::Tensor gradient(const Pass& pass, const at::Tensor& factor) const;

 private:
  NetworkShape shape_;
  at::Tensor parameters_;
  std::vector<Layer> layers_;
};

}  // namespace loopline::bandit_learning
