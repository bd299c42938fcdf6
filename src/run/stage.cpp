#include "stage.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "loopline/core/text.h"

namespace loopline::run {

double Stage::share() const {
  const double units = static_cast<double>(done) + within;
  return total > 0 ? std::clamp(units / static_cast<double>(total), 0.0, 1.0) : 0.0;
}

std::string Stage::percentage() const {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%3.0f%%", std::floor(100 * share()));
  return buffer.data();
}

std::string Stage::count() const { return std::to_string(done) + "/" + std::to_string(total); }

std::string Stage::time(double now) const {
  const double elapsed = now - started;
  std::string words = human_duration(elapsed);
  const double units = static_cast<double>(done - done_before) + within;
  const double remaining = static_cast<double>(total - done) - within;
  if (units > 0 && remaining > 0) {
    words += ", " + human_duration(elapsed * remaining / units) + " left";
  }
  return words;
}

}  // namespace loopline::run
