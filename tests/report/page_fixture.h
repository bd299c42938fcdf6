#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace loopline::report {

using Json = nlohmann::ordered_json;

/// A report as summary.h describes it, with invented numbers that are all different, so that a
/// number in the wrong cell is seen.
class PageFixture {
 public:
  explicit PageFixture(std::vector<std::string> arms = {"loop", "ppo", "reinforce"}, int seeds = 3)
      : arms_(std::move(arms)), seeds_(seeds) {
    report_ = {{"format", "loopline-report"},
               {"version", 1},
               {"title", "Three algorithms on the emoji world"},
               {"command", "loopline compare configs/emoji/compare.yaml --out report"},
               {"metric", "oracle_joint"},
               {"split", "rl"},
               {"target", 0.7},
               {"versions", {{"loopline", "0.1.0"}, {"torch", "2.14.1"}}},
               {"problems", Json::array()},
               {"running", Json::array()},
               {"seeds", seed_list()},
               {"splits", {"rl", "held_out"}},
               {"metrics", {"oracle_joint", "reward", "swap_rate", "diversity"}}};
    add_base();
    report_["algorithms"] = Json::object();
    for (std::size_t i = 0; i < arms_.size(); ++i) add_arm(arms_[i], "main", i);
    add_arm(arms_.back() + "-updates", "updates", arms_.size());
    add_differences();
    report_["best"] = nullptr;
    add_curves();
    report_["settings"] = {{{"option", "policy.advantage.baseline"}, {"values", Json::object()}},
                           {{"option", "optimizer.lr"}, {"values", Json::object()}}};
    for (const std::string& arm : arms_) {
      report_["settings"][0]["values"][arm] = "leave_one_out";
      report_["settings"][1]["values"][arm] = "0.002";
    }
    report_["tuning"] = tuning();
    report_["findings"] = {
        "loop repairs half of what the base model gets wrong: oracle_joint rises from 0.480 to "
        "0.747 on prompts it trained on.",
        "The difference to ppo is shown with 3 seeds; that between ppo and reinforce is not.",
        "A run trains on 12,800 images and takes 12 minutes."};
  }

  const Json& report() const { return report_; }
  Json& report() { return report_; }

 private:
  /// The next of a sequence without repetitions, between 0 and 1.
  double fresh() { return std::fmod(++drawn_ * 0.6180339887, 1.0); }

  Json interval(double mean, double half) const {
    if (seeds_ == 1) return {{"mean", mean}, {"low", nullptr}, {"high", nullptr}};
    return {{"mean", mean}, {"low", mean - half}, {"high", mean + half * 1.13}};
  }

  Json seed_list() const {
    Json seeds = Json::array();
    for (int i = 0; i < seeds_; ++i) seeds.push_back(16 + 11 * i);
    return seeds;
  }

  void add_base() {
    for (const char* split : {"rl", "held_out"}) {
      for (const std::string metric : {"oracle_joint", "reward", "swap_rate", "diversity"}) {
        const double mean = 0.3 + 0.2 * fresh();
        const Json value = {{"mean", mean}, {"low", mean - 0.05}, {"high", mean + 0.06}};
        report_["base"]["splits"][split][metric] = value;
        report_["base"]["conditions"]["deterministic"][split][metric] = value;
      }
    }
  }

