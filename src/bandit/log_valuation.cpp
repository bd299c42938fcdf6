#include "log_valuation.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "loopline/bandit/block_work.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/bandit/table_policy.h"
#include "loopline/core/error.h"

namespace loopline::bandit {

using Json = nlohmann::ordered_json;

namespace {

Json json_of(const Diagnostics& d) {
  return {{"rows", d.rows},
          {"units", d.units},
          {"effective_rows", d.effective_rows},
          {"mean_weight", d.mean_weight},
          {"mean_weight_error", d.mean_weight_error},
          {"largest_weight", d.largest_weight},
          {"largest_share", d.largest_share},
          {"clipped_share", d.clipped_share},
          {"rewarded_rows", d.rewarded_rows},
          {"mean_reward", d.mean_reward}};
}

}  // namespace

LogValuation::LogValuation(const EstimateSettings& settings, std::vector<PolicyToValue> policies,
                           std::vector<PolicyPair> pairs, run::Progress& progress)
    : settings_(settings),
      choices_(choices_of(settings)),
      pairs_(std::move(pairs)),
      passes_(progress, settings.log) {
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  threads_ = settings.threads > 0 ? settings.threads : std::max<std::int64_t>(1, cores);
  needs_model_ = std::any_of(choices_.begin(), choices_.end(),
                             [](const EstimatorChoice& c) { return entry_of(c.kind).needs_model; });
  for (PolicyToValue& policy : policies) {
    Valued& valued = policies_.emplace_back(Valued{.asked = std::move(policy)});
    const PolicyConfig& config = valued.asked.config;
    if (config.kind == "softmax") valued.saved = read_softmax_policy(*config.file);
  }
}

void LogValuation::run() {
  learn_shares();
  learn_features();
  survey();
  read_policies();
  make_uniform();
  mix_in_uniform();
  fit_model();
  estimate();
}

PassListener LogValuation::listener() {
  return [this](const std::string& pass, std::int64_t rows) { passes_.update(pass, rows); };
}

void LogValuation::learn_shares() {
  LogReader reader = open();
  shares_ = logger_shares(reader);
}

void LogValuation::learn_features() {
  std::vector<FeatureEncoding> contexts;
  for (const Valued& valued : policies_) {
    if (!valued.saved) continue;
    if (contexts.empty()) encoding_ = valued.saved->encoding;
    contexts.push_back(valued.saved->encoding.context);
  }
  if (contexts.size() > 1) encoding_.context = joint_encoding(contexts);
  if (!contexts.empty() || !needs_model_) return;
  passes_.update("learning features", 0);
  encoding_ = learn_encoding(settings_.log);
}

/// Otherwise a policy may know actions that the log does not show.
bool LogValuation::states_actions() const {
  return settings_.log.actions || settings_.log.action_names;
}

std::optional<std::int64_t> LogValuation::known_actions() const {
  LogReader reader = open();  // has seen the names of the actions, or the columns file
  const bool is_columns =
      format_of(settings_.log, settings_.log.files.front()) == LogFormat::kColumns;
  return is_columns || states_actions() ? std::optional(reader.actions()) : std::nullopt;
}

bool LogValuation::any_uniform() const {
  return std::any_of(policies_.begin(), policies_.end(),
                     [](const Valued& valued) { return valued.asked.config.kind == "uniform"; });
}

void LogValuation::survey() {
  actions_ = known_actions();
  if (!needs_model_ && (actions_ || !any_uniform())) return;
  LogReader reader = open();
  survey_ = survey_log(reader, static_cast<int>(settings_.model.folds), threads_, listener());
  if (actions_) return;
  actions_ = survey_.actions;
  actions_are_counted_ = !survey_.has_sets;
}

void LogValuation::read_policies() {
  for (Valued& valued : policies_) {
    const PolicyConfig& c = valued.asked.config;
    if (c.kind == "column") valued.policy = std::make_unique<ColumnPolicy>();
    if (c.kind == "table") {
      const TableColumns columns{c.action, c.position, c.probability};
      auto table = std::make_unique<TablePolicy>(
          *c.file, columns, states_actions() ? actions_ : std::nullopt, settings_.log.action_names);
      valued.actions = table->actions();
      valued.policy = std::move(table);
    }
    if (!valued.saved) continue;
    check_saved(valued);
    valued.actions = static_cast<std::int64_t>(valued.saved->actions());
    valued.policy = std::make_unique<SoftmaxPolicy>(*valued.saved, encoding_.context);
  }
}

void LogValuation::check_saved(const Valued& valued) const {
  const SoftmaxPolicyData& saved = *valued.saved;
  const auto count = static_cast<std::int64_t>(saved.actions());
  const std::string& file = *valued.asked.config.file;
  if (states_actions() && *actions_ != count) {
    throw Error(file, "the policy has " + std::to_string(count) + " actions, and the log " +
                          std::to_string(*actions_));
  }
  const std::vector<std::string> names = open().action_names();
  if (names.empty() || saved.action_names.empty() || names == saved.action_names) return;
  throw Error(file, "the policy's actions have other names than the log's, or another order");
}

/// Where the number of actions was only counted, a file that knows more is believed.
void LogValuation::make_uniform() {
  for (const Valued& valued : policies_) {
    if (!actions_are_counted_ || !valued.actions || !any_uniform()) continue;
    actions_ = std::max(*actions_, *valued.actions);
  }
  for (Valued& valued : policies_) {
    if (valued.asked.config.kind == "uniform") {
      valued.policy = std::make_unique<UniformPolicy>(*actions_);
    }
  }
}

void LogValuation::mix_in_uniform() {
  for (Valued& valued : policies_) {
    const double epsilon = valued.asked.config.epsilon;
    if (epsilon > 0) {
      valued.policy = std::make_unique<EpsilonPolicy>(std::move(valued.policy), epsilon);
    }
  }
}

void LogValuation::fit_model() {
  if (!needs_model_) return;
  for (const Valued& valued : policies_) {
    if (!valued.actions || survey_.has_sets) continue;
    if (survey_.actions > *valued.actions) {
      throw Error(*valued.asked.config.file, "the policy has " + std::to_string(*valued.actions) +
                                                 " actions, and the log shows action " +
                                                 std::to_string(survey_.actions - 1));
    }
  }
  for (const Valued& valued : policies_) {
    if (!valued.actions || survey_.has_sets) continue;
    if (any_uniform() && *valued.actions != *actions_) {
      throw Error(*valued.asked.config.file,
                  "the policy has " + std::to_string(*valued.actions) + " actions, and others " +
                      std::to_string(*actions_),
                  "set log.actions");
    }
    survey_.actions = *valued.actions;
  }
  model_ = fit_reward_model(
      settings_.model, [this] { return open(); }, survey_, threads_, listener());
}

void LogValuation::estimate() {
  std::vector<const Policy*> policies;
  for (const Valued& valued : policies_) policies.push_back(valued.policy.get());
  const auto empty = [&] { return EstimateSums(settings_, choices_, policies.size(), pairs_); };
  sums_.emplace(empty());
  reader_.emplace(open());
  for_each_block(
      *reader_, threads_,
      [&](const LogBlock& block) {
        EstimateSums part = empty();
        part.add(weigh(block, policies, model_ ? &*model_ : nullptr));
        return part;
      },
      [&](const EstimateSums& part) {
        sums_->merge(part);
        passes_.update("estimating", reader_->rows());
      });
  passes_.finish();
}

bool LogValuation::is_trained_on_log(std::size_t policy) const {
  const std::optional<SoftmaxPolicyData>& saved = policies_[policy].saved;
  if (!saved || saved->trained_on.empty()) return false;
  const std::vector<std::string> marks = log_marks(settings_.log, saved->encoding);
  return std::find_first_of(marks.begin(), marks.end(), saved->trained_on.begin(),
                            saved->trained_on.end()) != marks.end();
}

Verdict LogValuation::verdict(std::size_t policy) const {
  Verdict verdict = judge(sums_->diagnostics(policy), settings_.verdict);
  if (!is_trained_on_log(policy)) return verdict;
  verdict.level = std::max(verdict.level, VerdictLevel::kDoubtful);
  verdict.reasons.emplace_back(
      "the policy was trained on this log: its value here is too high; use another log");
  return verdict;
}

Json LogValuation::policy_json(std::size_t policy) const {
  const Valued& valued = policies_[policy];
  const PolicyConfig& config = valued.asked.config;
  Json json = {{"kind", config.kind}};
  if (config.file) json["file"] = *config.file;
  json["epsilon"] = config.epsilon;
  const bool is_counted = actions_are_counted_ && !valued.actions;
  if (is_counted && config.kind != "uniform") return json;
  const std::optional<std::int64_t> actions = valued.actions ? valued.actions : actions_;
  if (actions) json["actions"] = *actions;
  if (is_counted) {
    json["note"] = "as many actions as the log shows; set log.actions if there are more";
  }
  return json;
}

Json LogValuation::log_json() const {
  Json json = {
      {"files", settings_.log.files},
      {"fingerprint", log_fingerprint(settings_.log, encoding_)},
      {"propensities", has_estimated_propensities(settings_.log) ? "estimated" : "logged"}};
  if (!shares_.empty()) json["balanced"] = true;
  json["rows"] = reader_->rows();
  json["skipped"] = reader_->skipped();
  json["skipped_messages"] = reader_->skipped_messages();
  return json;
}

std::optional<Json> LogValuation::model_json() const {
  if (!model_) return std::nullopt;
  return Json{{"kind", settings_.model.kind},
              {"design", settings_.model.design},
              {"folds", settings_.model.folds},
              {"l2", settings_.model.l2}};
}

Json LogValuation::diagnostics_json(std::size_t policy) const {
  Json json = json_of(sums_->diagnostics(policy));
  if (!settings_.clip) json.erase("clipped_share");
  json["weight_histogram"] = Json::array();
  for (const WeightHistogram::Bin& bin : sums_->histogram(policy)) {
    json["weight_histogram"].push_back(
        {{"low", bin.low}, {"high", bin.high}, {"rows", bin.rows}, {"weight", bin.weight}});
  }
  return json;
}

Json LogValuation::loggers_json(std::size_t policy) const {
  Json list = Json::array();
  for (const LoggerRow& row : sums_->loggers(policy)) {
    Json json = {{"logger", reader_->loggers()[static_cast<std::size_t>(row.logger)]},
                 {"ips", row.ips.value},
                 {"ips_standard_error", row.ips.standard_error}};
    json.update(json_of(row.diagnostics));
    json.erase("clipped_share");
    list.push_back(std::move(json));
  }
  return list;
}

void add_numbers(const EstimateRow& row, double level, Json& json) {
  if (row.choice.parameter) json["parameter"] = *row.choice.parameter;
  json["value"] = row.estimate.value;
  json["low"] = row.interval.low;
  json["high"] = row.interval.high;
  json["interval"] = name_of(row.kind);
  json["level"] = level;
  json["standard_error"] = row.estimate.standard_error;
  if (row.estimate.baseline) json["baseline"] = *row.estimate.baseline;
  if (row.slope) {
    for (const SlopeStep& step : row.slope->steps) {
      json["slope"].push_back({{"parameter", step.parameter},
                               {"value", step.estimate.value},
                               {"width", step.width},
                               {"clipped_share", step.clipped_share},
                               {"low", step.low},
                               {"high", step.high},
                               {"agrees", step.agrees}});
    }
  }
  json["notes"] = row.estimate.notes;
}

}  // namespace loopline::bandit
