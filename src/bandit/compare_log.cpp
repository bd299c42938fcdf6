#include "loopline/bandit/compare_log.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "log_valuation.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNothing = "nothing learnable here";

/// The policies of a comparison by their places; the last one is the uniform one.
struct Compared {
  std::vector<std::string> names{};
  std::vector<PolicyToValue> policies{};
  std::vector<PolicyPair> pairs{};
  std::size_t baseline = 0;

  explicit Compared(const CompareConfig& config) {
    for (const NamedPolicy& named : config.policies) {
      names.push_back(named.name);
      policies.push_back({"policies." + named.name, named.policy});
    }
    names.emplace_back(kUniformName);
    policies.push_back({kUniformName, {}});
    policies.back().config.kind = "uniform";
    const auto found = std::find(names.begin(), names.end(), config.baseline_policy);
    baseline = static_cast<std::size_t>(found - names.begin());
    for (std::size_t p = 0; p < uniform(); ++p) {
      if (p != baseline) pairs.push_back({p, baseline});
    }
    for (std::size_t p = 0; p < uniform() && baseline != uniform(); ++p) {
      pairs.push_back({p, uniform()});
    }
  }

  std::size_t uniform() const { return names.size() - 1; }
  std::size_t pair_with_uniform(std::size_t policy) const {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const PolicyPair& pair) {
      return pair.policy == policy && pair.minus == uniform();
    });
    LOOPLINE_CHECK(found != pairs.end(), "every policy is compared with the uniform one");
    return static_cast<std::size_t>(found - pairs.begin());
  }
};

/// Index of the estimator whose differences decide.
std::size_t judging_estimator(const std::vector<EstimateRow>& rows) {
  for (const Estimator kind : {Estimator::kDr, Estimator::kBetaIps}) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].choice.kind == kind) return i;
    }
  }
  return 0;
}

std::string against_uniform(const stats::Interval& gain, bool is_unusable) {
  if (is_unusable) return "unusable";
  if (gain.low > 0) return "better than uniform";
  if (gain.high < 0) return "worse than uniform";
  return kNothing;
}

class ComparisonReport {
 public:
  ComparisonReport(const CompareConfig& config, const Compared& compared,
                   const LogValuation& valuation)
      : config_(config), compared_(compared), valuation_(valuation) {
    for (std::size_t p = 0; p < compared.names.size(); ++p) {
      verdicts_.push_back(valuation.verdict(p));
      diagnostics_.push_back(valuation.sums().diagnostics(p));
      estimates_.push_back(valuation.sums().estimates(p));
    }
    for (std::size_t i = 0; i < compared.pairs.size(); ++i) {
      differences_.push_back(valuation.sums().differences(i));
    }
    judging_ = judging_estimator(estimates_.front());
  }

  Json write() const {
    Json json = verdict_json();
    json["rows"] = valuation_.reader().rows();
    json["policies"] = Json::array();
    for (std::size_t p = 0; p < compared_.names.size(); ++p) {
      json["policies"].push_back(policy_json(p));
    }
    json["estimates"] = estimates_json();
    json["differences"] = differences_json();
    json["diagnostics"] = diagnostics_of_policies();
    json["baseline"] = config_.baseline_policy;
    json["judged_by"] = estimates_.front()[judging_].estimate.name;
    if (const std::optional<Json> model = valuation_.model_json()) json["model"] = *model;
    json["log"] = valuation_.log_json();
    return json;
  }

 private:
  bool is_unusable(std::size_t policy) const {
    return verdicts_[policy].level == VerdictLevel::kUnusable;
  }

  std::string against_uniform_of(std::size_t policy) const {
    const std::size_t pair = compared_.pair_with_uniform(policy);
    return against_uniform(differences_[pair][judging_].interval,
                           is_unusable(policy) || is_unusable(compared_.uniform()));
  }

  Json verdict_json() const {
    VerdictLevel weights = VerdictLevel::kUsable;
    std::vector<std::string> reasons;
    bool is_nothing = true;
    for (std::size_t p = 0; p < compared_.uniform(); ++p) {
      weights = std::max(weights, verdicts_[p].level);
      for (const std::string& reason : verdicts_[p].reasons) {
        reasons.push_back(compared_.names[p] + ": " + reason);
      }
      is_nothing = is_nothing && against_uniform_of(p) == kNothing;
    }
    return {{"verdict", is_nothing ? std::string(kNothing) : std::string(name_of(weights))},
            {"reasons", reasons},
            {"weights", name_of(weights)}};
  }

  /// All weights are 1 within the digits that propensities are noted with.
  bool is_on_policy(std::size_t policy) const {
    return diagnostics_[policy].largest_departure <= kProbabilityTolerance;
  }

  Json policy_json(std::size_t policy) const {
    Json json = {{"name", compared_.names[policy]}};
    json.update(valuation_.policy_json(policy));
    json["verdict"] = name_of(verdicts_[policy].level);
    json["reasons"] = verdicts_[policy].reasons;
    json["on_policy"] = is_on_policy(policy);
    if (policy != compared_.uniform()) json["against_uniform"] = against_uniform_of(policy);
    return json;
  }

  Json estimates_json() const {
    Json list = Json::array();
    for (std::size_t p = 0; p < compared_.names.size(); ++p) {
      for (const EstimateRow& row : estimates_[p]) {
        Json& entry =
            list.emplace_back(Json{{"name", compared_.names[p]}, {"estimator", row.estimate.name}});
        add_numbers(row, config_.interval.level, entry);
      }
    }
    return list;
  }

  Json differences_json() const {
    Json list = Json::array();
    for (std::size_t i = 0; i < compared_.pairs.size(); ++i) {
      const std::string& policy = compared_.names[compared_.pairs[i].policy];
      const std::string& minus = compared_.names[compared_.pairs[i].minus];
      for (const EstimateRow& row : differences_[i]) {
        Json& entry = list.emplace_back(Json{{"name", policy + " - " + minus},
                                             {"policy", policy},
                                             {"minus", minus},
                                             {"estimator", row.estimate.name}});
        add_numbers(row, config_.interval.level, entry);
        if (entry.contains("slope")) {
          for (Json& step : entry["slope"]) step.erase("clipped_share");
        }
      }
    }
    return list;
  }

  Json diagnostics_of_policies() const {
    Json json = Json::object();
    for (std::size_t p = 0; p < compared_.names.size(); ++p) {
      Json& own = json[compared_.names[p]];
      own = valuation_.diagnostics_json(p);
      if (valuation_.reader().loggers().size() > 1) own["loggers"] = valuation_.loggers_json(p);
    }
    return json;
  }

  const CompareConfig& config_;
  const Compared& compared_;
  const LogValuation& valuation_;
  std::vector<Verdict> verdicts_;  // of each policy, as the next two
  std::vector<Diagnostics> diagnostics_;
  std::vector<std::vector<EstimateRow>> estimates_;
  std::vector<std::vector<EstimateRow>> differences_;  // of each pair
  std::size_t judging_ = 0;
};

}  // namespace

Json compare_log(const CompareConfig& config, run::Progress& progress) {
  config.check();
  const Compared compared(config);
  LogValuation valuation(config, compared.policies, compared.pairs, progress);
  valuation.run();
  return ComparisonReport(config, compared, valuation).write();
}

}  // namespace loopline::bandit
