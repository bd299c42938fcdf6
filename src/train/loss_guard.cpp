#include "loopline/train/loss_guard.h"

#include <cmath>

#include "loopline/stats/moments.h"

namespace loopline::train {

bool LossGuard::accepts(double loss) {
  if (!std::isfinite(loss)) return true;
  if (latest_.size() >= kNeeded) {
    stats::Moments moments;
    for (const double value : latest_) moments.add(value);
    const double deviation = std::sqrt(moments.population_variance());
    if (deviation > 0 && std::abs(loss - moments.mean()) > deviations_ * deviation) {
      ++rejected_;
      return false;
    }
  }
  latest_.push_back(loss);
  if (latest_.size() > kWindow) latest_.pop_front();
  return true;
}

nlohmann::json LossGuard::state() const { return {{"latest", latest_}, {"rejected", rejected_}}; }

void LossGuard::load_state(const nlohmann::json& state) {
  latest_ = state.at("latest").get<std::deque<double>>();
  rejected_ = state.at("rejected").get<std::int64_t>();
}

}  // namespace loopline::train
