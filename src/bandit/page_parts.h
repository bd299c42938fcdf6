#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loopline/report/html_table.h"

/// What the pages of this module share (report/html.h has the rest).
namespace loopline::bandit::page {

using namespace report::page;  // what pages are built from

struct Fact {
  std::string name, value;  ///< plain text
};

/// A list of names and values; facts without a value are left out.
std::string facts_list(const std::vector<Fact>& facts);

/// A number of an object as text, "" where there is none: whole ones in full, with their thousands
/// apart; others with six digits.
std::string number_text(const Json& json, const char* key);

/// A <td> of it.
std::string number_cell(const Json& json, const char* key);

/// A verdict on weights as a sentence of markup.
std::string verdict_sentence(const std::string& verdict);

/// What a reader must know before any number: the verdict (markup), the reasons, and notes of a
/// paragraph each (both plain text).
std::string lead(const std::string& verdict, const std::vector<std::string>& reasons,
                 const std::vector<std::string>& notes);

/// Notes on the log: what no interval knows of.
std::vector<std::string> log_notes(const Json& result);

/// "clipped_ips(8)" of an estimate whose estimator is under `key`.
std::string estimator_name(const Json& estimate, const char* key);

/// What was read: the members of the result under `parts`, with the rows that were skipped.
std::string inputs(const Json& result, const std::vector<std::string>& parts);

/// A dot in a colour of the palette before a name; "" below 0.
std::string series_key(int colour);

/// The command that makes the page again.
std::string origin(const std::string& command);

}  // namespace loopline::bandit::page
