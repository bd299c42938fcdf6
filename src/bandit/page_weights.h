#pragma once

#include "page_parts.h"

namespace loopline::bandit::page {

/// A policy and its "diagnostics" of a result.
struct PolicyWeights {
  std::string name;
  const Json* diagnostics = nullptr;
};

/// What the weights say, in words: plain text, a sentence or more.
std::string weights_in_words(const Json& diagnostics);

/// Histograms of the weights: shares of rows, shares of all weight, and rows on logarithmic axes.
std::string weight_plots(const std::vector<PolicyWeights>& policies);

/// The numbers, a row a policy.
std::string weight_table(const std::vector<PolicyWeights>& policies);

/// The rows of each logger; "" of a log without several.
std::string logger_table(const Json* loggers, const std::string& id);

}  // namespace loopline::bandit::page
