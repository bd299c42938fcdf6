// How often intervals of nominal 95 % hold the truth, over logs with known values. Figures are
// printed; the intervals that promise coverage at any number of rows are held to it, the others to
// what large samples give.

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "bandit/worlds.h"
#include "loopline/bandit/confidence_sequence.h"
#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/intervals.h"
#include "loopline/bandit/poisson_bootstrap.h"

namespace loopline::bandit {
namespace {

constexpr std::uint32_t kRepeats = 300;
constexpr double kNominal = .95;
// Three standard deviations of the share of 300 that a coverage of .95 gives.
constexpr double kTolerance = .038;

struct Coverage {
  double share = 0;
  double width = 0;
};

/// Coverage of `interval(run)`, printed under a name.
Coverage coverage(const std::string& name, double truth,
                  const std::function<stats::Interval(std::uint32_t)>& interval) {
  Coverage result;
  for (std::uint32_t run = 0; run < kRepeats; ++run) {
    const stats::Interval one = interval(run);
    result.share += (one.low <= truth && truth <= one.high ? 1.0 : 0.0) / kRepeats;
    result.width += (one.high - one.low) / kRepeats;
  }
  std::printf("[ coverage ] %-52s %.3f  mean width %.4f\n", name.c_str(), result.share,
              result.width);
  return result;
}

Estimate estimate_of(const EstimatorChoice& choice, const WeightedRows& rows) {
  EstimateAccumulator accumulator(choice);
  accumulator.add(rows);
  return accumulator.finish();
}

stats::Interval bootstrap_of(const EstimatorChoice& choice, const WeightedRows& rows,
                             std::uint64_t seed) {
  PoissonBootstrap bootstrap({functional_of(choice)}, {.seed = seed});
  bootstrap.add(rows, {terms_of(choice, rows)});
  return bootstrap.finish(0, estimate_of(choice, rows));
}

stats::Interval sequence_of(const WeightedRows& rows) {
  ConfidenceSequence sequence;
  sequence.add(rows);
  return sequence.finish(estimate_of({.kind = Estimator::kIps}, rows));
}

/// All large-sample intervals of an estimator, the worst share of them.
double worst_large_sample_coverage(const std::string& world, Estimator kind, double truth,
                                   const std::function<WeightedRows(std::uint32_t)>& draw) {
  const EstimatorChoice choice{.kind = kind};
  double worst = 1;
  for (const IntervalKind interval : valid_intervals(choice)) {
    if (interval == IntervalKind::kBernstein || interval == IntervalKind::kSequence) continue;
    const std::string name =
        world + " " + std::string(entry_of(kind).name) + " " + std::string(name_of(interval));
    const Coverage found = coverage(name, truth, [&](std::uint32_t run) {
      const WeightedRows rows = draw(run);
      return interval == IntervalKind::kBootstrap
                 ? bootstrap_of(choice, rows, run)
                 : closed_interval(estimate_of(choice, rows), interval);
    });
    worst = std::min(worst, found.share);
  }
  return worst;
}

constexpr std::size_t kRows = 400;
// The largest weights are 1.9 and 43, and of the 400 rows 270 and 16 are effective.
const SoftmaxWorld kModerate{.logging_slope = 0, .target_slope = 2};
const SoftmaxWorld kHeavy{.logging_slope = -5, .target_slope = 5};

TEST(Coverage, LargeSampleIntervalsAreNearNominalOnModerateWeights) {
  const auto draw = [](std::uint32_t run) { return kModerate.draw(run, kRows); };
  for (const Estimator kind : {Estimator::kIps, Estimator::kSnips, Estimator::kDr, Estimator::kSndr,
                               Estimator::kBetaIps, Estimator::kBetaIpsCrossFitted}) {
    EXPECT_GE(worst_large_sample_coverage("moderate", kind, kModerate.truth(), draw),
              kNominal - kTolerance);
  }
}

TEST(Coverage, LargeSampleIntervalsFallShortOnlyOfLogsThatAreUnusable) {
  const auto heavy = [](std::uint32_t run) { return kHeavy.draw(run, kRows); };
  const ParetoWorld pareto;
  const auto tail = [&](std::uint32_t run) { return pareto.draw(run, kRows); };
  for (const Estimator kind : {Estimator::kIps, Estimator::kSnips, Estimator::kBetaIps}) {
    EXPECT_GE(worst_large_sample_coverage("pareto", kind, pareto.truth(), tail), .9);
    EXPECT_GE(worst_large_sample_coverage("heavy", kind, kHeavy.truth(), heavy), .7);
  }
  for (std::uint32_t run = 0; run < kRepeats; ++run) {
    DiagnosticsAccumulator accumulator;
    accumulator.add(heavy(run));
    EXPECT_EQ(judge(accumulator.finish()).level, VerdictLevel::kUnusable);
  }
}

TEST(Coverage, BernsteinKeepsItsPromise) {
  for (const auto& [name, world] : {std::pair{"moderate", kModerate}, std::pair{"heavy", kHeavy}}) {
    const TermRange range{0, world.largest_weight()};
    const Coverage found =
        coverage(std::string(name) + " ips bernstein", world.truth(), [&](std::uint32_t run) {
          return closed_interval(estimate_of({.kind = Estimator::kIps}, world.draw(run, kRows)),
                                 IntervalKind::kBernstein, kNominal, range);
        });
    EXPECT_GE(found.share, kNominal - kTolerance);
  }
}

TEST(Coverage, TheSequenceKeepsItsPromiseWithoutALargestWeight) {
  const ParetoWorld pareto{.shape = 1.5};  // not even a variance
  EXPECT_GE(coverage("moderate ips confidence_sequence", kModerate.truth(),
                     [&](std::uint32_t run) { return sequence_of(kModerate.draw(run, kRows)); })
                .share,
            kNominal - kTolerance);
  EXPECT_GE(coverage("heavy ips confidence_sequence", kHeavy.truth(),
                     [&](std::uint32_t run) { return sequence_of(kHeavy.draw(run, kRows)); })
                .share,
            kNominal - kTolerance);
  EXPECT_GE(coverage("pareto without variance ips confidence_sequence", pareto.truth(),
                     [&](std::uint32_t run) { return sequence_of(pareto.draw(run, kRows)); })
                .share,
            kNominal - kTolerance);
}

/// The narrowest that an interval ever was while rows came in.
stats::Interval intersection_over_time(
    const WeightedRows& rows, const std::function<stats::Interval(const WeightedRows&)>& at) {
  stats::Interval narrowest{0, -1e9, 1e9};
  for (std::size_t count = 50; count <= rows.size(); count += 50) {
    const stats::Interval now = at(part_of(rows, 0, count));
    narrowest.low = std::max(narrowest.low, now.low);
    narrowest.high = std::min(narrowest.high, now.high);
  }
  return narrowest;
}

TEST(Coverage, OnlyTheSequenceMayBeLookedAtAsOftenAsOneLikes) {
  const Coverage sequence =
      coverage("looked at 40 times: confidence_sequence", kModerate.truth(), [](std::uint32_t run) {
        return intersection_over_time(kModerate.draw(run, 2000), sequence_of);
      });
  EXPECT_GE(sequence.share, kNominal - kTolerance);
  const Coverage student =
      coverage("looked at 40 times: student_t", kModerate.truth(), [](std::uint32_t run) {
        return intersection_over_time(kModerate.draw(run, 2000), [](const WeightedRows& rows) {
          return closed_interval(estimate_of({.kind = Estimator::kIps}, rows),
                                 IntervalKind::kStudentT);
        });
      });
  EXPECT_LE(student.share, .9);
}

/// Rewards of a cluster's four rows are one: rows by themselves promise too much.
TEST(Coverage, ClustersAreTheUnit) {
  const auto draw = [](std::uint32_t run) {
    const WeightedRows once = kModerate.draw(run, 150);
    WeightedRows rows;
    for (std::size_t i = 0; i < 150; ++i) {
      for (std::size_t copy = 0; copy <= i % 7; ++copy) {
        rows.weight.push_back(once.weight[i]);
        rows.reward.push_back(once.reward[i]);
        rows.cluster.push_back(static_cast<std::int64_t>(i));
      }
    }
    return rows;
  };
  EXPECT_GE(worst_large_sample_coverage("clusters", Estimator::kIps, kModerate.truth(), draw), .9);
  EXPECT_GE(worst_large_sample_coverage("clusters", Estimator::kBetaIps, kModerate.truth(), draw),
            .9);
  const auto blind = [&](std::uint32_t run) {
    WeightedRows rows = draw(run);
    rows.cluster.clear();
    return rows;
  };
  EXPECT_LE(
      worst_large_sample_coverage("blind to clusters", Estimator::kIps, kModerate.truth(), blind),
      .75);
}

}  // namespace
}  // namespace loopline::bandit
