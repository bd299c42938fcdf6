#include "loopline/bandit/log_survey.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "loopline/bandit/block_work.h"
#include "loopline/bandit/term_sample.h"

namespace loopline::bandit {
namespace {

constexpr std::size_t kMostPositions = 1000;

LogSurvey survey_block(const LogBlock& block, int folds) {
  LogSurvey survey;
  survey.rows = static_cast<std::int64_t>(block.size());
  survey.has_sets = !block.sets.offset.empty();
  survey.has_propensities = !block.logger_propensity.empty() ||
                            std::any_of(block.propensity.begin(), block.propensity.end(),
                                        [](double p) { return p != 1; });
  survey.folds.resize(static_cast<std::size_t>(folds));
  const auto [lowest, highest] = std::minmax_element(block.reward.begin(), block.reward.end());
  survey.lowest_reward = *lowest;
  survey.highest_reward = *highest;
  survey.lowest_row = block.first_row + (lowest - block.reward.begin());
  survey.highest_row = block.first_row + (highest - block.reward.begin());
  const std::set<std::int64_t> positions(block.position.begin(), block.position.end());
  survey.positions.assign(positions.begin(), positions.end());
  const std::vector<std::size_t> fold = folds_of(block, folds);
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double count = block.multiplicity.empty() ? 1 : block.multiplicity[i];
    survey.folds[fold[i]].count += count;
    survey.folds[fold[i]].reward += count * block.reward[i];
  }
  survey.context.add(block.context, block.features);
  survey.set_features.add(block.sets.feature, block.sets.features);
  return survey;
}

void merge_surveys(LogSurvey& survey, const LogSurvey& part) {
  if (survey.rows == 0 || part.lowest_reward < survey.lowest_reward) {
    survey.lowest_reward = part.lowest_reward;
    survey.lowest_row = part.lowest_row;
  }
  if (survey.rows == 0 || part.highest_reward > survey.highest_reward) {
    survey.highest_reward = part.highest_reward;
    survey.highest_row = part.highest_row;
  }
  survey.rows += part.rows;
  survey.has_sets = part.has_sets;
  survey.has_propensities = survey.has_propensities || part.has_propensities;
  std::set<std::int64_t> positions(survey.positions.begin(), survey.positions.end());
  positions.insert(part.positions.begin(), part.positions.end());
  if (positions.size() > kMostPositions) {
    throw Error("log.position", "there are more than " + std::to_string(kMostPositions),
                "is this a column of positions?");
  }
  survey.positions.assign(positions.begin(), positions.end());
  for (std::size_t k = 0; k < part.folds.size(); ++k) {
    survey.folds[k].count += part.folds[k].count;
    survey.folds[k].reward += part.folds[k].reward;
  }
  survey.context.merge(part.context);
  survey.set_features.merge(part.set_features);
}

}  // namespace

void ColumnMoments::add(const std::vector<double>& numbers, std::size_t width) {
  if (numbers.empty() || width == 0) return;
  const std::size_t rows = numbers.size() / width;
  ColumnMoments part{static_cast<double>(rows), std::vector<double>(width),
                     std::vector<double>(width)};
  for (std::size_t i = 0; i < numbers.size(); ++i) part.mean[i % width] += numbers[i];
  for (double& mean : part.mean) mean /= part.count;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double deviation = numbers[i] - part.mean[i % width];
    part.square[i % width] += deviation * deviation;
  }
  merge(part);
}

void ColumnMoments::merge(const ColumnMoments& other) {
  if (other.count == 0) return;
  mean.resize(other.mean.size());
  square.resize(other.square.size());
  const double total = count + other.count;
  for (std::size_t j = 0; j < mean.size(); ++j) {
    const double gap = other.mean[j] - mean[j];
    mean[j] += gap * (other.count / total);
    square[j] += other.square[j] + gap * gap * (count * (other.count / total));
  }
  count = total;
}

double ColumnMoments::deviation(std::size_t column) const {
  const double deviation = std::sqrt(square[column] / count);
  // Below this a column is constant but for rounding.
  return deviation > 1e-12 * std::abs(mean[column]) ? deviation : 1;
}

LogSurvey survey_log(LogReader& reader, int folds, std::int64_t threads,
                     const PassListener& listener) {
  LogSurvey survey;
  survey.folds.resize(static_cast<std::size_t>(folds));
  for_each_block(
      reader, threads, [&](const LogBlock& block) { return survey_block(block, folds); },
      [&](const LogSurvey& part) {
        merge_surveys(survey, part);
        if (listener) listener("surveying the log", survey.rows);
      });
  survey.actions = reader.actions();
  return survey;
}

std::vector<std::size_t> folds_of(const LogBlock& block, int folds) {
  WeightedRows rows;
  rows.first_row = block.first_row;
  rows.cluster = block.cluster;
  std::vector<std::size_t> fold(block.size());
  for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = fold_of(rows, i, folds);
  return fold;
}

}  // namespace loopline::bandit
