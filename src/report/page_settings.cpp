#include <cmath>

#include "page_sections.h"
#include "page_table.h"

namespace loopline::report::page {
namespace {

/// Names, counts and lists of them, as they would be said.
std::string plain(const Json* json) {
  if (json == nullptr) return "";
  if (json->is_array()) {
    std::string all;
    for (const std::string& part : texts(json)) all += (all.empty() ? "" : ", ") + part;
    return all;
  }
  if (json->is_number()) return shortest(json->get<double>());
  return json->is_string() ? json->get<std::string>() : json->dump();
}

std::string differing_settings(const Json& report) {
  const Json* settings = find(report, {"settings"});
  if (settings == nullptr || settings->empty()) return "";
  const std::vector<Row> arms = arm_rows(report, "");
  std::string head = heading("option");
  for (const Row& arm : arms) {
    head += word_heading(arm_label(arm.name, arm.colour));
  }
  std::string body;
  for (const Json& setting : *settings) {
    std::string cells =
        element("th", "scope=\"row\"", element("code", breakable(text(find(setting, {"option"})))));
    for (const Row& arm : arms) {
      const std::string value = text(find(setting, {"values", arm.name}));
      cells += value.empty() ? element("td", "class=\"word none\"", "–")
                             : element("td", "class=\"word\"", element("code", breakable(value)));
    }
    body += element("tr", cells) + "\n";
  }
  return element("h3", "What differs between the arms") +
         table("id=\"settings-table\"", "", element("tr", head), body);
}

std::string tuned_value(const Json& value, int decimals) {
  const Json* score = find(value, {"score"});
  const auto mean =
      score != nullptr && score->is_object() ? number(find(*score, {"mean"})) : number(score);
  const Json* chosen = find(value, {"chosen"});
  const bool is_chosen = chosen != nullptr && chosen->is_boolean() && chosen->get<bool>();
  std::string content = element("code", escape(plain(find(value, {"value"})))) +
                        element("span", mean ? decimal(*mean, decimals) : "–");
  const std::string runs = plain(find(value, {"runs"}));
  if (!runs.empty()) content += element("small", escape(runs) + (runs == "1" ? " run" : " runs"));
  if (is_chosen) content += element("small", "class=\"chosen\"", "chosen");
  return element("li", is_chosen ? "class=\"chosen\"" : "", content);
}

std::string tuning_row(const Json& entry) {
  const Json* values = find(entry, {"values"});
  std::string list;
  if (values != nullptr && values->is_array()) {
    for (const Json& value : *values) list += tuned_value(value, 3);
  }
  std::string basis;
  for (const char* part : {"metric", "prompts", "seeds", "images"}) {
    const std::string value = plain(find(entry, {part}));
    if (value.empty()) continue;
    basis += (basis.empty() ? "" : "; ") + std::string(part) + " " + value;
  }
  const Json* at_end = find(entry, {"at_end"});
  if (at_end != nullptr && *at_end == true) {
    basis += "; chosen at the end of the range, so a better one may lie beyond";
  }
  return element("tr",
                 element("th", "scope=\"row\"",
                         element("bdi", escape(plain(find(entry, {"algorithm"})))) +
                             element("small",
                                     element("code", breakable(plain(find(entry, {"option"})))))) +
                     element("td", "class=\"word\"", element("ul", "class=\"tuned\"", list)) +
                     element("td", "class=\"word quiet\"", escape(basis))) +
         "\n";
}

std::string tuning(const Json& report) {
  const Json* entries = find(report, {"tuning"});
  if (entries == nullptr || !entries->is_array() || entries->empty()) return "";
  std::string body;
  for (const Json& entry : *entries) body += tuning_row(entry);
  std::string head;
  for (const char* title : {"option", "values tried, with their scores", "judged by"}) {
    head += word_heading(title);
  }
  return element("h3", "id=\"tuning\"", "How the options were chosen") +
         element(
             "p",
             "Values that were tried, each with its score; the comparison has the chosen one.") +
         table("id=\"tuning-table\"", "", element("tr", head), body);
}

}  // namespace

std::string settings_section(const Json& report) {
  return differing_settings(report) + tuning(report);
}

std::string origin_section(const Json& report) {
  std::string content;
  const std::string command = text(find(report, {"command"}));
  if (!command.empty()) {
    content += element("p", "This report is made again by") +
               element("pre", element("code", escape(command)));
  }
  const Json* versions = find(report, {"versions"});
  if (versions == nullptr || !versions->is_object()) return content;
  std::string list;
  for (const auto& [name, value] : versions->items()) {
    list += element("dt", escape(name)) + element("dd", escape(plain(&value)));
  }
  return content + (list.empty() ? "" : element("dl", list));
}

std::string reading_section() {
  const std::vector<std::pair<std::string, std::string>> terms = {
      {"0.713 <small class=\"ci\">0.690 to 0.735</small>",
       "A mean with its 95 % interval: a bootstrap that draws seeds and prompts, both, again and "
       "again. It says what other seeds and prompts of this kind would have given. The images of "
       "one prompt are not taken as independent. The base model has no seeds of training: its "
       "interval is over prompts."},
      {"few seeds",
       "A bootstrap of three seeds can draw nothing but these three, so its intervals are too "
       "narrow. Student's t interval over the seeds, beside the differences, is the cautious one. "
       "One seed has no interval at all."},
      {"gain over base", "Against the model before training, prompt by prompt, on the same noise."},
      {"shown, suggested, not shown",
       "Shown: both the bootstrap's and Student's interval of the paired difference leave out "
       "zero. Suggested: only the bootstrap's does. Not shown: neither; that is no proof that the "
       "arms are equal."},
      {"P(first is better)",
       "How likely a run of the first arm scores above a run of the second on the same prompt, "
       "ties counted half. 0.5 is no preference."},
      {"interquartile mean", "The mean of the middle half of all scores: outliers do not move it."},
      {"area under curve",
       "The mean height of the headline metric's curve over all images of training: it rewards "
       "learning early."},
      {"&gt; 12,800", "Most runs never reached the target within the images that they had."},
      {"KL, nats", "Distance to the model before training, over a whole trajectory."},
      {"watch gap",
       "How far the reward has outrun the judge, in standard deviations; a large one is a sign of "
       "reward hacking."}};
  std::string list;
  for (const auto& [term, meaning] : terms) list += element("dt", term) + element("dd", meaning);
  return element("dl", "class=\"terms\"", list);
}

}  // namespace loopline::report::page
