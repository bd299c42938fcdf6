#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the parts of a page are built from.
namespace loopline::report::page {

using Json = nlohmann::ordered_json;

/// Text for the content of an element or a quoted attribute. Prompts and names are anyone's.
std::string escape(std::string_view text);

/// The same for an identifier in a narrow column: a line may break behind '_', '-' and '/'.
std::string breakable(std::string_view name);

/// <tag attributes>content</tag>; the content is markup already.
std::string element(const std::string& tag, const std::string& attributes,
                    const std::string& content);
std::string element(const std::string& tag, const std::string& content);

/// "−0.125", "12,800": a true minus, thousands apart, a plus sign when asked for one.
std::string decimal(double value, int decimals, bool sign = false);

/// Decimals that give the largest value of a column four digits: 3 below 10, none from 1000.
int decimals_for(double largest);

/// "12,800"; fractions only where there is one.
std::string count(double value);

/// "0.002", "20": as few digits as tell it.
std::string shortest(double value);

/// A mean with its interval, which one seed has not.
struct Estimate {
  double mean = 0;
  std::optional<double> low, high;

  bool has_interval() const { return low && high; }
};

/// What a path leads to, null when it leads nowhere.
const Json* find(const Json& json, const std::vector<std::string>& path);
/// Nothing for what is no finite number, which a file has as null.
std::optional<double> number(const Json* json);
std::optional<Estimate> estimate(const Json* json);
/// "" for what is no string.
std::string text(const Json* json);
/// The strings and numbers of a list, as text.
std::vector<std::string> texts(const Json* json);

}  // namespace loopline::report::page
