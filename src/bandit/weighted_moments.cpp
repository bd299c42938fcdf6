#include "loopline/bandit/weighted_moments.h"

#include <algorithm>

namespace loopline::bandit {

template <std::size_t N>
void MomentsOf<N>::merge(const MomentsOf& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const double total = count_ + other.count_;
  TermsOf<N> delta;
  for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = other.mean_[i] - mean_[i];
  for (std::size_t i = 0; i < delta.size(); ++i) {
    for (std::size_t j = 0; j < delta.size(); ++j) {
      comoment_[i][j] +=
          other.comoment_[i][j] + delta[i] * delta[j] * (count_ * (other.count_ / total));
    }
    mean_[i] += delta[i] * (other.count_ / total);
  }
  count_ = total;
}

template <std::size_t N>
double MomentsOf<N>::covariance(std::size_t a, std::size_t b) const {
  return count_ == 0 ? 0 : comoment_[a][b] / count_;
}

template <std::size_t N>
double MomentsOf<N>::centred_square(const TermsOf<N>& factor) const {
  double sum = 0;
  for (std::size_t i = 0; i < factor.size(); ++i) {
    for (std::size_t j = 0; j < factor.size(); ++j) sum += factor[i] * factor[j] * comoment_[i][j];
  }
  return std::max(sum, 0.0);
}

template <std::size_t N>
MomentsOf<N> ShiftedSumsOf<N>::moments() const {
  if (count_ == 0) return {};
  TermsOf<N> mean = shift_;
  std::array<TermsOf<N>, N> comoment{};
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i] += sum_[i] / count_;
    for (std::size_t j = 0; j <= i; ++j) {
      comoment[i][j] = square_[i][j] - sum_[i] * (sum_[j] / count_);
      comoment[j][i] = comoment[i][j];
    }
    comoment[i][i] = std::max(comoment[i][i], 0.0);
  }
  return {count_, mean, comoment};
}

template class MomentsOf<3>;
template class MomentsOf<kPairTerms>;
template class ShiftedSumsOf<3>;
template class ShiftedSumsOf<kPairTerms>;

}  // namespace loopline::bandit
