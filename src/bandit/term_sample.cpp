#include "loopline/bandit/term_sample.h"

#include <limits>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

// SplitMix64's finaliser (Steele et al. 2014): names of clusters may share all their low bits.
std::uint64_t mixed_bits(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

template <std::size_t N>
double value_of(const LinearFormOf<N>& form, const TermsOf<N>& terms) {
  double value = form.constant;
  for (std::size_t j = 0; j < terms.size(); ++j) value += form.factor[j] * terms[j];
  return value;
}

}  // namespace

std::size_t fold_of(const WeightedRows& rows, std::size_t row, int folds) {
  if (folds == 1) return 0;
  const auto unit = static_cast<std::uint64_t>(rows.unit(row));
  return (rows.cluster.empty() ? unit : mixed_bits(unit)) % static_cast<std::uint64_t>(folds);
}

template <std::size_t N>
TermSampleOf<N>::TermSampleOf(int folds) : folds_(static_cast<std::size_t>(folds)) {
  LOOPLINE_CHECK(folds >= 1, "a sample has at least one fold");
}

template <std::size_t N>
void TermSampleOf<N>::add(const WeightedRows& rows, std::span<const TermsOf<N>> terms) {
  LOOPLINE_CHECK(terms.size() == rows.size(), "one set of terms a row");
  const int count_of_folds = static_cast<int>(folds_.size());
  // The block is summed by itself and then merged, so that it gives the same bits alone.
  TermSampleOf block(count_of_folds);
  std::vector<ShiftedSumsOf<N>> sums(folds_.size(), ShiftedSumsOf<N>(mean_terms(rows, terms)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t fold = fold_of(rows, i, count_of_folds);
    const double count = rows.count(i);
    sums[fold].add(terms[i], count);
    if (rows.cluster.empty()) continue;
    Cluster part{.name = rows.cluster[i], .count = count, .fold = fold};
    for (std::size_t j = 0; j < part.sum.size(); ++j) part.sum[j] = count * terms[i][j];
    block.add_to_cluster(part);
  }
  for (std::size_t fold = 0; fold < sums.size(); ++fold) block.folds_[fold] = sums[fold].moments();
  merge(block);
}

template <std::size_t N>
void TermSampleOf<N>::merge(const TermSampleOf& other) {
  LOOPLINE_CHECK(folds_.size() == other.folds_.size(), "samples to merge have equal folds");
  const bool one_is_empty = all().count() == 0 || other.all().count() == 0;
  LOOPLINE_CHECK(one_is_empty || clustered() == other.clustered(),
                 "either every block of a log has clusters or none");
  for (std::size_t fold = 0; fold < folds_.size(); ++fold) folds_[fold].merge(other.folds_[fold]);
  for (const Cluster& cluster : other.clusters_) add_to_cluster(cluster);
}

template <std::size_t N>
void TermSampleOf<N>::add_to_cluster(const Cluster& part) {
  const auto [entry, is_new] = cluster_index_.try_emplace(part.name, clusters_.size());
  if (is_new) {
    clusters_.push_back(part);
    return;
  }
  Cluster& cluster = clusters_[entry->second];
  cluster.count += part.count;
  for (std::size_t j = 0; j < part.sum.size(); ++j) cluster.sum[j] += part.sum[j];
}

template <std::size_t N>
MomentsOf<N> TermSampleOf<N>::all() const {
  MomentsOf<N> total;
  for (const MomentsOf<N>& fold : folds_) total.merge(fold);
  return total;
}

template <std::size_t N>
double TermSampleOf<N>::units() const {
  return clustered() ? static_cast<double>(clusters_.size()) : all().count();
}

template <std::size_t N>
double TermSampleOf<N>::squared_error(std::span<const LinearFormOf<N>> form) const {
  LOOPLINE_CHECK(form.size() == folds_.size(), "one linear form a fold");
  if (units() <= 1) return std::numeric_limits<double>::infinity();
  const double rows = all().count();
  double mean = 0;
  for (std::size_t k = 0; k < folds_.size(); ++k) {
    mean += folds_[k].count() / rows * value_of(form[k], folds_[k].means());
  }
  double square = 0;
  if (clustered()) {
    for (const Cluster& cluster : clusters_) {
      double excess = (form[cluster.fold].constant - mean) * cluster.count;
      for (std::size_t j = 0; j < cluster.sum.size(); ++j) {
        excess += form[cluster.fold].factor[j] * cluster.sum[j];
      }
      square += excess * excess;
    }
  } else {
    for (std::size_t k = 0; k < folds_.size(); ++k) {
      const double excess = value_of(form[k], folds_[k].means()) - mean;
      square += folds_[k].centred_square(form[k].factor) + folds_[k].count() * excess * excess;
    }
  }
  return square * (units() / (units() - 1)) / rows / rows;
}

template class TermSampleOf<3>;
template class TermSampleOf<kPairTerms>;

}  // namespace loopline::bandit
