#include "loopline/diffusion/transition.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <optional>
#include <string>

#include "ddim_steps.h"
#include "loopline/core/error.h"

namespace loopline::diffusion {
namespace {

// Everything is linear in x_t and the network's output, x0 = u x_t + w out, and with
// eps = (x_t - sqrt(a_t) x0) / sqrt(1 - a_t) the mean is k x0 + l x_t. Taking the products in fp64
// leaves two fp32 multiplications a step and no cancellation near alpha_t = 0.
struct Linear {
  double latents = 0;
  double other = 0;
};

Linear original_sample(io::PredictionType prediction, const Step& step) {
  const double signal = std::sqrt(step.alpha_t);
  const double noise = std::sqrt(1 - step.alpha_t);
  switch (prediction) {
    case io::PredictionType::kEpsilon:
      return {1 / signal, -noise / signal};
    case io::PredictionType::kVPrediction:
      return {signal, -noise};
    case io::PredictionType::kSample:
      return {0, 1};
  }
  LOOPLINE_CHECK(false, "a prediction type without a formula");
  return {};
}

Linear mean_of_original_sample(const Step& step) {
  const double scale = step.direction / std::sqrt(1 - step.alpha_t);
  return {scale, std::sqrt(step.alpha_s) - scale * std::sqrt(step.alpha_t)};
}

}  // namespace

/// The steps as fp32 tables on the devices that asked for them.
class Transition::Coefficients {
 public:
  enum Column {
    kOriginalLatents,
    kOriginalOutput,
    kMeanLatents,
    kMeanOther,
    kNoiseSigma,
    kDensitySigma,
    kLogDensitySigma,
    kHasDensity,
    kColumns
  };

  Coefficients(const std::vector<Step>& steps, io::PredictionType prediction,
               std::optional<double> clip_range)
      : prediction_(prediction), clip_range_(clip_range) {
    const auto count = static_cast<std::int64_t>(steps.size());
    host_.values = at::empty({count, kColumns}, at::kDouble);
    host_.timesteps = at::empty({count}, at::kLong);
    double* row = host_.values.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < count; ++i, row += kColumns) {
      fill(row, steps[static_cast<std::size_t>(i)]);
      host_.timesteps.mutable_data_ptr<std::int64_t>()[i] =
          steps[static_cast<std::size_t>(i)].timestep;
    }
    // One contiguous line a coefficient.
    host_.values = host_.values.t().to(at::kFloat).contiguous();
  }

  std::optional<double> clip_range() const { return clip_range_; }
  io::PredictionType prediction() const { return prediction_; }

  at::Tensor timesteps(const at::Tensor& step) const {
    return on(step.device()).timesteps.gather(0, step);
  }

  /// A coefficient of rows, [N], shaped to multiply a tensor of `dimensions` dimensions.
  at::Tensor gather(Column column, const at::Tensor& step, std::int64_t dimensions = 1) const {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions), 1);
    shape[0] = step.size(0);
    return on(step.device()).values.select(0, column).gather(0, step).view(shape);
  }

 private:
  struct Tables {
    at::Tensor values;     // float32 [kColumns, T]
    at::Tensor timesteps;  // int64 [T]
  };

  void fill(double* row, const Step& step) const {
    const Linear original = original_sample(prediction_, step);
    const Linear mean = mean_of_original_sample(step);
    row[kOriginalLatents] = original.latents;
    row[kOriginalOutput] = original.other;
    row[kMeanLatents] = mean.latents;
    row[kMeanOther] = mean.other;
    if (!clip_range_) {  // nothing happens to x0 on the way: go from the output to the mean
      row[kMeanLatents] += mean.other * original.latents;
      row[kMeanOther] *= original.other;
    }
    const double density_sigma = step.stochastic() ? step.noise_sigma : 1;
    row[kNoiseSigma] = step.noise_sigma;
    row[kDensitySigma] = density_sigma;
    row[kLogDensitySigma] = std::log(density_sigma);
    row[kHasDensity] = step.stochastic() ? 1 : 0;
  }

  const Tables& on(const at::Device& device) const {
    if (device.is_cpu()) return host_;
    const std::lock_guard lock(mutex_);
    const auto [entry, is_new] = on_device_.try_emplace(device.str());
    if (is_new) entry->second = {host_.values.to(device), host_.timesteps.to(device)};
    return entry->second;  // a map's nodes stay where they are
  }

  io::PredictionType prediction_;
  std::optional<double> clip_range_;
  Tables host_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Tables> on_device_;
};

