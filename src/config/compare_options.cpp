#include <algorithm>

#include "loopline/config/read_options.h"
#include "option_rows.h"

namespace loopline::config {
namespace {

const OptionRow* find_row(const std::vector<OptionRow>& rows, const std::string& path) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const OptionRow& candidate) {
    return candidate.path == path && !candidate.is_section;
  });
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace

std::vector<OptionDifference> compare_options(const Describe& before, const Describe& after) {
  const std::vector<OptionRow> old_rows = option_rows(before);
  const std::vector<OptionRow> new_rows = option_rows(after);
  std::vector<OptionDifference> differences;
  for (const OptionRow& row : old_rows) {
    if (row.is_section) continue;
    const OptionRow* other = find_row(new_rows, row.path);
    if (other != nullptr && other->value == row.value) continue;
    differences.push_back(
        {row.path, row.value, other == nullptr ? "" : other->value, row.info.may_change_on_resume});
  }
  for (const OptionRow& row : new_rows) {
    if (row.is_section || find_row(old_rows, row.path) != nullptr) continue;
    differences.push_back({row.path, "", row.value, row.info.may_change_on_resume});
  }
  return differences;
}

std::vector<std::string> resumable_options(const Describe& describe) {
  const std::vector<OptionRow> rows = option_rows(describe);
  const auto whole_section_may = [&](const std::string& section) {
    return std::all_of(rows.begin(), rows.end(), [&](const OptionRow& row) {
      return row.is_section || row.section != section || row.info.may_change_on_resume;
    });
  };
  std::vector<std::string> names;
  for (const OptionRow& row : rows) {
    if (row.is_section || !row.info.may_change_on_resume) continue;
    const bool whole = !row.section.empty() && whole_section_may(row.section);
    const std::string& name = whole ? row.section : row.path;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

}  // namespace loopline::config
