#include "curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace loopline::report::summary {
namespace {

constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kGridPoints = 60;
constexpr std::size_t kLatestIterations = 5;

struct Axis {
  const char* name;
  std::vector<double> Curve::*values;
};
constexpr Axis kAxes[] = {
    {"images", &Curve::images}, {"updates", &Curve::updates}, {"seconds", &Curve::seconds}};

/// On the straight line between two points; `at` lies within x.
double interpolated(const Smooth& curve, double at) {
  const auto above = std::lower_bound(curve.x.begin(), curve.x.end(), at);
  const std::size_t i = static_cast<std::size_t>(above - curve.x.begin());
  if (i == curve.x.size()) return curve.y.back();
  if (i == 0 || *above == at) return curve.y[i];
  return std::lerp(curve.y[i - 1], curve.y[i],
                   (at - curve.x[i - 1]) / (curve.x[i] - curve.x[i - 1]));
}

/// Where all curves are; the curves' own points when they are few and the same.
std::vector<double> common_grid(const std::vector<Smooth>& curves) {
  double first = curves.front().x.front();
  double last = curves.front().x.back();
  std::size_t points = 0;
  bool is_same = true;
  for (const Smooth& curve : curves) {
    first = std::max(first, curve.x.front());
    last = std::min(last, curve.x.back());
    points = std::max(points, curve.x.size());
    is_same = is_same && curve.x == curves.front().x;
  }
  if (is_same && points <= kGridPoints) return curves.front().x;
  if (first > last) return {};
  if (first == last) return {first};
  points = std::clamp<std::size_t>(points, 2, kGridPoints);
  std::vector<double> grid;
  for (std::size_t i = 0; i < points; ++i) {
    grid.push_back(
        std::lerp(first, last, static_cast<double>(i) / static_cast<double>(points - 1)));
  }
  return grid;
}

Json arm_json(const std::vector<Smooth>& curves, Intervals& intervals) {
  const std::vector<double> grid = common_grid(curves);
  std::vector<double> mean, low, high;
  for (const double at : grid) {
    std::vector<double> values;
    for (const Smooth& curve : curves) values.push_back(interpolated(curve, at));
    const stats::Interval interval = intervals.of_values(values);
    mean.push_back(interval.mean);
    low.push_back(interval.low);
    high.push_back(interval.high);
  }
  return {{"x", json_numbers(grid)},
          {"mean", json_numbers(mean)},
          {"low", json_numbers(low)},
          {"high", json_numbers(high)}};
}

}  // namespace

std::string curve_of(const std::string& metric) {
  if (metric == "reward") return "reward/mean";
  if (metric == "diversity") return "image/diversity";
  return "judge/" + metric;
}

std::vector<double> logged(const Curve& curve, const std::string& name) {
  if (name == "policy/clip_fraction") {
    std::vector<double> sum = logged(curve, "policy/clip_fraction_high");
    const std::vector<double> low = logged(curve, "policy/clip_fraction_low");
    if (sum.size() != low.size()) return {};
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += low[i];
    return sum;
  }
  const auto found = curve.metrics.find(name);
  if (found == curve.metrics.end() || found->second.size() != curve.images.size()) return {};
  return found->second;
}

Smooth smoothed(const Curve& curve, const std::string& name, std::int64_t window,
                const std::vector<double>& x) {
  const std::vector<double> values = logged(curve, name);
  Smooth result;
  if (x.size() < values.size()) return result;
  std::size_t first = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    while (curve.images[first] <= curve.images[i] - static_cast<double>(window)) ++first;
    double sum = 0;
    double count = 0;
    for (std::size_t j = first; j <= i; ++j) {
      if (std::isnan(values[j])) continue;
      sum += values[j];
      count += 1;
    }
    // Steps of x must go forward: what changed nothing there is the same point.
    if (count == 0 || (!result.x.empty() && x[i] <= result.x.back())) continue;
    result.x.push_back(x[i]);
    result.y.push_back(sum / count);
  }
  return result;
}

double area(const Curve& curve, const std::string& name, std::int64_t window) {
  const Smooth smooth = smoothed(curve, name, window, curve.images);
  return stats::area_under_curve(smooth.x, smooth.y);
}

std::optional<double> images_to(const Curve& curve, const std::string& name, std::int64_t window,
                                double level) {
  const Smooth smooth = smoothed(curve, name, window, curve.images);
  const auto whole =
      std::lower_bound(smooth.x.begin(), smooth.x.end(), static_cast<double>(window));
  const auto skipped = static_cast<std::size_t>(whole - smooth.x.begin());
  return stats::first_crossing(std::span(smooth.x).subspan(skipped),
                               std::span(smooth.y).subspan(skipped), level);
}

double last_values(const Curve& curve, const std::string& name) {
  const std::vector<double> values = logged(curve, name);
  double sum = 0;
  std::size_t count = 0;
  for (auto value = values.rbegin(); value != values.rend() && count < kLatestIterations; ++value) {
    if (std::isnan(*value)) continue;
    sum += *value;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : kNotMeasured;
}

Json curves_json(const Arms& arms, const std::vector<std::string>& names, std::int64_t window,
                 Intervals& intervals) {
  Json json = Json::object();
  for (const std::string& name : names) {
    Json by_axis = Json::object();
    for (const Axis& axis : kAxes) {
      for (const Arm& arm : arms.list) {
        std::vector<Smooth> curves;
        for (const Cell* cell : arm.runs) {
          Smooth curve = smoothed(cell->curve, name, window, cell->curve.*axis.values);
          if (!curve.x.empty()) curves.push_back(std::move(curve));
        }
        if (!curves.empty()) by_axis[axis.name][arm.name] = arm_json(curves, intervals);
      }
    }
    if (!by_axis.empty()) json[name] = by_axis;
  }
  return json;
}

}  // namespace loopline::report::summary
