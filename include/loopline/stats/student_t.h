#pragma once

namespace loopline::stats {

/// Probability that a Student t variable with `freedom` > 0 degrees of freedom is at most `t`.
/// Relative error of the tails about 1e-13.
double student_t_probability(double t, double freedom);

/// The value below which a Student t variable lies with `probability`, which is in (0, 1).
double student_t_quantile(double probability, double freedom);

}  // namespace loopline::stats
