#include "loopline/bandit_learning/true_value.h"

#include <ATen/ATen.h>

namespace loopline::bandit_learning {
namespace {

/// A view of numbers that outlive it.
at::Tensor table_of(const std::vector<double>& numbers, std::size_t rows, std::size_t width) {
  return at::from_blob(const_cast<double*>(numbers.data()),
                       {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)},
                       at::kDouble);
}

double total(const at::Tensor& values) { return values.sum().item<double>(); }

}  // namespace

TrueValue true_value(const SoftmaxNetwork& network, const bandit::World& world,
                     std::int64_t fresh) {
  TrueValue sum;
  double count = 0;
  world.visit_truth(fresh, [&](const bandit::WorldRows& rows) {
    const at::Tensor q = table_of(rows.reward, rows.rows, rows.actions);
    const at::Tensor p = network.probabilities(table_of(rows.context, rows.rows, rows.features));
    sum.value += total(p * q);
    sum.argmax += total(q.gather(1, p.argmax(1, true)));
    sum.best += total(q.amax(1));
    sum.uniform += total(q) / static_cast<double>(rows.actions);
    sum.logging += total(table_of(rows.logging, rows.rows, rows.actions) * q);
    count += static_cast<double>(rows.rows);
  });
  for (double* value : {&sum.value, &sum.argmax, &sum.best, &sum.uniform, &sum.logging}) {
    *value /= count;
  }
  return sum;
}

}  // namespace loopline::bandit_learning
