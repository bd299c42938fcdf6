#include "loopline/report/page.h"

#include "loopline/report/document.h"
#include "page_sections.h"

namespace loopline::report {
namespace page {
namespace {

std::vector<Section> sections_of(const Json& report, const std::vector<Cell>& cells) {
  return {{"results", "Results", results_section(report)},
          {"effort", "What it took", effort_section(report)},
          {"differences", "Paired differences", differences_section(report)},
          {"curves", "Learning curves", curves_section(report)},
          {"splits", "Every metric on every split", splits_section(report)},
          {"conditions", "Other ways of sampling", conditions_section(report, cells)},
          {"pictures", "Pictures through training", wall_section(report, cells)},
          {"failures", "Worst images", failures_section(report, cells)},
          {"settings", "Settings", settings_section(report)},
          {"origin", "Where this comes from", origin_section(report)},
          {"reading", "How to read this", reading_section()}};
}

std::string list(const std::vector<std::string>& lines) {
  std::string items;
  for (const std::string& line : lines) items += element("li", escape(line));
  return element("ul", items);
}

std::string notices(const Json& report) {
  std::string content;
  const std::vector<std::string> problems = texts(find(report, {"problems"}));
  const std::vector<std::string> running = texts(find(report, {"running"}));
  if (!problems.empty()) {
    content += element("p", element("strong", "This report is incomplete.")) + list(problems);
  }
  if (!running.empty()) {
    content += element("p", element("strong", "Not finished yet:")) + list(running);
  }
  return content.empty() ? "" : element("div", "class=\"notice\" role=\"note\"", content) + "\n";
}

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : ", ") + part;
  return all;
}

std::string facts(const Json& report) {
  std::string versions;
  for (const char* name : {"loopline", "torch"}) {
    const std::string version = text(find(report, {"versions", name}));
    if (version.empty()) continue;
    versions += (versions.empty() ? "" : ", ") + std::string(name) + " " + version;
  }
  std::string items;
  const auto fact = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) items += element("li", name + " " + element("b", escape(value)));
  };
  fact("seeds", joined(texts(find(report, {"seeds"}))));
  fact("images a run", images_a_run(report));
  fact("headline", text(find(report, {"metric"})));
  fact("splits", joined(texts(find(report, {"splits"}))));
  fact("versions", versions);
  return items.empty() ? "" : element("ul", "class=\"facts\"", items) + "\n";
}

std::string findings(const Json& report) {
  std::string sentences;
  for (const std::string& sentence : texts(find(report, {"findings"}))) {
    sentences += element("p", escape(sentence));
  }
  return sentences.empty() ? "" : element("div", "class=\"findings\"", sentences) + "\n";
}

}  // namespace
}  // namespace page

std::string render_page(const nlohmann::ordered_json& report, const std::vector<Cell>& cells) {
  const std::string given = page::text(page::find(report, {"title"}));
  return render_document(
      {.title = given.empty() ? "Loopline report" : given,
       .lead = page::findings(report) + page::facts(report) + page::notices(report),
       .sections = page::sections_of(report, cells)});
}

}  // namespace loopline::report