  void add_arm(const std::string& name, const std::string& group, std::size_t index) {
    Json& arm = report_["algorithms"][name];
    arm = {{"group", group},
           {"seeds", seed_list()},
           {"budget",
            {{"images", 12800},
             {"updates", 400 + 100 * index},
             {"sample_steps", 256000},
             {"reward_queries", 12800},
             {"seconds", 700 + 33 * static_cast<double>(index)}}}};
    for (const std::string metric : {"oracle_joint", "reward", "swap_rate", "diversity"}) {
      const double better = 0.55 + 0.1 * fresh() + 0.15 / (1 + static_cast<double>(index));
      arm[metric] = interval(better, 0.03);
      for (const char* split : {"rl", "held_out"}) {
        Json value = interval(better - (split[0] == 'h' ? 0.08 : 0), 0.03);
        value["t_low"] = better - 0.06;
        value["t_high"] = better + 0.06;
        value["gain"] = interval(better - 0.42 - 0.01 * fresh(), 0.035);
        arm["splits"][split][metric] = value;
        arm["conditions"]["deterministic"][split][metric] = value;
      }
    }
    arm["interquartile_mean"] = interval(0.6 + 0.1 * fresh(), 0.02);
    arm["area_under_curve"] = interval(0.5 + 0.1 * fresh(), 0.02);
    arm["images_to_target"] = {
        {"by_seed", {6400, 7040, nullptr}}, {"median", 7040}, {"censored", 1}};
    if (index == 2) {
      arm["images_to_target"] = {
          {"by_seed", {nullptr, nullptr, nullptr}}, {"median", nullptr}, {"censored", 3}};
    }
    arm["kl_nats"] = interval(40 + 100 * fresh(), 4);
    arm["watch_gap"] = interval(0.2 * fresh() - 0.05, 0.02);
    arm["clip_fraction"] = interval(0.05 * fresh(), 0.004);
    arm["alarms"] = index == 1 ? "watch/gap 1.54 > 1.5 in 1 of 3 runs" : "";
  }

  void add_differences() {
    report_["differences"] = Json::array();
    const std::vector<std::string> verdicts = {"shown", "suggested", "not shown"};
    for (std::size_t a = 0; a < arms_.size(); ++a) {
      for (std::size_t b = a + 1; b < arms_.size() && a < 3; ++b) {
        const double mean = 0.09 * fresh();
        report_["differences"].push_back(
            {{"a", arms_[a]},
             {"b", arms_[b]},
             {"metric", "oracle_joint"},
             {"split", "rl"},
             {"seeds", seeds_},
             {"difference", interval(mean, 0.04)},
             {"t_low", mean - 0.07},
             {"t_high", mean + 0.07},
             {"probability_of_improvement", interval(0.5 + 0.4 * fresh(), 0.06)},
             {"verdict", verdicts[report_["differences"].size() % 3]}});
      }
    }
  }

  void add_curves() {
    const std::vector<std::string> metrics = {"reward/mean",          "judge/oracle_joint",
                                              "judge/swap_rate",      "kl/nats",
                                              "policy/clip_fraction", "watch/gap"};
    for (const std::string& metric : metrics) {
      int arm_index = 0;
      for (const auto& [name, arm] : report_["algorithms"].items()) {
        ++arm_index;
        for (const auto& [axis, unit] :
             {std::pair{"images", 192.0}, std::pair{"updates", 4.0}, std::pair{"seconds", 11.0}}) {
          Json curve = {{"x", Json::array()},
                        {"mean", Json::array()},
                        {"low", Json::array()},
                        {"high", Json::array()}};
          for (int i = 1; i <= 66; ++i) {
            const double scale = metric == "kl/nats" ? 200 : 1;
            const double mean = scale * (0.45 + 0.3 / arm_index * std::tanh(i / 25.0) +
                                         0.01 * std::sin(i * 1.7 + arm_index));
            const double half = scale * (0.015 + 0.01 * std::sin(i / 9.0 + arm_index));
            curve["x"].push_back(i * unit);
            curve["mean"].push_back(mean);
            if (seeds_ == 1) {
              curve["low"].push_back(nullptr);
              curve["high"].push_back(nullptr);
            } else {
              curve["low"].push_back(mean - half);
              curve["high"].push_back(mean + half);
            }
          }
          report_["curves"][metric][axis][name] = curve;
        }
      }
    }
  }

  static Json tuning() {
    Json values = Json::array();
    for (const double rate : {0.0005, 0.001, 0.002, 0.004}) {
      values.push_back({{"value", rate},
                        {"score", 0.64 - 40 * std::abs(rate - 0.002)},
                        {"runs", 2},
                        {"chosen", rate == 0.002}});
    }
    return Json::array({{{"algorithm", "loop"},
                         {"option", "optimizer.lr"},
                         {"values", values},
                         {"metric", "oracle_joint"},
                         {"prompts", "configs/emoji/tune_prompts.txt"},
                         {"seeds", {1, 2}},
                         {"images", 3840}}});
  }

  std::vector<std::string> arms_;
  int seeds_;
  double drawn_ = 0;
  Json report_;
};

}  // namespace loopline::report
