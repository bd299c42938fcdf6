#include "page_table.h"

#include <algorithm>
#include <cmath>

#include "gnuplot_svg.h"
#include "loopline/report/interval_bar.h"

namespace loopline::report::page {
namespace {

std::string seeds_note(const Json& arm) {
  const std::size_t seeds = texts(find(arm, {"seeds"})).size();
  if (seeds == 0) return "";
  return seeds == 1 ? "one seed" : std::to_string(seeds) + " seeds";
}

std::string row_heading(const Row& row) {
  std::string name = arm_label(row.name, row.colour);
  if (row.is_best) name = element("strong", name);
  if (!row.note.empty()) name += element("small", row.note);
  return element("th", "scope=\"row\"", name);
}

}  // namespace

std::vector<Row> arm_rows(const Json& report, const std::string& group) {
  std::vector<Row> rows;
  const Json* arms = find(report, {"algorithms"});
  if (arms == nullptr || !arms->is_object()) return rows;
  const std::string best = text(find(report, {"best"}));
  int colour = 0;
  for (const auto& [name, arm] : arms->items()) {
    const int own = colour++;
    if (!group.empty() && text(find(arm, {"group"})) != group) continue;
    rows.push_back({.name = name,
                    .json = &arm,
                    .colour = own,
                    .is_base = false,
                    .is_best = !best.empty() && name == best,
                    .note = seeds_note(arm)});
  }
  return rows;
}

std::optional<Row> base_row(const Json& report) {
  const Json* base = find(report, {"base"});
  const Json* splits = find(report, {"base", "splits"});
  if (base == nullptr || splits == nullptr || splits->empty()) return std::nullopt;
  return Row{.name = "base",
             .json = base,
             .colour = -1,
             .is_base = true,
             .is_best = false,
             .note = "before training"};
}

int colour_of(const std::vector<Row>& rows, const std::string& name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.colour;
  }
  return -1;
}

std::vector<Row> comparison_rows(const Json& report, const std::string& group) {
  std::vector<Row> rows = arm_rows(report, group);
  if (const auto base = base_row(report)) rows.insert(rows.begin(), *base);
  return rows;
}

Column estimate_column(const std::string& id, const std::string& title,
                       const std::vector<Row>& rows, const ValueOf& value_of, bool sign,
                       bool bold) {
  Column column{.id = id, .title = title, .cells = {}};
  double largest = 0;
  for (const Row& row : rows) {
    if (const auto value = value_of(row)) largest = std::max(largest, std::abs(value->mean));
  }
  for (const Row& row : rows) {
    const auto value = value_of(row);
    column.is_empty = column.is_empty && !value;
    column.cells.push_back(
        estimate_cell(id, value, decimals_for(largest), sign, bold && row.is_best));
  }
  return column;
}

Column gained_column(const std::string& id, const std::string& title, const std::vector<Row>& rows,
                     const ValueOf& value_of, const ValueOf& gain_of) {
  Column column = estimate_column(id, title, rows, value_of);
  const Column gain = estimate_column(id + "-gain", "", rows, gain_of, /*sign=*/true);
  if (gain.is_empty) return column;
  const auto inner = [](const std::string& cell) {
    const std::size_t begin = cell.find('>') + 1;
    return cell.substr(begin, cell.rfind('<') - begin);
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!gain_of(rows[i])) continue;
    std::string& cell = column.cells[i];
    cell.insert(cell.rfind('<'),
                element("div", "class=\"gain\" data-column=\"" + escape(gain.id) + "\"",
                        inner(gain.cells[i])));
  }
  return column;
}

Column number_column(const std::string& id, const std::string& title, const std::vector<Row>& rows,
                     const std::function<std::optional<double>(const Row&)>& value_of) {
  Column column{.id = id, .title = title, .cells = {}};
  for (const Row& row : rows) {
    const auto value = value_of(row);
    column.is_empty = column.is_empty && !value;
    column.cells.push_back(
        element("td", "data-column=\"" + escape(id) + "\"", value ? count(*value) : "–"));
  }
  return column;
}

Column bar_column(const std::vector<Row>& rows, const ValueOf& value_of,
                  std::optional<double> mark) {
  std::vector<Estimate> values;
  for (const Row& row : rows) {
    if (const auto value = value_of(row)) values.push_back(*value);
  }
  Column column{.id = "interval", .title = "", .cells = {}, .is_empty = values.empty()};
  if (values.empty()) return column;
  const BarScale scale = bar_scale(values, mark);
  column.title = bar_heading(scale);
  for (const Row& row : rows) {
    const auto value = value_of(row);
    column.cells.push_back(element(
        "td", "class=\"bar\"", value ? interval_bar(*value, scale, series_class(row.colour)) : ""));
  }
  return column;
}

std::string arm_label(const std::string& name, int colour) {
  return element("span", "class=\"key " + series_class(colour) + "\"", "") +
         element("bdi", breakable(name));
}

std::string comparison_table(const std::string& id, const std::string& caption,
                             const std::vector<Row>& rows, const std::vector<Column>& columns) {
  std::string head = heading("");
  for (const Column& column : columns) {
    if (!column.is_empty) head += heading(column.title);
  }
  std::string body;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string cells = row_heading(rows[i]);
    for (const Column& column : columns) {
      if (!column.is_empty) cells += column.cells[i];
    }
    const std::string kind = rows[i].is_base ? " class=\"base\"" : "";
    body += element("tr", "data-arm=\"" + escape(rows[i].name) + "\"" + kind, cells) + "\n";
  }
  return table(id.empty() ? "" : "id=\"" + id + "\"", caption, element("tr", head), body);
}

}  // namespace loopline::report::page
