#include "loopline/bandit/estimate_log.h"

#include <algorithm>
#include <fstream>
#include <thread>
#include <utility>

#include "estimate_sums.h"
#include "loopline/bandit/block_work.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/bandit/table_policy.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using Json = nlohmann::ordered_json;

// A shorter log is read before anyone wonders.
constexpr std::int64_t kRowsWorthABar = 1'000'000;

/// About how many rows the files have: text by the length of its first lines.
std::int64_t guessed_rows(const LogConfig& config) {
  double rows = 0;
  for (const std::string& file : config.files) {
    if (format_of(config, file) == LogFormat::kColumns) {
      rows += static_cast<double>(read_columns(file).rows);
      continue;
    }
    std::string text(1 << 20, '\0');
    std::ifstream stream(file, std::ios::binary);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    const auto lines = static_cast<double>(std::count(text.begin(), text.end(), '\n'));
    if (text.empty()) continue;
    rows += lines / static_cast<double>(text.size()) *
            static_cast<double>(std::filesystem::file_size(file));
  }
  return static_cast<std::int64_t>(rows);
}

/// Tells a person how far the passes over a long log are.
class PassProgress {
 public:
  PassProgress(run::Progress& progress, const LogConfig& config)
      : progress_(progress), total_(guessed_rows(config)) {}

  void update(const std::string& pass, std::int64_t rows) {
    if (total_ < kRowsWorthABar) return;
    if (pass != pass_) {
      finish();
      progress_.start(pass, total_);
      pass_ = pass;
    }
    rows_ = rows;
    progress_.update(std::min(rows, total_ - 1), count_text());
  }
  /// The total was a guess; what has been read is all.
  void finish() {
    if (pass_.empty()) return;
    progress_.update(total_, count_text());
    progress_.finish();
    pass_.clear();
  }

 private:
  std::string count_text() const { return rows_ > 0 ? std::to_string(rows_) + " rows" : ""; }

  run::Progress& progress_;
  std::int64_t total_, rows_ = 0;
  std::string pass_;
};

/// One estimate of one log, from its config to its JSON.
class LogEstimate {
 public:
  LogEstimate(const EstimateConfig& config, run::Progress& progress)
      : config_(config), choices_(choices_of(config)), passes_(progress, config.log) {
    const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
    threads_ = config.threads > 0 ? config.threads : std::max<std::int64_t>(1, cores);
    needs_model_ = std::any_of(choices_.begin(), choices_.end(), [](const EstimatorChoice& c) {
      return entry_of(c.kind).needs_model;
    });
    if (config.policy.kind == "softmax") saved_ = read_softmax_policy(*config.policy.file);
  }

  Json run() {
    learn_features();
    survey();
    make_policy();
    fit_model();
    EstimateSums sums(config_, choices_);
    LogReader reader = open();
    for_each_block(
        reader, threads_,
        [&](const LogBlock& block) {
          EstimateSums part(config_, choices_);
          part.add(weigh(block, *policy_, model_ ? &*model_ : nullptr));
          return part;
        },
        [&](const EstimateSums& part) {
          sums.merge(part);
          passes_.update("estimating", reader.rows());
        });
    passes_.finish();
    return report(sums, reader);
  }

 private:
  LogReader open() const { return LogReader(config_.log, encoding_); }

  PassListener listener() {
    return [this](const std::string& pass, std::int64_t rows) { passes_.update(pass, rows); };
  }

  void learn_features() {
    if (saved_) {
      encoding_ = saved_->encoding;
    } else if (needs_model_) {
      passes_.update("learning features", 0);
      encoding_ = learn_encoding(config_.log);
    }
  }

  /// Otherwise a policy may know actions that the log does not show.
  bool states_actions() const { return config_.log.actions || config_.log.action_names; }

  std::optional<std::int64_t> known_actions() const {
    LogReader reader = open();  // has seen the names of the actions, or the columns file
    const bool is_columns =
        format_of(config_.log, config_.log.files.front()) == LogFormat::kColumns;
    return is_columns || states_actions() ? std::optional(reader.actions()) : std::nullopt;
  }

  void survey() {
    actions_ = known_actions();
    if (!needs_model_ && (actions_ || config_.policy.kind != "uniform")) return;
    LogReader reader = open();
    survey_ = survey_log(reader, static_cast<int>(config_.model.folds), threads_, listener());
    if (!actions_) {
      actions_ = survey_.actions;
      actions_are_counted_ = !survey_.has_sets;
    }
  }

  void make_policy() {
    const PolicyConfig& c = config_.policy;
    if (c.kind == "column") {
      policy_ = std::make_unique<ColumnPolicy>();
      return;
    }
    if (c.kind == "uniform") policy_ = std::make_unique<UniformPolicy>(*actions_);
    if (c.kind == "table") {
      const TableColumns columns{c.action, c.position, c.probability};
      auto table = std::make_unique<TablePolicy>(
          *c.file, columns, states_actions() ? actions_ : std::nullopt, config_.log.action_names);
      policy_actions_ = table->actions();
      policy_ = std::move(table);
    }
    if (saved_) {
      check_saved();
      policy_actions_ = static_cast<std::int64_t>(saved_->actions());
      policy_ = std::make_unique<SoftmaxPolicy>(*saved_);
    }
    if (c.epsilon > 0) policy_ = std::make_unique<EpsilonPolicy>(std::move(policy_), c.epsilon);
  }

