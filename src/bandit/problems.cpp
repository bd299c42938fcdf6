#include "loopline/bandit/problems.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "loopline/core/error.h"
#include "loopline/core/hash.h"
#include "loopline/core/text.h"

namespace loopline::bandit {
namespace {

using config::option;

void describe_world(ProblemsConfig::WorldConfig& w, config::OptionVisitor& v) {
  v.field(option("kind",
                 "synthetic: logistic rewards of polynomials; labelled: a labelled CSV file as a "
                 "bandit.")
              .one_of({"synthetic", "labelled"}),
          w.kind);
  v.field(option("actions", "Of a synthetic world.").range(2, 100000), w.synthetic.actions);
  v.field(option("dimensions", "Of a synthetic world's contexts.").range(1, 20),
          w.synthetic.dimensions);
  v.field(option("degree", "Of a synthetic world's polynomials, and what multiplies their z-score.")
              .range(1, 8),
          w.synthetic.degree);
  v.field(option("kept", "Share of a synthetic world's monomials that count.").range(0, 1),
          w.synthetic.kept);
  v.field(option("reference_z_score",
                 "Whether a synthetic world's z-score is x - mean / deviation, as the program of "
                 "the paper has it by mistake."),
          w.synthetic.reference_z_score);
  v.field(option("files", "Of a labelled world: CSV files with a header.").path(), w.files);
  v.field(option("label", "Of a labelled world: column of the label."), w.label);
  v.field(option("features", "Of a labelled world: columns of the context, or patterns."),
          w.features);
  v.field(option("categorical", "Of a labelled world: features whose numbers are names."),
          w.categorical);
  v.field(option("logging_share",
                 "Of a labelled world: share of the rows that the logging policy is fitted to.")
              .range(0, 1),
          w.labelled.logging_share);
  v.field(
      option("target_share", "Of a labelled world: share of the rows that the target is fitted to.")
          .range(0, 1),
      w.labelled.target_share);
  v.field(option("hash", "Of a labelled world: content of its files. Filled in."), w.hash);
}

std::string cell_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

}  // namespace

void ProblemsConfig::describe(config::OptionVisitor& v) {
  v.field(option("temperatures",
                 "beta_t of the logging policy softmax(beta_t q): above 0 it is a good one, below "
                 "0 a bad one.")
              .changes_on_resume(),
          temperatures);
  v.field(option("rows", "Lengths of the logs.").range(1, 1e9).changes_on_resume().must_be_given(),
          rows);
  v.field(option("seeds", "How many: each is another world and other logs.")
              .range(1, 1000000)
              .changes_on_resume(),
          seeds);
  v.field(option("first_seed", "The others follow.").at_least(0).changes_on_resume(), first_seed);
  v.section("world", "What is simulated.", [&] { describe_world(world, v); });
}

void ProblemsConfig::check() const {
  if (temperatures.empty()) throw Error("temperatures", "there is none");
  if (rows.empty()) throw Error("rows", "there is none");
  if (std::set<double>(temperatures.begin(), temperatures.end()).size() != temperatures.size()) {
    throw Error("temperatures", "one is there twice");
  }
  if (std::set<std::int64_t>(rows.begin(), rows.end()).size() != rows.size()) {
    throw Error("rows", "one is there twice");
  }
  const bool is_labelled = world.kind == "labelled";
  if (is_labelled && (world.files.empty() || !world.label || world.features.empty())) {
    throw Error("world", "a labelled world needs files, label and features");
  }
  if (!is_labelled && (!world.files.empty() || world.label || !world.features.empty())) {
    throw Error("world.kind",
                "files, label and features are of a labelled world, and this one is "
                "synthetic",
                "set world.kind to labelled");
  }
}

void ProblemsConfig::hash_files() {
  if (world.kind != "labelled") return;
  std::vector<std::string> hashes;
  for (const std::string& file : world.files) hashes.push_back(sha256_file(file));
  const std::string hash = sha256(join(hashes));
  if (world.hash && *world.hash != hash) {
    throw Error("world.hash", "the labelled files are " + hash + ", not " + *world.hash);
  }
  world.hash = hash;
}

std::string CellKey::name() const {
  return "temperature_" + cell_number(temperature) + "_rows_" + std::to_string(rows) + "_seed_" +
         std::to_string(seed);
}

std::vector<CellKey> keys_of(const ProblemsConfig& config) {
  std::vector<std::int64_t> lengths = config.rows;
  std::sort(lengths.begin(), lengths.end());
  std::vector<CellKey> keys;
  for (const std::int64_t rows : lengths) {
    for (std::int64_t seed = 0; seed < config.seeds; ++seed) {
      for (const double temperature : config.temperatures) {
        keys.push_back({temperature, rows, config.first_seed + seed});
      }
    }
  }
  return keys;
}

std::shared_ptr<const LabelledData> read_data(const ProblemsConfig& config) {
  if (config.world.kind != "labelled") return nullptr;
  return std::make_shared<const LabelledData>(read_labelled(
      config.world.files, *config.world.label, config.world.features, config.world.categorical));
}

std::unique_ptr<World> make_world(const ProblemsConfig& config,
                                  const std::shared_ptr<const LabelledData>& data,
                                  const CellKey& key) {
  const WorldKey drawn{static_cast<std::uint64_t>(key.seed), WorldPart::kEvaluated};
  if (data) {
    return std::make_unique<LabelledWorld>(data, config.world.labelled, key.temperature, drawn);
  }
  return std::make_unique<SyntheticWorld>(config.world.synthetic, key.temperature, drawn, key.rows);
}

}  // namespace loopline::bandit
