#pragma once

#include <array>
#include <cstddef>

namespace loopline::bandit {

/// What a row gives to an estimator: every estimator here is a smooth function of the means of
/// three numbers a row (functional.h).
template <std::size_t N>
using TermsOf = std::array<double, N>;
using Terms = TermsOf<3>;

/// A difference of two ratios is one of the means of five (paired_difference.h).
constexpr std::size_t kPairTerms = 5;

enum Term : std::size_t {
  kPlain = 0,    ///< enters by its mean
  kProduct = 1,  ///< weight times reward, or times what a model leaves of it
  kControl = 2,  ///< the weight: its expectation is known
};

/// Count, means and centred co-moments of terms in fp64, with counts that need not be whole;
/// mergeable (Chan, Golub & LeVeque 1979), so that blocks merged in a fixed order give the same
/// bits whatever computed them, and 1e9 rows keep their digits. N: 3 or kPairTerms.
template <std::size_t N>
class MomentsOf {
 public:
  MomentsOf() = default;
  MomentsOf(double count, const TermsOf<N>& mean, const std::array<TermsOf<N>, N>& comoment)
      : count_(count), mean_(mean), comoment_(comoment) {}

  void merge(const MomentsOf& other);

  double count() const { return count_; }
  double mean(std::size_t term) const { return mean_[term]; }  ///< 0 without rows
  const TermsOf<N>& means() const { return mean_; }
  double covariance(std::size_t a, std::size_t b) const;  ///< divided by count; 0 without rows
  double variance(std::size_t term) const { return covariance(term, term); }

  /// Sum over rows of the square of sum_j factor[j] (term_j - mean_j).
  double centred_square(const TermsOf<N>& factor) const;

 private:
  double count_ = 0;
  TermsOf<N> mean_{};
  std::array<TermsOf<N>, N> comoment_{};  ///< symmetric
};

using WeightedMoments = MomentsOf<3>;

/// The moments of some rows by their deviations from `shift`, which should lie near the mean: exact
/// as two passes are, at the price of one.
template <std::size_t N>
class ShiftedSumsOf {
 public:
  explicit ShiftedSumsOf(const TermsOf<N>& shift) : shift_(shift) {}

  void add(const TermsOf<N>& terms, double count) {
    count_ += count;
    TermsOf<N> deviation;
    for (std::size_t i = 0; i < terms.size(); ++i) deviation[i] = terms[i] - shift_[i];
    for (std::size_t i = 0; i < terms.size(); ++i) {
      sum_[i] += count * deviation[i];
      for (std::size_t j = 0; j <= i; ++j) square_[i][j] += count * deviation[i] * deviation[j];
    }
  }

  MomentsOf<N> moments() const;

 private:
  TermsOf<N> shift_;
  double count_ = 0;
  TermsOf<N> sum_{};
  std::array<TermsOf<N>, N> square_{};  ///< lower triangle
};

using ShiftedSums = ShiftedSumsOf<3>;

}  // namespace loopline::bandit
