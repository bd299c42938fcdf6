#include "loopline/config/read_options.h"
#include "option_rows.h"

namespace loopline::config {
namespace {

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string code(const std::string& text) {
  return std::string("`").append(cell(text)).append("`");
}

void append_table(std::string& out, const std::vector<OptionRow>& rows,
                  const std::string& section) {
  bool has_header = false;
  for (const OptionRow& row : rows) {
    if (row.is_section || row.section != section) continue;
    if (!has_header) {
      out += "| option | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n";
      has_header = true;
    }
    const std::string standard = row.info.required ? "required" : code(row.value);
    out += "| `" + row.path + "` | " + type_text(row.type) + " | " + standard + " | " +
           cell(legal_text(row.info)) + " | " + cell(row.info.help) + " |\n";
  }
  if (has_header) out += "\n";
}

}  // namespace

std::string document_options(const Describe& describe) {
  const std::vector<OptionRow> rows = option_rows(describe);
  std::string out;
  append_table(out, rows, "");
  for (const OptionRow& row : rows) {
    if (!row.is_section) continue;
    out += "### `" + row.path + "`\n\n";
    if (!row.info.help.empty()) out += row.info.help + "\n\n";
    append_table(out, rows, row.path);
  }
  if (!out.empty()) out.pop_back();  // one newline ends the text
  return out;
}

}  // namespace loopline::config
