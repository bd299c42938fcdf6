#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "loopline/bandit/feature_encoding.h"
#include "loopline/bandit/log_block.h"

namespace loopline::bandit {

/// Independent rows of one world.
enum class WorldPart : std::uint32_t {
  kTraining = 0,   ///< the log that a policy is learned from
  kEvaluated = 1,  ///< the log that it is valued by
  kFresh = 2,      ///< contexts that no log holds
};

/// Which rows are drawn: a function of both and of the row's number.
struct WorldKey {
  std::uint64_t seed = 0;
  WorldPart part = WorldPart::kEvaluated;
};

/// Consecutive rows with all that is true of them, row major.
struct WorldRows {
  std::int64_t first_row = 0;
  std::size_t rows = 0, features = 0, actions = 0;
  std::vector<double> context;  ///< rows x features
  std::vector<double> reward;   ///< q(x, a) = P(r = 1 | x, a), rows x actions
  std::vector<double> logging;  ///< pi_0(a | x) > 0, rows x actions
};

/// A contextual bandit whose truth is known: rewards are 0 or 1. Safe to ask from several threads.
class World {
 public:
  virtual ~World() = default;

  virtual std::size_t actions() const = 0;
  /// Of the context: what reward models and policies are fitted with.
  virtual const LogEncoding& encoding() const = 0;
  virtual WorldKey key() const = 0;

  /// Rows first .. first + count - 1, below 2^52. A row does not depend on what else is asked for.
  virtual void fill(std::int64_t first, std::size_t count, WorldRows& rows) const = 0;

  /// Calls `use` for the contexts that true values are means over, a few at a time: `fresh` ones
  /// that no log holds; where contexts are drawn from a finite population, all of that instead.
  virtual void visit_truth(std::int64_t fresh,
                           const std::function<void(const WorldRows& rows)>& use) const = 0;

  /// What the logging policy does in those rows and what comes of it, with its propensities.
  LogBlock decide(const WorldRows& rows) const;
};

}  // namespace loopline::bandit
