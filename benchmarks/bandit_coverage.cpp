// How often intervals of nominal 95 % hold the true value of a policy where weights have heavy
// tails: bandit_coverage [REPEATS]. Prints tables in Markdown: every valid pair of an estimator and
// an interval, with exact (Clopper-Pearson 1934) 95 % intervals of the shares.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bandit/worlds.h"
#include "loopline/bandit/confidence_sequence.h"
#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/intervals.h"
#include "loopline/bandit/poisson_bootstrap.h"

namespace {

using namespace loopline::bandit;
using loopline::stats::Interval;

constexpr std::size_t kSizes[] = {500, 5000};
constexpr double kClip = 10, kLambda = .1;

struct HeavyWorld {
  char letter;
  std::string title;
  double truth;
  std::optional<TermRange> range;  // of w r
  std::function<WeightedRows(std::uint32_t run, std::size_t rows)> draw;
};

/// With a poor model: what it says of logged actions, whose mean under the policy is known.
HeavyWorld pareto(char letter, const std::string& title, double shape) {
  const ParetoWorld world{.shape = shape};
  const double above = (world.truth() - .3) / .3;  // the share of the policy in weights above 1
  const auto draw = [=](std::uint32_t run, std::size_t rows) {
    WeightedRows log = world.draw(run, rows);
    for (const double w : log.weight) {
      log.model_logged.push_back(w < 1 ? .4 : .5);
      log.model_policy.push_back(.4 * (1 - above) + .5 * above);
    }
    return log;
  };
  return {letter, title, world.truth(), std::nullopt, draw};
}

std::vector<HeavyWorld> heavy_worlds() {
  const SoftmaxWorld softmax{.logging_slope = -5, .target_slope = 5};
  return {
      pareto('A', "P(w > t) = (.6 / t)^2.5: the weights have a variance, and no third moment", 2.5),
      pareto('B', "P(w > t) = (.333 / t)^1.5: the weights have no variance", 1.5),
      {'C', "two opposite softmax policies over six actions: a weight of 43 at most, seldom",
       softmax.truth(), TermRange{0, softmax.largest_weight()},
       [=](std::uint32_t run, std::size_t rows) { return softmax.draw(run, rows); }},
  };
}

struct Tally {
  int held = 0, logs = 0;
  int usable_held = 0, usable = 0;  // of logs whose verdict is usable
  double width = 0;

  void add(const Interval& interval, double truth, bool is_usable) {
    const bool holds = interval.low <= truth && truth <= interval.high;
    held += holds, ++logs;
    if (is_usable) usable_held += holds, ++usable;
    width += interval.high - interval.low;
  }
};

/// P(X >= count) of a binomial X.
double upper_tail(int count, int trials, double p) {
  double sum = 0;
  for (int k = count; k <= trials; ++k) {
    sum += std::exp(std::lgamma(trials + 1.) - std::lgamma(k + 1.) - std::lgamma(trials - k + 1.) +
                    k * std::log(p) + (trials - k) * std::log1p(-p));
  }
  return sum;
}

/// The least p under which so many are not surprising: P(X >= count) = .025.
double exact_low(int count, int trials) {
  if (count == 0) return 0;
  double low = 0, high = 1;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (upper_tail(count, trials, middle) < .025 ? low : high) = middle;
  }
  return low;
}

struct Pair {
  EstimatorChoice choice;
  IntervalKind interval;
};

std::vector<EstimatorChoice> choices() {
  std::vector<EstimatorChoice> all;
  for (const EstimatorEntry& entry : estimator_table()) {
    if (entry.kind == Estimator::kDm) continue;  // its interval does not know the model's error
    EstimatorChoice& choice = all.emplace_back(EstimatorChoice{.kind = entry.kind});
    if (entry.parameter.required) choice.parameter = entry.parameter.name == "M" ? kClip : kLambda;
  }
  return all;
}

std::vector<Pair> valid_pairs() {
  std::vector<Pair> pairs;
  for (const EstimatorChoice& choice : choices()) {
    for (const IntervalKind kind : valid_intervals(choice)) {
      // Ranges are known of w r alone.
      if (kind == IntervalKind::kBernstein && choice.kind != Estimator::kIps) continue;
      pairs.push_back({choice, kind});
    }
  }
  return pairs;
}

struct SizeResult {
  std::vector<Tally> tallies;
  int usable = 0, doubtful = 0;
};

