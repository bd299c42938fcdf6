#pragma once

#include <array>
#include <cstddef>

namespace loopline::bandit {

/// What a row gives to an estimator: every estimator here is a smooth function of the means of
/// three numbers a row (functional.h).
using Terms = std::array<double, 3>;

enum Term : std::size_t {
  kPlain = 0,    ///< enters by its mean
  kProduct = 1,  ///< weight times reward, or times what a model leaves of it
  kControl = 2,  ///< the weight: its expectation is known
};

/// Count, means and centred co-moments of terms in fp64, with counts that need not be whole;
/// mergeable (Chan, Golub & LeVeque 1979), so that blocks merged in a fixed order give the same
/// bits whatever computed them, and 1e9 rows keep their digits.
class WeightedMoments {
 public:
  WeightedMoments() = default;
  WeightedMoments(double count, const Terms& mean, const std::array<Terms, 3>& comoment)
      : count_(count), mean_(mean), comoment_(comoment) {}

  void merge(const WeightedMoments& other);

  double count() const { return count_; }
  double mean(Term term) const { return mean_[term]; }  ///< 0 without rows
  const Terms& means() const { return mean_; }
  double covariance(Term a, Term b) const;  ///< divided by count; 0 without rows
  double variance(Term term) const { return covariance(term, term); }

  /// Sum over rows of the square of sum_j factor[j] (term_j - mean_j).
  double centred_square(const Terms& factor) const;

 private:
  double count_ = 0;
  Terms mean_{};
  std::array<Terms, 3> comoment_{};  ///< symmetric
};

/// The moments of some rows by their deviations from `shift`, which should lie near the mean: exact
/// as two passes are, at the price of one.
class ShiftedSums {
 public:
  explicit ShiftedSums(const Terms& shift) : shift_(shift) {}

  void add(const Terms& terms, double count) {
    count_ += count;
    Terms deviation;
    for (std::size_t i = 0; i < terms.size(); ++i) deviation[i] = terms[i] - shift_[i];
    for (std::size_t i = 0; i < terms.size(); ++i) {
      sum_[i] += count * deviation[i];
      for (std::size_t j = 0; j <= i; ++j) square_[i][j] += count * deviation[i] * deviation[j];
    }
  }

  WeightedMoments moments() const;

 private:
  Terms shift_;
  double count_ = 0;
  Terms sum_{};
  std::array<Terms, 3> square_{};  ///< lower triangle
};

}  // namespace loopline::bandit
