#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace loopline::bandit {

/// Normal equations, or gradients and Hessians: one problem a fold and group of a design.
struct ModelSums {
  ModelSums(std::size_t folds, std::size_t groups, std::size_t width)
      : groups_(groups),
        width_(width),
        matrix(folds * groups * width * width),
        vector(folds * groups * width),
        loss(folds * groups) {}

  std::size_t problem(std::size_t fold, std::size_t group) const { return fold * groups_ + group; }
  std::span<double> matrix_of(std::size_t problem) {
    return std::span(matrix).subspan(problem * width_ * width_, width_ * width_);
  }
  std::span<double> vector_of(std::size_t problem) {
    return std::span(vector).subspan(problem * width_, width_);
  }
  void merge(const ModelSums& other) {
    add(matrix, other.matrix);
    add(vector, other.vector);
    add(loss, other.loss);
  }

 private:
  static void add(std::vector<double>& sum, const std::vector<double>& part) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
  }

  std::size_t groups_, width_;

 public:
  std::vector<double> matrix;  ///< lower triangles
  std::vector<double> vector;
  std::vector<double> loss;
};

}  // namespace loopline::bandit