SizeResult measure(const HeavyWorld& world, const std::vector<Pair>& pairs, std::size_t rows,
                   int repeats) {
  const std::vector<EstimatorChoice> all = choices();
  SizeResult result{.tallies = std::vector<Tally>(pairs.size())};
  for (int run = 0; run < repeats; ++run) {
    const WeightedRows log = world.draw(static_cast<std::uint32_t>(run), rows);
    std::vector<Estimate> estimates;
    for (const EstimatorChoice& choice : all) {
      EstimateAccumulator accumulator(choice);
      accumulator.add(log);
      estimates.push_back(accumulator.finish());
    }
    PoissonBootstrap bootstrap(functionals_of(all), {.seed = static_cast<std::uint64_t>(run)});
    bootstrap.add(log, terms_of(all, log));
    ConfidenceSequence sequence;
    sequence.add(log);
    DiagnosticsAccumulator weights;
    weights.add(log);
    const VerdictLevel level = judge(weights.finish()).level;
    result.usable += level == VerdictLevel::kUsable;
    result.doubtful += level == VerdictLevel::kDoubtful;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i].interval == IntervalKind::kBernstein && !world.range) continue;
      const auto place =
          static_cast<std::size_t>(std::find_if(all.begin(), all.end(),
                                                [&](const EstimatorChoice& one) {
                                                  return one.kind == pairs[i].choice.kind;
                                                }) -
                                   all.begin());
      const Interval interval =
          pairs[i].interval == IntervalKind::kBootstrap ? bootstrap.finish(place, estimates[place])
          : pairs[i].interval == IntervalKind::kSequence
              ? sequence.finish(estimates[place])
              : closed_interval(estimates[place], pairs[i].interval, .95, world.range);
      result.tallies[i].add(interval, world.truth, level == VerdictLevel::kUsable);
    }
  }
  return result;
}

std::string share_text(int held, int logs) {
  char text[60];
  std::snprintf(text, sizeof text, "%.1f (%.1f to %.1f)", 100. * held / logs,
                100 * exact_low(held, logs), 100 * (1 - exact_low(logs - held, logs)));
  return text;
}

std::string held_text(const Tally& tally) { return share_text(tally.held, tally.logs); }

std::string usable_text(const Tally& tally) {
  return tally.usable == 0 ? "" : share_text(tally.usable_held, tally.usable);
}

std::string width_text(const Tally& tally) {
  char text[30];
  std::snprintf(text, sizeof text, "%.3g", tally.width / tally.logs);
  return text;
}

using Results = std::vector<std::vector<SizeResult>>;  // [world][size]

void print_table(const char* what, const std::vector<HeavyWorld>& worlds,
                 const std::vector<Pair>& pairs, const Results& results,
                 std::string (*text)(const Tally&)) {
  std::printf("\n%s\n\n| estimator | interval |", what);
  for (const HeavyWorld& world : worlds) {
    for (const std::size_t rows : kSizes) std::printf(" %c, %zu |", world.letter, rows);
  }
  std::printf("\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    std::printf("| %s | %s |", std::string(entry_of(pairs[i].choice.kind).name).c_str(),
                std::string(name_of(pairs[i].interval)).c_str());
    for (const std::vector<SizeResult>& of_world : results) {
      for (const SizeResult& result : of_world) {
        const Tally& tally = result.tallies[i];
        std::printf(" %s |", tally.logs == 0 ? "" : text(tally).c_str());
      }
    }
    std::printf("\n");
  }
}

void print_world(const HeavyWorld& world, const std::vector<SizeResult>& results, int repeats) {
  std::printf("%c: %s; value %.4g", world.letter, world.title.c_str(), world.truth);
  for (std::size_t s = 0; s < results.size(); ++s) {
    std::printf("; of logs of %zu rows %.1f %% usable, %.1f %% doubtful", kSizes[s],
                100. * results[s].usable / repeats, 100. * results[s].doubtful / repeats);
  }
  std::printf("\n");
}

}  // namespace

int main(int count, char** argument) {
  const int repeats = count > 1 ? std::atoi(argument[1]) : 1000;
  if (repeats < 1 || count > 2) {
    std::fprintf(stderr, "usage: bandit_coverage [REPEATS]\n");
    return 2;
  }
  const std::vector<HeavyWorld> worlds = heavy_worlds();
  const std::vector<Pair> pairs = valid_pairs();
  Results results;
  for (const HeavyWorld& world : worlds) {
    std::vector<SizeResult>& of_world = results.emplace_back();
    for (const std::size_t rows : kSizes) of_world.push_back(measure(world, pairs, rows, repeats));
    print_world(world, of_world, repeats);
  }
  print_table("Logs whose interval holds the value, %", worlds, pairs, results, held_text);
  print_table("The same of the logs whose verdict is usable, %", worlds, pairs, results,
              usable_text);
  print_table("Mean width", worlds, pairs, results, width_text);
}
