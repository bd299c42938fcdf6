#include "loopline/bandit/confidence_sequence.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr double kLargestBet = 0.5;

/// The first 128 rows stand alone; then 64 stretches from each power of two to the next.
std::int64_t stretch_of(std::int64_t row) {
  if (row < 128) return row;
  const int shift = std::bit_width(static_cast<std::uint64_t>(row)) - 7;
  return 64 * shift + (row >> shift);
}

void check_sequence_rows(const WeightedRows& rows) {
  const std::string where = "interval '" + std::string(name_of(IntervalKind::kSequence)) + "'";
  if (!rows.cluster.empty()) {
    throw Error(where, "it needs independent rows, and these are in clusters",
                "choose another interval");
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string row = "row " + std::to_string(rows.first_row + static_cast<std::int64_t>(i));
    if (rows.reward[i] < 0 || rows.reward[i] > 1) {
      throw Error(where, row + " has the reward " + std::to_string(rows.reward[i]),
                  "it needs rewards in [0, 1]: scale them, or choose another interval");
    }
    if (rows.count(i) != 1) {
      throw Error(where, row + " stands for several",
                  "it needs single rows in the order of time: choose another interval");
    }
  }
}

/// ln(1 / a) is paid once, then every stretch is bet on with what is known before it.
struct Wager {
  double log_price;
  double rows = 0, sum = 0, square = 0;  ///< square: of (x_i - its guess)
  double bets = 0, gain = 0, cost = 0;

  void stake(double count, double mean, double centred_square) {
    const double guess = std::min(1.0, (0.5 + sum) / (rows + 1));
    const double variance = (0.25 + square) / (rows + 1);
    const double bet = std::min(
        kLargestBet, std::sqrt(2 * log_price / (variance * (rows + 1) * std::log(rows + 2))));
    const double square_here = centred_square + count * (mean - guess) * (mean - guess);
    bets += bet * count;
    gain += bet * count * mean;
    cost += (-std::log1p(-bet) - bet) * square_here;
    rows += count;
    sum += count * mean;
    square += square_here;
  }

  double bound() const { return (gain - cost - log_price) / bets; }
};

}  // namespace

void ConfidenceSequence::add(const WeightedRows& rows) {
  check_rows(rows);
  check_sequence_rows(rows);
  ConfidenceSequence block;
  for (std::size_t i = 0; i < rows.size();) {
    const std::int64_t number = stretch_of(rows.first_row + static_cast<std::int64_t>(i));
    const double w = rows.weight[i];
    ShiftedSums sums({0, w * rows.reward[i], w * (1 - rows.reward[i])});
    for (; i < rows.size(); ++i) {
      if (stretch_of(rows.first_row + static_cast<std::int64_t>(i)) != number) break;
      const double product = rows.weight[i] * rows.reward[i];
      sums.add({0, product, rows.weight[i] * (1 - rows.reward[i])}, 1);
    }
    block.stretches_.push_back({number, sums.moments()});
  }
  merge(block);
}

void ConfidenceSequence::merge(const ConfidenceSequence& other) {
  for (const Stretch& stretch : other.stretches_) {
    if (stretches_.empty() || stretches_.back().number < stretch.number) {
      stretches_.push_back(stretch);
      continue;
    }
    LOOPLINE_CHECK(stretches_.back().number == stretch.number,
                   "a confidence sequence takes rows in the order of the log");
    stretches_.back().moments.merge(stretch.moments);
  }
}

double ConfidenceSequence::lower_bound(Term term, double alpha) const {
  Wager wager{.log_price = -std::log(alpha)};
  double best = 0;
  Terms factor{};
  factor[term] = 1;
  for (const Stretch& stretch : stretches_) {
    wager.stake(stretch.moments.count(), stretch.moments.mean(term),
                stretch.moments.centred_square(factor));
    // It holds at all times at once, so the highest so far does.
    best = std::max(best, wager.bound());
  }
  return best;
}

stats::Interval ConfidenceSequence::finish(const Estimate& ips, double level) const {
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  require_valid(ips.name, ips.intervals, IntervalKind::kSequence);
  const double alpha = (1 - level) / 2;
  return {ips.value, lower_bound(kProduct, alpha), 1 - lower_bound(kControl, alpha)};
}

}  // namespace loopline::bandit
