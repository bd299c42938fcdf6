#include "loopline/config/read_options.h"
#include "option_rows.h"

namespace loopline::config {
namespace {

constexpr std::size_t kColumns = 100;

void append_comment(std::string& out, const std::string& indent, const std::string& text) {
  for (const std::string& line : wrap(text, kColumns - indent.size() - 2)) {
    out += indent + "# " + line + "\n";
  }
}

void append_option(std::string& out, const OptionRow& row, bool with_comments) {
  const std::string indent(2 * row.depth, ' ');
  const std::string legal = with_comments ? legal_text(row.info) : "";
  std::string line = indent + row.info.name + ":";
  const bool is_block = !row.items.empty() && line.size() + 1 + row.value.size() > kColumns;
  if (!is_block) line += " " + row.value;
  const bool legal_beside = !legal.empty() && line.size() + 4 + legal.size() <= kColumns;

  if (with_comments) append_comment(out, indent, row.info.help);
  if (!legal.empty() && !legal_beside) append_comment(out, indent, "Allowed: " + legal + ".");
  out += line + (legal_beside ? "  # " + legal : "") + "\n";
  if (is_block) {
    for (const std::string& item : row.items) out += indent + "  - " + item + "\n";
  }
}

}  // namespace

std::string write_options(const Describe& describe, bool with_comments) {
  std::string out;
  for (const OptionRow& row : option_rows(describe)) {
    if (!row.is_section) {
      append_option(out, row, with_comments);
      continue;
    }
    const std::string indent(2 * row.depth, ' ');
    if (with_comments) {
      if (!out.empty()) out += "\n";
      append_comment(out, indent, row.info.help);
    }
    out += indent + row.info.name + ":\n";
  }
  return out;
}

}  // namespace loopline::config
