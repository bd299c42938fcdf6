#include "cholesky.h"

#include <cmath>
#include <cstddef>

namespace loopline::bandit {

bool solve_positive(std::span<double> matrix, std::span<double> b) {
  const std::size_t n = b.size();
  const auto row = [&](std::size_t i) { return matrix.subspan(i * n, n); };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = row(i)[j];
      for (std::size_t k = 0; k < j; ++k) rest -= row(i)[k] * row(j)[k];
      if (j < i) {
        row(i)[j] = rest / row(j)[j];
      } else if (!(rest > 0) || !std::isfinite(rest)) {
        return false;
      } else {
        row(i)[i] = std::sqrt(rest);
      }
    }
    for (std::size_t k = 0; k < i; ++k) b[i] -= row(i)[k] * b[k];
    b[i] /= row(i)[i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= row(k)[i] * b[k];
    b[i] /= row(i)[i];
  }
  return true;
}

void add_square(std::span<double> matrix, std::span<const double> x, double factor) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double scaled = factor * x[i];
    if (scaled == 0) continue;  // one-hot features are mostly 0
    double* row = matrix.data() + i * x.size();
    for (std::size_t j = 0; j <= i; ++j) row[j] += scaled * x[j];
  }
}

}  // namespace loopline::bandit
