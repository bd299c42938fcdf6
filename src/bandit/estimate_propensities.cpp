#include "loopline/bandit/estimate_propensities.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "loopline/bandit/calibration.h"
#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/estimate.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/core/error.h"
#include "pass_progress.h"

namespace loopline::bandit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kCalibrationBins = 10;

ReadOptions without_propensities() { return {.needs_propensity = false, .limits = {}}; }

/// A policy's probabilities against the actions that it took.
class PropensityCheck {
 public:
  explicit PropensityCheck(double floor) : floor_(floor) {}

  /// The propensities of a block's logged actions.
  std::vector<double> add(const LogBlock& block, const PropensityModel& model) {
    const std::vector<std::size_t> fold = folds_of(block, model.folds());
    WeightedRows gain{.first_row = block.first_row,
                      .weight = std::vector<double>(block.size(), 1.0),
                      .multiplicity = block.multiplicity,
                      .cluster = block.cluster};
    WeightedRows uniform = gain;
    uniform.reward.assign(block.size(), 1.0);
    std::vector<double> own;
    std::vector<double> probability;
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto action = static_cast<std::size_t>(block.action[i]);
      const double count = block.multiplicity.empty() ? 1 : block.multiplicity[i];
      model.predict(block, i, fold[i], probability);
      for (std::size_t a = 0; a < probability.size(); ++a) {
        calibration_.add(probability[a], a == action, count);
      }
      const double p = probability[action];
      const double frequency_loss = -model.log_frequency(fold[i], action);
      rows_ += count;
      loss_ -= count * std::log(p);
      frequency_loss_ += count * frequency_loss;
      if (p < floor_) below_floor_ += count;
      if (p > 1 - floor_) near_one_ += count;
      if (p < smallest_) {
        smallest_ = p;
        smallest_row_ = block.first_row + static_cast<std::int64_t>(i);
      }
      gain.reward.push_back(frequency_loss + std::log(p));
      uniform.weight[i] = 1 / (p * static_cast<double>(probability.size()));
      own.push_back(p);
    }
    gain_.add(gain);
    uniform_.add(uniform);
    return own;
  }

  Json json() const {
    const Estimate gain = gain_.finish();
    const Diagnostics uniform = uniform_.finish();
    const std::vector<CalibrationBin> bins = calibration_.finish(kCalibrationBins);
    Json json;
    json["held_out"] = {{"log_loss", loss_ / rows_},
                        {"frequency_log_loss", frequency_loss_ / rows_},
                        {"gain", gain.value},
                        {"gain_error", gain.standard_error}};
    json["propensities"] = {{"smallest", smallest_},
                            {"smallest_row", smallest_row_},
                            {"floor", floor_},
                            {"below_floor", below_floor_ / rows_},
                            {"near_one", near_one_ / rows_}};
    json["uniform_policy"] = {{"mean_weight", uniform.mean_weight},
                              {"mean_weight_error", uniform.mean_weight_error},
                              {"effective_rows", uniform.effective_rows},
                              {"largest_weight", uniform.largest_weight}};
    json["calibration"] = {{"error", calibration_error(bins)}, {"bins", Json::array()}};
    for (const CalibrationBin& bin : bins) {
      json["calibration"]["bins"].push_back({{"predictions", bin.predictions},
                                             {"predicted", bin.predicted},
                                             {"observed", bin.observed},
                                             {"standard_error", bin.error}});
    }
    json["notes"] = notes(gain, uniform);
    return json;
  }

 private:
  std::vector<std::string> notes(const Estimate& gain, const Diagnostics& uniform) const {
    std::vector<std::string> notes;
    if (gain.value < -2 * gain.standard_error) {
      notes.emplace_back(
          "the model is worse than the actions' frequencies on rows that it has not seen: it has "
          "too "
          "many coefficients for them; raise model.l2, or leave columns out");
    } else if (gain.value < 2 * gain.standard_error) {
      notes.emplace_back(
          "the context tells nothing about the actions that their frequencies do not: either the "
          "policy did not look at it, or not in a way that is linear in the log-odds");
    }
    if (near_one_ > 0.5 * rows_) {
      notes.emplace_back(
          "most actions follow from the context: a policy that hardly tries other actions leaves a "
          "log that says nothing about them");
    }
    if (std::abs(uniform.mean_weight - 1) > 4 * uniform.mean_weight_error) {
      notes.emplace_back(
          "the uniform policy's mean weight is more than 4 standard errors from 1: the model does "
          "not fit, has too few rows for its coefficients, or some actions are never taken in some "
          "contexts");
    }
    return notes;
  }

  double floor_;
  double rows_ = 0, loss_ = 0, frequency_loss_ = 0, below_floor_ = 0, near_one_ = 0;
  double smallest_ = 1;
  std::int64_t smallest_row_ = 0;
  EstimateAccumulator gain_{EstimatorChoice{Estimator::kIps}};  // all weights are 1: a mean
  DiagnosticsAccumulator uniform_;
  Calibration calibration_;
};

