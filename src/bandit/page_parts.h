#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

/// What the pages of this module share (report/html.h has the rest).
namespace loopline::bandit {

using Json = nlohmann::ordered_json;

struct Fact {
  std::string name, value;  ///< plain text
};

/// A list of names and values; facts without a value are left out.
std::string facts_list(const std::vector<Fact>& facts);

/// A number of an object as text, "" where there is none.
std::string number_text(const Json& json, const char* key);
/// Whatever it is, in one line.
std::string plain_text(const Json& value);

/// A <td> of a number: whole ones in full, others with six digits.
std::string number_cell(const std::optional<double>& value);

/// The command that makes the page again.
std::string origin(const std::string& command);

}  // namespace loopline::bandit
