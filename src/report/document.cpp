#include "loopline/report/document.h"

#include "loopline/report/html.h"
#include "page_style.h"

namespace loopline::report {
namespace page {
namespace {

std::string contents(const std::vector<Section>& sections) {
  if (sections.size() < 2) return "";
  std::string items;
  for (const Section& section : sections) {
    items += element("li", element("a", "href=\"#" + section.id + "\"", section.title));
  }
  return element("nav", "aria-label=\"Contents\"", element("ul", items)) + "\n";
}

std::string head(const std::string& title) {
  // Nothing is fetched and no script runs, whatever a name or a prompt may hold.
  return "<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src "
         "data:; "
         "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n" +
         element("title", escape(title)) + "\n" + element("style", kStyle) + "\n";
}

}  // namespace
}  // namespace page

std::string render_document(Document document) {
  std::erase_if(document.sections, [](const Section& section) { return section.content.empty(); });
  std::string body = page::element("h1", page::escape(document.title)) + "\n" + document.lead +
                     page::contents(document.sections);
  for (const Section& section : document.sections) {
    const std::string heading = page::element("h2", section.title);
    body += page::element("section", "id=\"" + section.id + "\"",
                          "\n" + heading + "\n" + section.content);
    body += "\n";
  }
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n" + page::head(document.title) +
         "</head>\n<body>\n" + body + "</body>\n</html>\n";
}

}  // namespace loopline::report
