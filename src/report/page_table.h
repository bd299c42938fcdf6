#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loopline/report/html_table.h"

namespace loopline::report::page {

/// A row of a comparison: an arm, or the model before training.
struct Row {
  std::string name;
  const Json* json = nullptr;  ///< its part of the report
  int colour = -1;             ///< index into the palette; the base model has none
  bool is_base = false;
  bool is_best = false;
  std::string note;  ///< below the name
};

/// Arms of a group ("": of all), in the order of the report; one arm has one colour everywhere.
std::vector<Row> arm_rows(const Json& report, const std::string& group);
/// The base model, if the report has it.
std::optional<Row> base_row(const Json& report);
/// Of the row with that name; -1 when there is none.
int colour_of(const std::vector<Row>& rows, const std::string& name);
/// The base model first.
std::vector<Row> comparison_rows(const Json& report, const std::string& group);

/// A column made for a list of rows: one <td> each.
struct Column {
  std::string id;     ///< data-column of its cells
  std::string title;  ///< markup
  std::vector<std::string> cells;
  bool is_empty = true;  ///< no row has a value
};

using ValueOf = std::function<std::optional<Estimate>(const Row&)>;

/// Numbers with their interval below, if they have one: a row of one seed says so in its note.
/// `bold` sets the best row's in bold type.
Column estimate_column(const std::string& id, const std::string& title,
                       const std::vector<Row>& rows, const ValueOf& value_of, bool sign = false,
                       bool bold = false);

/// The same with the gain over the base model below each.
Column gained_column(const std::string& id, const std::string& title, const std::vector<Row>& rows,
                     const ValueOf& value_of, const ValueOf& gain_of);

/// Numbers alone.
Column number_column(const std::string& id, const std::string& title, const std::vector<Row>& rows,
                     const std::function<std::optional<double>(const Row&)>& value_of);

/// The intervals drawn on one scale, with a line at `mark`.
Column bar_column(const std::vector<Row>& rows, const ValueOf& value_of,
                  std::optional<double> mark);

/// A swatch and the name of an arm.
std::string arm_label(const std::string& name, int colour);

/// A table that scrolls sideways in a narrow window. Empty columns are left out.
std::string comparison_table(const std::string& id, const std::string& caption,
                             const std::vector<Row>& rows, const std::vector<Column>& columns);

}  // namespace loopline::report::page