Transition::Transition(const io::ScheduleSpec& schedule, io::PredictionType prediction,
                       const io::TransitionSpec& transition)
    : steps_(make_ddim_steps(schedule, prediction, transition)),
      coefficients_(std::make_shared<Coefficients>(
          steps_, prediction,
          transition.clip_sample ? std::optional(transition.clip_sample_range) : std::nullopt)) {}

Transition Transition::with_noise_in(const std::vector<std::int64_t>& steps) const {
  Transition result = *this;
  for (std::int64_t i = 0; i < num_steps(); ++i) {
    if (std::find(steps.begin(), steps.end(), i) != steps.end()) continue;
    Step& step = result.steps_[static_cast<std::size_t>(i)];
    step.sigma = step.noise_sigma = 0;
    step.direction = std::sqrt(std::max(1 - step.alpha_s, 0.0));
  }
  result.coefficients_ = std::make_shared<Coefficients>(result.steps_, coefficients_->prediction(),
                                                        coefficients_->clip_range());
  return result;
}

std::vector<std::int64_t> Transition::stochastic_steps() const {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < num_steps(); ++i) {
    if (steps_[static_cast<std::size_t>(i)].stochastic()) indices.push_back(i);
  }
  return indices;
}

at::Tensor Transition::timesteps(const at::Tensor& step) const {
  return coefficients_->timesteps(step);
}

at::Tensor Transition::mean(const at::Tensor& latents, const at::Tensor& output,
                            const at::Tensor& step) const {
  LOOPLINE_CHECK(latents.scalar_type() == at::kFloat && output.scalar_type() == at::kFloat,
                 "latents and network output are float32");
  LOOPLINE_CHECK(latents.sizes() == output.sizes(), "the output has the latents' shape");
  const auto gather = [&](Coefficients::Column column) {
    return coefficients_->gather(column, step, latents.dim());
  };
  const auto clip_range = coefficients_->clip_range();
  const at::Tensor other = clip_range ? (gather(Coefficients::kOriginalLatents) * latents +
                                         gather(Coefficients::kOriginalOutput) * output)
                                            .clamp(-*clip_range, *clip_range)
                                      : output;
  return gather(Coefficients::kMeanLatents) * latents + gather(Coefficients::kMeanOther) * other;
}

at::Tensor Transition::sample(const at::Tensor& mean, const at::Tensor& noise,
                              const at::Tensor& step) const {
  return mean + coefficients_->gather(Coefficients::kNoiseSigma, step, mean.dim()) * noise;
}

at::Tensor Transition::log_prob(const at::Tensor& next, const at::Tensor& mean,
                                const at::Tensor& step) const {
  LOOPLINE_CHECK(next.sizes() == mean.sizes(), "the next latents have the mean's shape");
  const double half_log_two_pi = 0.5 * std::log(2 * std::numbers::pi);
  const at::Tensor sigma = coefficients_->gather(Coefficients::kDensitySigma, step, mean.dim());
  const at::Tensor distance = ((next.detach() - mean) / sigma).square().flatten(1).mean(1);
  const at::Tensor log_sigma = coefficients_->gather(Coefficients::kLogDensitySigma, step);
  const at::Tensor has_density = coefficients_->gather(Coefficients::kHasDensity, step);
  return (-0.5 * distance - log_sigma - half_log_two_pi) * has_density;
}

at::Tensor Transition::noise_sigma(const at::Tensor& step) const {
  return coefficients_->gather(Coefficients::kNoiseSigma, step);
}

}  // namespace loopline::diffusion
