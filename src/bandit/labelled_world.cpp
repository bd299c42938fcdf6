#include "loopline/bandit/labelled_world.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "loopline/bandit/log_reader.h"
#include "loopline/bandit/log_survey.h"
#include "loopline/bandit/world_log.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"
#include "world_draws.h"

namespace loopline::bandit {
namespace {

/// Numeric columns to mean 0 and variance 1, so that one penalty fits them all.
void standardise(const FeatureEncoding& encoding, std::vector<double>& context) {
  ColumnMoments moments;
  moments.add(context, encoding.width());
  for (std::size_t c = 0; c < encoding.columns().size(); ++c) {
    if (encoding.columns()[c].categorical) continue;
    const std::size_t j = encoding.first(c);
    for (std::size_t i = j; i < context.size(); i += encoding.width()) {
      context[i] = (context[i] - moments.mean[j]) / moments.deviation(j);
    }
  }
}

}  // namespace

LabelledData read_labelled(const std::vector<std::string>& files, const std::string& label,
                           const std::vector<std::string>& features,
                           const std::vector<std::string>& categorical) {
  // The label is read as a categorical column, the first one: a pattern may match it, too.
  LogConfig log;
  log.files = files;
  log.context = {label};
  log.context.insert(log.context.end(), features.begin(), features.end());
  log.categorical = {label};
  log.categorical.insert(log.categorical.end(), categorical.begin(), categorical.end());
  const ReadOptions options{.needs_propensity = false, .needs_decision = false, .limits = {}};
  const LogEncoding all = learn_encoding(log, options);
  const std::vector<FeatureColumn>& columns = all.context.columns();
  LabelledData data;
  data.encoding = FeatureEncoding({columns.begin() + 1, columns.end()});
  data.features = data.encoding.width();
  data.classes = columns.front().categories;
  data.actions = data.classes.size();
  if (data.actions < 2) throw Error(files.front(), "holds a single label in " + label);
  if (data.features == 0) throw Error("world.features", "name no column besides the label");
  const std::size_t label_width = all.context.width() - data.features;
  LogReader reader(log, all, options);
  while (const auto block = reader.next()) {
    for (std::size_t i = 0; i < block->size(); ++i) {
      const auto row = block->context.begin() + static_cast<std::ptrdiff_t>(i * block->features);
      const auto own = row + static_cast<std::ptrdiff_t>(label_width);
      data.label.push_back(std::find(row, own, 1.0) - row);
      data.context.insert(data.context.end(), own,
                          own + static_cast<std::ptrdiff_t>(data.features));
    }
  }
  standardise(data.encoding, data.context);
  return data;
}

LabelledWorld::LabelledWorld(std::shared_ptr<const LabelledData> data, const LabelledConfig& config,
                             double temperature, WorldKey key)
    : data_(std::move(data)), config_(config), temperature_(temperature), key_(key) {
  encoding_.context = data_->encoding;
  const auto count = static_cast<std::int64_t>(data_->size());
  const auto share = [&](double part) {
    return static_cast<std::ptrdiff_t>(static_cast<double>(count) * part);
  };
  const std::ptrdiff_t logging = share(config.logging_share), target = share(config.target_share);
  if (logging < 1 || target < 1 || logging + target >= count) {
    throw Error("world", std::to_string(count) + " labelled rows are too few for these shares",
                "change world.logging_share and world.target_share");
  }
  const auto order = random_permutation(world_draw(key.seed, WorldDraw::kSplit), count);
  target_rows_.assign(order.begin() + logging, order.begin() + logging + target);
  population_.assign(order.begin() + logging + target, order.end());
  logging_ = fit({order.begin(), order.begin() + logging});
}

SoftmaxFit LabelledWorld::fit(const std::vector<std::int64_t>& rows) const {
  WeightedLabels labels{.features = data_->features};
  labels.weight.assign(rows.size(), 1.0);
  for (const std::int64_t row : rows) {
    const auto first = data_->context.begin() + static_cast<std::ptrdiff_t>(row) *
                                                    static_cast<std::ptrdiff_t>(data_->features);
    labels.context.insert(labels.context.end(), first,
                          first + static_cast<std::ptrdiff_t>(data_->features));
    labels.label.push_back(data_->label[static_cast<std::size_t>(row)]);
  }
  return fit_softmax(labels, data_->actions, config_.l2);
}

void LabelledWorld::fill(std::int64_t first, std::size_t count, WorldRows& rows) const {
  std::vector<std::int64_t> sources(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = first + static_cast<std::int64_t>(i);
    const auto pick = random_integers(row_draw(key_, WorldDraw::kContext, number),
                                      static_cast<std::uint32_t>(population_.size()), 1);
    sources[i] = population_[pick.front()];
  }
  describe_rows(sources, rows);
  rows.first_row = first;
}

void LabelledWorld::visit_truth(std::int64_t,
                                const std::function<void(const WorldRows& rows)>& use) const {
  const std::span<const std::int64_t> all(population_);
  WorldRows rows;
  for (std::size_t first = 0; first < all.size(); first += kWorldRows) {
    if (interrupted()) throw stopped("the simulation");
    describe_rows(all.subspan(first, std::min(kWorldRows, all.size() - first)), rows);
    rows.first_row = static_cast<std::int64_t>(first);
    use(rows);
  }
}

void LabelledWorld::describe_rows(std::span<const std::int64_t> sources, WorldRows& rows) const {
  const std::size_t width = data_->features, count = sources.size();
  rows.rows = count;
  rows.features = width;
  rows.actions = actions();
  rows.context.resize(count * width);
  rows.reward.assign(count * actions(), 0.0);
  rows.logging.resize(count * actions());
  const double least = temperature_ < 0 ? 0 : 1;
  std::vector<double> p(actions());
  for (std::size_t i = 0; i < count; ++i) {
    const auto source = static_cast<std::size_t>(sources[i]);
    const double* x = data_->context.data() + source * width;
    std::copy(x, x + width, rows.context.begin() + static_cast<std::ptrdiff_t>(i * width));
    rows.reward[i * actions() + static_cast<std::size_t>(data_->label[source])] = 1;
    for (std::size_t a = 0; a < p.size(); ++a) {
      p[a] = logging_.bias[a];
      for (std::size_t j = 0; j < width; ++j) p[a] += logging_.weight[a * width + j] * x[j];
    }
    const double most = *std::max_element(p.begin(), p.end());
    double sum = 0, total = 0;
    for (double& value : p) sum += value = std::exp(value - most);
    for (double& value : p) total += value = std::exp(temperature_ * (value / sum - least));
    for (std::size_t a = 0; a < p.size(); ++a) rows.logging[i * actions() + a] = p[a] / total;
  }
}

double LabelledWorld::value_of(const Policy& policy) const {
  LogBlock row;
  row.features = data_->features;
  row.action = {0};
  double sum = 0;
  std::vector<double> probability;
  for (const std::int64_t source : population_) {
    const double* x = data_->context.data() + static_cast<std::size_t>(source) * data_->features;
    row.context.assign(x, x + data_->features);
    policy.answer(row, 0, probability);
    sum += probability[static_cast<std::size_t>(data_->label[static_cast<std::size_t>(source)])];
  }
  return sum / static_cast<double>(population_.size());
}

}  // namespace loopline::bandit
