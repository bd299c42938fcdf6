#pragma once

#include <string>
#include <vector>

namespace loopline::report {

/// A part of a page below its heading: `title` and `content` are markup (html.h).
struct Section {
  std::string id, title, content;
};

/// A page: `title` is plain text, `lead` the markup above the sections.
struct Document {
  std::string title, lead;
  std::vector<Section> sections{};  ///< those without content are left out
};

/// One self-contained HTML file: style included, no network, no scripts, light and dark, printable,
/// with a table of contents where there are several sections.
std::string render_document(Document document);

}  // namespace loopline::report
