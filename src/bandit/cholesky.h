#pragma once

#include <span>

namespace loopline::bandit {

/// Solves A x = b in place of b. `matrix` holds the lower triangle of the symmetric A, row major,
/// and is overwritten by its Cholesky factor. False: A is not positive definite in fp64.
bool solve_positive(std::span<double> matrix, std::span<double> b);

/// Adds `factor` x x^T to the lower triangle.
void add_square(std::span<double> matrix, std::span<const double> x, double factor);

}  // namespace loopline::bandit
