#include "loopline/bandit_learning/gradient.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <vector>

#include "loopline/core/error.h"

namespace loopline::bandit_learning {
namespace {

// Numbers in one [rows, width] tensor of a piece: 2 MiB.
constexpr std::int64_t kPieceNumbers = 1 << 18;

/// Rows of a batch that are computed at once.
struct Piece {
  SoftmaxNetwork::Pass pass;
  at::Tensor weight, squared_norm;
};

/// Derivatives by the scores of each row's part of the objective, [B, actions], but for c: those of
/// w = pi(a | x) / pi_0, w (onehot(a) - p); with a model the whole of DR's,
/// w (r - q(x, a)) (onehot(a) - p) + p (q - p.q).
at::Tensor by_scores(const LearningRows& rows, const at::Tensor& p, const at::Tensor& weight) {
  const at::Tensor action = rows.action.unsqueeze(1);
  at::Tensor factor = weight.unsqueeze(1);
  if (!rows.model.defined()) return at::mul(p, -factor).scatter_add_(1, action, factor);
  factor = factor * (rows.reward.unsqueeze(1) - rows.model.gather(1, action));
  const at::Tensor advantage = rows.model - (p * rows.model).sum(1, true);
  return at::mul(p, advantage - factor).scatter_add_(1, action, factor);
}

Piece piece_of(const SoftmaxNetwork& network, const LearningRows& rows) {
  Piece piece{network.forward(rows.features), {}, {}};
  const at::Tensor& p = piece.pass.probability;
  piece.weight = p.gather(1, rows.action.unsqueeze(1)).squeeze(1) / rows.propensity;
  network.backward(piece.pass, by_scores(rows, p, piece.weight));
  piece.squared_norm = network.squared_norms(piece.pass);
  return piece;
}

std::int64_t rows_of_piece(const NetworkShape& shape) {
  std::int64_t width = std::max(shape.features, shape.actions);
  for (const std::int64_t hidden : shape.hidden) width = std::max(width, hidden);
  return std::max<std::int64_t>(kPieceNumbers / width, 64);
}

double dot_of(const at::Tensor& a, const at::Tensor& b) { return at::dot(a, b).item<double>(); }

void refuse_row(const at::Tensor& is_bad, const char* what, const char* todo) {
  if (!is_bad.any().item<bool>()) return;
  const auto row = is_bad.to(at::kByte).argmax().item<std::int64_t>();
  throw Error("row " + std::to_string(row), what, todo);
}

}  // namespace

LearningRows LearningRows::slice(std::int64_t begin, std::int64_t length) const {
  const auto part = [&](const at::Tensor& t) {
    return t.defined() ? t.narrow(0, begin, length) : t;
  };
  return {part(features), part(action), part(reward), part(propensity), part(count), part(model)};
}

LearningRows LearningRows::select(const at::Tensor& index) const {
  const auto part = [&](const at::Tensor& t) { return t.defined() ? t.index_select(0, index) : t; };
  return {part(features), part(action), part(reward), part(propensity), part(count), part(model)};
}

void check_rows(const LearningRows& rows, const NetworkShape& shape, Objective objective) {
  const std::int64_t n = rows.size();
  const auto is_column = [&](const at::Tensor& t) {
    return t.defined() && t.dim() == 1 && t.size(0) == n && t.scalar_type() == at::kDouble;
  };
  const auto is_table = [&](const at::Tensor& t, std::int64_t width) {
    return t.defined() && t.dim() == 2 && t.size(0) == n && t.size(1) == width &&
           t.scalar_type() == at::kDouble;
  };
  LOOPLINE_CHECK(n > 0, "there are rows to learn from");
  LOOPLINE_CHECK(is_table(rows.features, shape.features), "features are [n, features], float64");
  LOOPLINE_CHECK(is_column(rows.reward) && is_column(rows.propensity) &&
                     (!rows.count.defined() || is_column(rows.count)),
                 "rewards, propensities and counts are [n], float64");
  LOOPLINE_CHECK(
      rows.action.dim() == 1 && rows.action.size(0) == n && rows.action.scalar_type() == at::kLong,
      "actions are [n], int64");
  LOOPLINE_CHECK(rows.model.defined() == entry_of(objective).needs_model,
                 "there is a model where the objective takes one");
  LOOPLINE_CHECK(!rows.model.defined() || is_table(rows.model, shape.actions),
                 "a model is [n, actions], float64");
  refuse_row(rows.action.lt(0).logical_or(rows.action.ge(shape.actions)),
             "the action is not among the policy's", "count the actions that there are");
  refuse_row(rows.propensity.gt(0).logical_and(rows.propensity.le(1)).logical_not(),
             "the propensity is not in (0, 1]", "leave the row out");
  refuse_row(rows.reward.isfinite().logical_and(rows.features.isfinite().all(1)).logical_not(),
             "holds a number that is not finite", "leave the row out");
}

ObjectiveGradient objective_gradient(const SoftmaxNetwork& network, const LearningRows& rows,
                                     const ObjectiveOptions& options,
                                     const std::optional<double>& previous_baseline) {
  const ObjectiveEntry& entry = entry_of(options.kind);
  const std::int64_t n = rows.size(), step = rows_of_piece(network.shape());
  std::vector<at::Tensor> weights, norms;
  Piece kept;  // with several pieces each is computed again, rather than all held in memory
  for (std::int64_t begin = 0; begin < n; begin += step) {
    kept = piece_of(network, rows.slice(begin, std::min(step, n - begin)));
    weights.push_back(kept.weight);
    norms.push_back(kept.squared_norm);
  }
  const BatchRows batch{at::cat(weights), rows.reward, at::cat(norms),
                        rows.count.defined() ? rows.count : at::ones_like(rows.reward)};
  const Coefficients c = entry.coefficients(batch, options, previous_baseline);

  ObjectiveGradient result;
  result.baseline = c.baseline;
  result.next_baseline = c.next_baseline;
  result.rows = batch.count.sum().item<double>();
  const at::Tensor factor = c.factor * batch.count / result.rows;
  for (std::int64_t begin = 0; begin < n; begin += step) {
    const std::int64_t length = std::min(step, n - begin);
    if (n > step) kept = piece_of(network, rows.slice(begin, length));
    const at::Tensor part = network.gradient(kept.pass, factor.narrow(0, begin, length));
    result.gradient = result.gradient.defined() ? result.gradient.add_(part) : part;
  }
  const at::Tensor counted = batch.count * batch.weight;
  result.mean_weight = counted.sum().item<double>() / result.rows;
  result.mean_weighted = dot_of(counted, rows.reward) / result.rows;
  result.mean_square = dot_of(factor * c.factor, batch.squared_norm);
  result.squared_norm = dot_of(result.gradient, result.gradient);
  return result;
}

}  // namespace loopline::bandit_learning