void check_survey(const LogSurvey& survey, const std::string& file) {
  if (survey.has_propensities) {
    throw Error(file, "has propensities already: logged ones are right, estimated ones are not",
                "leave out log.propensity if they are not what their name says");
  }
  if (survey.has_sets) {
    throw Error(file, "has another set of actions in every row",
                "propensities are estimated for actions that are numbered alike in all rows");
  }
  if (survey.actions < 2) {
    throw Error(file, "shows a single action",
                "nothing was chosen, so there is nothing to estimate");
  }
}

/// That of a columns file is the one of the log it was written from.
std::string source_fingerprint(const LogConfig& config, const LogEncoding& encoding) {
  const std::string& file = config.files.front();
  if (format_of(config, file) == LogFormat::kColumns) return read_columns(file).fingerprint;
  return log_fingerprint(config, encoding);
}

}  // namespace

Json estimate_propensities(const PropensityConfig& config, const std::filesystem::path& out,
                           run::Progress& progress) {
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  const std::int64_t threads =
      config.threads > 0 ? config.threads : std::max<std::int64_t>(1, cores);
  PassProgress passes(progress, config.log);
  const PassListener listener = [&](const std::string& pass, std::int64_t rows) {
    passes.update(pass, rows);
  };
  passes.update("learning features", 0);
  const LogEncoding encoding = learn_encoding(config.log, without_propensities());
  const OpenLog open = [&] { return LogReader(config.log, encoding, without_propensities()); };
  LogReader first = open();
  const LogSurvey survey = survey_log(first, 1, threads, listener);
  check_survey(survey, config.log.files.front());
  const PropensityFit fit = fit_propensity_model(config.model, open, survey, threads, listener);

  const Json model = {{"kind", "softmax"},
                      {"folds", config.model.folds},
                      {"l2", config.model.l2},
                      {"passes", fit.passes},
                      {"slope", fit.slope}};
  PropensityCheck check(config.floor);
  LogReader reader = open();
  const EstimatedPropensities estimated{[&](const LogBlock& block) {
                                          passes.update("writing the log", reader.rows());
                                          return check.add(block, fit.model);
                                        },
                                        {{"model", model}}};
  const std::string fingerprint = source_fingerprint(config.log, encoding);
  write_columns(out, reader, fingerprint, &estimated);
  passes.finish();

  Json json = {{"rows", reader.rows()}, {"actions", survey.actions}};
  json.update(check.json());
  if (fit.slope > kPropensitySlope) {
    json["notes"].push_back("the fit has stopped before it was done: a larger model.l2 helps");
  }
  json["model"] = model;
  json["log"] = {{"files", config.log.files},
                 {"fingerprint", fingerprint},
                 {"rows", reader.rows()},
                 {"skipped", reader.skipped()},
                 {"skipped_messages", reader.skipped_messages()}};
  json["out"] = out.string();
  return json;
}

}  // namespace loopline::bandit
