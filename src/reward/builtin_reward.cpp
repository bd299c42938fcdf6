#include "loopline/reward/builtin_reward.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/io/image.h"

namespace loopline::reward {
namespace {

constexpr int kJpegQuality = 95;
constexpr double kBytesPerKilobyte = 1000;

/// One image in [0, 1], planar, on the host. Its planes are read one value after the other, so that
/// a result depends on no thread and no other image of the batch.
struct Picture {
  const float* values;
  int channels, height, width;

  std::int64_t pixels() const { return std::int64_t{height} * width; }
  int colours() const { return std::min(channels, 3); }
};

double jpeg_kilobytes(const Picture& picture) {
  const io::Image image =
      io::image_from_planar(picture.values, picture.channels, picture.height, picture.width);
  return static_cast<double>(io::encode_jpeg(image, kJpegQuality).size()) / kBytesPerKilobyte;
}

double jpeg_compressibility(const Picture& picture) { return -jpeg_kilobytes(picture); }

double brightness(const Picture& picture) {
  const std::int64_t count = picture.colours() * picture.pixels();
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += picture.values[i];
  return sum / static_cast<double>(count);
}

/// Mean and population variance, in two passes.
template <class Value>
std::pair<double, double> mean_and_variance(std::int64_t count, const Value& value) {
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += value(i);
  const double mean = sum / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) squares += (value(i) - mean) * (value(i) - mean);
  return {mean, squares / static_cast<double>(count)};
}

double colourfulness(const Picture& picture) {
  if (picture.colours() < 3) return 0;
  const float* red = picture.values;
  const float* green = red + picture.pixels();
  const float* blue = green + picture.pixels();
  const auto [mean_rg, variance_rg] = mean_and_variance(
      picture.pixels(), [&](std::int64_t i) { return 255.0 * (double{red[i]} - green[i]); });
  const auto [mean_yb, variance_yb] = mean_and_variance(picture.pixels(), [&](std::int64_t i) {
    return 255.0 * (0.5 * (double{red[i]} + green[i]) - blue[i]);
  });
  return std::sqrt(variance_rg + variance_yb) + 0.3 * std::hypot(mean_rg, mean_yb);
}

using Measure = double (*)(const Picture&);

const std::vector<std::pair<std::string, Measure>>& measures() {
  static const std::vector<std::pair<std::string, Measure>> table{
      {"jpeg_compressibility", jpeg_compressibility},
      {"jpeg_incompressibility", jpeg_kilobytes},
      {"brightness", brightness},
      {"colourfulness", colourfulness},
  };
  return table;
}

class BuiltinReward : public Reward {
 public:
  BuiltinReward(const std::string& name, Measure measure)
      : name_(name), component_names_{name}, measure_(measure) {}

  const std::string& name() const override { return name_; }
  const std::vector<std::string>& component_names() const override { return component_names_; }

  Scores score(const at::Tensor& images, const std::vector<io::Prompt>&) override {
    const at::Tensor host = images.to(at::kCPU, at::kFloat).contiguous();
    Picture picture{host.const_data_ptr<float>(), static_cast<int>(host.size(1)),
                    static_cast<int>(host.size(2)), static_cast<int>(host.size(3))};
    Scores scores;
    for (std::int64_t i = 0; i < host.size(0); ++i) {
      scores.total.push_back(measure_(picture));
      picture.values += picture.channels * picture.pixels();
    }
    scores.components.emplace_back(name_, scores.total);
    scores.valid.assign(scores.total.size(), true);
    return scores;
  }

 private:
  std::string name_;
  std::vector<std::string> component_names_;
  Measure measure_;
};

}  // namespace

const std::vector<std::string>& builtin_reward_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& entry : measures()) all.push_back(entry.first);
    return all;
  }();
  return names;
}

bool is_builtin_reward(const std::string& name) {
  const std::vector<std::string>& names = builtin_reward_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::unique_ptr<Reward> make_builtin_reward(const std::string& name) {
  for (const auto& [known, measure] : measures()) {
    if (known == name) return std::make_unique<BuiltinReward>(name, measure);
  }
  LOOPLINE_CHECK(false, "no built-in reward \"" + name + "\"");
}

}  // namespace loopline::reward