  void check_saved() const {
    const auto count = static_cast<std::int64_t>(saved_->actions());
    const std::string& file = *config_.policy.file;
    if (states_actions() && *actions_ != count) {
      throw Error(file, "the policy has " + std::to_string(count) + " actions, and the log " +
                            std::to_string(*actions_));
    }
    const std::vector<std::string> names = open().action_names();
    if (names.empty() || saved_->action_names.empty() || names == saved_->action_names) return;
    throw Error(file, "the policy's actions have other names than the log's, or another order");
  }

  void fit_model() {
    if (!needs_model_) return;
    if (policy_actions_ && !survey_.has_sets) {
      if (survey_.actions > *policy_actions_) {
        throw Error(*config_.policy.file, "the policy has " + std::to_string(*policy_actions_) +
                                              " actions, and the log shows action " +
                                              std::to_string(survey_.actions - 1));
      }
      survey_.actions = *policy_actions_;
    }
    model_ = fit_reward_model(
        config_.model, [this] { return open(); }, survey_, threads_, listener());
  }

  Json report(const EstimateSums& sums, const LogReader& reader) const {
    const Diagnostics diagnostics = sums.diagnostics();
    Verdict verdict = judge(diagnostics, config_.verdict);
    const Json log = log_json(reader);
    if (is_trained_on_log()) {
      verdict.level = std::max(verdict.level, VerdictLevel::kDoubtful);
      verdict.reasons.emplace_back(
          "the policy was trained on this log: its value here is too high; use another log");
    }
    Json json;
    json["verdict"] = name_of(verdict.level);
    json["reasons"] = verdict.reasons;
    json["rows"] = reader.rows();
    json["estimates"] = Json::array();
    for (std::size_t i = 0; i < sums.size(); ++i) json["estimates"].push_back(row_json(sums, i));
    json["diagnostics"] = diagnostics_json(diagnostics);
    if (!config_.clip) json["diagnostics"].erase("clipped_share");
    if (reader.loggers().size() > 1) json["loggers"] = loggers_json(sums, reader);
    json["policy"] = policy_json();
    if (model_) {
      json["model"] = {{"kind", config_.model.kind},
                       {"design", config_.model.design},
                       {"folds", config_.model.folds},
                       {"l2", config_.model.l2}};
    }
    json["log"] = log;
    return json;
  }

  bool is_trained_on_log() const {
    if (!saved_ || saved_->trained_on.empty()) return false;
    const std::vector<std::string> marks = log_marks(config_.log, encoding_);
    return std::find_first_of(marks.begin(), marks.end(), saved_->trained_on.begin(),
                              saved_->trained_on.end()) != marks.end();
  }

  Json row_json(const EstimateSums& sums, std::size_t i) const {
    const Estimate estimate = sums.estimate(i);
    const stats::Interval interval = sums.interval(i, estimate);
    Json json = {{"name", estimate.name}};
    if (sums.choice(i).parameter) json["parameter"] = *sums.choice(i).parameter;
    json["value"] = estimate.value;
    json["low"] = interval.low;
    json["high"] = interval.high;
    json["interval"] = name_of(sums.kind(i));
    json["level"] = config_.interval.level;
    json["standard_error"] = estimate.standard_error;
    if (estimate.baseline) json["baseline"] = *estimate.baseline;
    json["notes"] = estimate.notes;
    return json;
  }

  static Json diagnostics_json(const Diagnostics& d) {
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

  static Json loggers_json(const EstimateSums& sums, const LogReader& reader) {
    Json list = Json::array();
    for (const LoggerRow& row : sums.loggers()) {
      Json json = {{"logger", reader.loggers()[static_cast<std::size_t>(row.logger)]},
                   {"ips", row.ips.value},
                   {"ips_standard_error", row.ips.standard_error}};
      json.update(diagnostics_json(row.diagnostics));
      json.erase("clipped_share");
      list.push_back(std::move(json));
    }
    return list;
  }

  Json policy_json() const {
    Json json = {{"kind", config_.policy.kind}};
    if (config_.policy.file) json["file"] = *config_.policy.file;
    json["epsilon"] = config_.policy.epsilon;
    const std::optional<std::int64_t> actions = policy_actions_ ? policy_actions_ : actions_;
    if (actions) json["actions"] = *actions;
    if (actions_are_counted_ && !policy_actions_) {
      json["note"] = "as many actions as the log shows; set log.actions if there are more";
    }
    return json;
  }

  Json log_json(const LogReader& reader) const {
    return {{"files", config_.log.files},
            {"fingerprint", log_fingerprint(config_.log, encoding_)},
            {"rows", reader.rows()},
            {"skipped", reader.skipped()},
            {"skipped_messages", reader.skipped_messages()}};
  }

  const EstimateConfig& config_;
  std::vector<EstimatorChoice> choices_;
  PassProgress passes_;
  std::int64_t threads_ = 1;
  bool needs_model_ = false;
  std::optional<SoftmaxPolicyData> saved_;
  LogEncoding encoding_;
  std::optional<std::int64_t> actions_, policy_actions_;
  bool actions_are_counted_ = false;
  LogSurvey survey_;
  std::unique_ptr<Policy> policy_;
  std::optional<RewardModel> model_;
};

}  // namespace

Json estimate_log(const EstimateConfig& config, run::Progress& progress) {
  config.check();
  return LogEstimate(config, progress).run();
}

}  // namespace loopline::bandit
