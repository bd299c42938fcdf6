#include "loopline/experiment/score.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/io/image.h"
#include "loopline/io/prompt.h"
#include "loopline/reward/reward_sum.h"
#include "loopline/stats/moments.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/pictures.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool is_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return (extension == ".png" || extension == ".jpg" || extension == ".jpeg") &&
         !is_temporary(path);
}

std::vector<fs::path> image_files(const std::vector<fs::path>& named) {
  std::vector<fs::path> files;
  for (const fs::path& path : named) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file() && is_image_name(entry.path())) inside.push_back(entry.path());
    }
    if (inside.empty()) throw Error(path.string(), "holds no .png, .jpg or .jpeg file");
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

bool reads_prompts(const io::RewardBundle& bundle) {
  return std::any_of(bundle.inputs.begin(), bundle.inputs.end(), [](const auto& input) {
    return input.kind != io::RewardInput::Kind::kImages;
  });
}

std::vector<io::Prompt> image_prompts(const ScoreRequest& request, const reward::RewardPlan& plan,
                                      std::size_t images) {
  if (request.prompts) {
    std::vector<io::Prompt> prompts = io::read_prompts(*request.prompts);
    if (prompts.size() != images) {
      throw Error(request.prompts->string(),
                  "holds " + std::to_string(prompts.size()) + " prompts for " +
                      std::to_string(images) + " images",
                  "give one prompt an image, in the order of the images");
    }
    return prompts;
  }
  for (const auto& bundle : plan.bundles) {
    if (!bundle || !reads_prompts(*bundle) || request.prompt) continue;
    throw Error("reward \"" + bundle->name + "\"",
                "reads the prompt of an image, and there is none",
                "give --prompt TEXT or --prompts FILE");
  }
  return std::vector<io::Prompt>(images, io::make_prompt(request.prompt.value_or("")));
}

bool takes_three_channels(const reward::RewardPlan& plan) {
  return std::any_of(plan.bundles.begin(), plan.bundles.end(),
                     [](const auto& bundle) { return bundle && bundle->image.channels == 3; });
}

at::Tensor load_image(const fs::path& file, bool three_channels) {
  const at::Tensor image = tensor::tensor_from_image(io::read_image(file));
  return three_channels ? tensor::as_three_channels(image) : image;
}

/// The files scored so far, one row each, and what scores the next.
struct Scoring {
  std::unique_ptr<reward::RewardSum> reward;
  std::vector<fs::path> files;
  std::vector<io::Prompt> prompts;
  Json rows = Json::array();

  /// Scores the next files, whose images have one size.
  void add(const std::vector<at::Tensor>& images);
};

void Scoring::add(const std::vector<at::Tensor>& images) {
  const std::size_t begin = rows.size(), end = begin + images.size();
  const std::vector<io::Prompt> own(prompts.begin() + static_cast<std::ptrdiff_t>(begin),
                                    prompts.begin() + static_cast<std::ptrdiff_t>(end));
  reward::Scores scores;
  try {
    scores = reward->score(at::stack(images), own);
    reward::check_finite(scores, own, reward->name());
  } catch (const Error& error) {
    const std::string last = images.size() == 1 ? "" : " to " + files[end - 1].string();
    throw Error(files[begin].string() + last, error.what(), "", error.exit_code());
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    Json row{{"file", files[begin + i].string()},
             {"prompt", own[i].text},
             {"valid", static_cast<bool>(scores.valid[i])},
             {"total", scores.valid[i] ? Json(scores.total[i]) : Json()},
             {"components", Json::object()}};
    for (const auto& [name, values] : scores.components) row["components"][name] = values[i];
    rows.push_back(std::move(row));
  }
}

/// Mean total and components over the valid rows; null without any.
Json mean_of_valid(const Json& rows, const std::vector<std::string>& components) {
  stats::Moments total;
  std::vector<stats::Moments> moments(components.size());
  for (const Json& row : rows) {
    if (!row["valid"].get<bool>()) continue;
    total.add(row["total"].get<double>());
    for (std::size_t c = 0; c < components.size(); ++c) {
      moments[c].add(row["components"][components[c]].get<double>());
    }
  }
  if (total.count() == 0) return nullptr;
  Json mean{{"total", total.mean()}, {"components", Json::object()}};
  for (std::size_t c = 0; c < components.size(); ++c) {
    mean["components"][components[c]] = moments[c].mean();
  }
  return mean;
}

}  // namespace

Json score_images(const ScoreRequest& request, run::Progress& progress) {
  LOOPLINE_CHECK(request.micro_batch > 0, "a micro-batch holds an image");
  const reward::RewardPlan plan = reward::plan_reward(request.reward);
  Scoring scoring;
  scoring.files = image_files(request.images);
  scoring.prompts = image_prompts(request, plan, scoring.files.size());
  scoring.reward = reward::make_reward_sum(plan, tensor::parse_device(request.device));
  progress.start("scoring", static_cast<std::int64_t>(scoring.files.size()));
  const bool three_channels = takes_three_channels(plan);
  std::vector<at::Tensor> batch;
  const auto score_batch = [&] {
    scoring.add(batch);
    batch.clear();
    progress.update(static_cast<std::int64_t>(scoring.rows.size()), "");
    if (interrupted()) throw stopped("score");
  };
  for (const fs::path& file : scoring.files) {
    const at::Tensor image = load_image(file, three_channels);
    const bool full = batch.size() == static_cast<std::size_t>(request.micro_batch);
    if (full || (!batch.empty() && batch.front().sizes() != image.sizes())) score_batch();
    batch.push_back(image);
  }
  score_batch();
  progress.finish();
  const std::vector<std::string>& components = scoring.reward->component_names();
  return {{"reward", scoring.reward->name()},
          {"hash", plan.hash},
          {"mean", mean_of_valid(scoring.rows, components)},
          {"images", std::move(scoring.rows)}};
}

}  // namespace loopline::experiment
