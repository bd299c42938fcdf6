#include "loopline/report/html_table.h"

namespace loopline::report::page {

std::string heading(const std::string& title) { return element("th", "scope=\"col\"", title); }

std::string word_heading(const std::string& title) {
  return element("th", "scope=\"col\" class=\"word\"", title);
}

std::string estimate_cell(const std::string& id, const std::optional<Estimate>& value, int decimals,
                          bool sign, bool strong) {
  const std::string column = "data-column=\"" + escape(id) + "\"";
  if (!value) return element("td", column + " class=\"none\"", "–");
  std::string content = decimal(value->mean, decimals, sign);
  if (strong) content = element("strong", content);
  if (value->has_interval()) {
    content += element(
        "small", "class=\"ci\"",
        decimal(*value->low, decimals, sign) + " to " + decimal(*value->high, decimals, sign));
  }
  return element("td", column, content);
}

std::string table(const std::string& attributes, const std::string& caption,
                  const std::string& head, const std::string& body) {
  std::string content = "\n";
  if (!caption.empty()) content += element("caption", caption) + "\n";
  content += element("thead", head) + "\n" + element("tbody", "\n" + body) + "\n";
  return element("div", "class=\"scroll\"", element("table", attributes, content)) + "\n";
}

}  // namespace loopline::report::page
