#include "loopline/report/page.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "loopline/report/plot.h"
#include "loopline/report/summary.h"
#include "report/page_fixture.h"
#include "report/synthetic_cells.h"

namespace loopline::report {
namespace {

const std::vector<Cell>& cells() {
  static const std::vector<Cell> all =
      synthetic_cells({.seeds = {16, 27}, .prompts = 3, .iterations = 3, .pictures = true});
  return all;
}

Subject subject(const std::string& title) {
  Subject subject;
  subject.title = title;
  subject.command = "loopline report runs/* --out report";
  return subject;
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  if (from == std::string::npos) return "";
  const std::size_t start = from + begin.size();
  const std::size_t to = text.find(end, start);
  return to == std::string::npos ? "" : text.substr(start, to - start);
}

std::string row_of(const std::string& page, const std::string& table, const std::string& arm) {
  return between(between(page, "<table id=\"" + table + "\"", "</table>"),
                 "<tr data-arm=\"" + arm + "\"", "</tr>");
}

/// Text of a cell with its tags removed, "" when the row has no such cell.
std::string cell_of(const std::string& row, const std::string& column) {
  std::string markup = between(row, "data-column=\"" + column + "\"", "</td>");
  std::string text;
  bool in_tag = true;
  for (const char c : markup) {
    if (c == '<') text += ' ';
    if (c == '<' || c == '>') in_tag = c == '<';
    if (!in_tag && c != '>') text += c;
  }
  return text;
}

/// The numbers of a text: a true minus, commas between thousands.
std::vector<double> numbers_in(const std::string& shown) {
  std::string text;
  for (const char c : shown) {
    if (c == '\x92') text += '-';  // the last byte of a minus sign
    if (c != ',' && static_cast<unsigned char>(c) < 0x80) text += c;
  }
  std::vector<double> numbers;
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const double number = std::strtod(at, &end);
    if (end == at) {
      ++at;
    } else {
      numbers.push_back(number);
      at = end;
    }
  }
  return numbers;
}

void expect_shows(const std::string& row, const std::string& column, const Json& interval,
                  double tolerance = 0.0006) {
  const std::vector<double> shown = numbers_in(cell_of(row, column));
  ASSERT_EQ(shown.size(), 3u) << column << ": " << cell_of(row, column);
  EXPECT_NEAR(shown[0], interval["mean"].get<double>(), tolerance) << column;
  EXPECT_NEAR(shown[1], interval["low"].get<double>(), tolerance) << column;
  EXPECT_NEAR(shown[2], interval["high"].get<double>(), tolerance) << column;
}

void expect_row_shows(const std::string& row, const Json& report, const Json& arm) {
  for (const Json& metric : report["metrics"]) {
    expect_shows(row, metric, arm[metric.get<std::string>()]);
  }
  expect_shows(row, "gain", arm["splits"]["rl"]["oracle_joint"]["gain"]);
  EXPECT_NE(cell_of(row, "gain").find('+'), std::string::npos);
  for (const char* part : {"interquartile_mean", "area_under_curve"}) {
    expect_shows(row, part, arm[part]);
  }
  EXPECT_NEAR(numbers_in(cell_of(row, "minutes")).at(0),
              arm["budget"]["seconds"].get<double>() / 60, 0.06);
}

TEST(ReportPage, MainTableShowsTheNumbersOfTheReport) {
  const Json report = PageFixture().report();
  const std::string page = render_page(report, cells());
  for (const char* arm : {"loop", "ppo", "reinforce"}) {
    SCOPED_TRACE(arm);
    expect_row_shows(row_of(page, "results-table", arm), report, report["algorithms"][arm]);
  }
  expect_row_shows(row_of(page, "updates-table", "reinforce-updates"), report,
                   report["algorithms"]["reinforce-updates"]);
  EXPECT_EQ(row_of(page, "results-table", "reinforce-updates"), "");
  const std::string base = row_of(page, "results-table", "base");
  for (const Json& metric : report["metrics"]) {
    expect_shows(base, metric, report["base"]["splits"]["rl"][metric.get<std::string>()]);
  }
  const std::string table = between(page, "<table id=\"results-table\"", "</table>");
  EXPECT_LT(table.find("data-arm=\"base\""), table.find("data-arm=\"loop\""));
}

TEST(ReportPage, EffortTableShowsWhatRunsSpentAndHowFarTheyWent) {
  const Json report = PageFixture().report();
  const std::string page = render_page(report, cells());
  for (const auto& [name, arm] : report["algorithms"].items()) {
    SCOPED_TRACE(name);
    const std::string row = row_of(page, "effort-table", name);
    for (const auto& [budget, spent] : arm["budget"].items()) {
      EXPECT_EQ(numbers_in(cell_of(row, budget)), std::vector<double>{spent.get<double>()});
    }
    expect_shows(row, "watch_gap", arm["watch_gap"]);
    expect_shows(row, "clip_fraction", arm["clip_fraction"]);
    expect_shows(row, "kl_nats", arm["kl_nats"], 0.06);
  }
  EXPECT_NE(row_of(page, "effort-table", "ppo").find("watch/gap 1.54 &gt; 1.5"), std::string::npos);
}

TEST(ReportPage, ATargetThatWasNotReachedIsCensored) {
  const Json report = PageFixture().report();
  const std::string page = render_page(report, cells());
  const auto reached = [&](const char* arm) {
    return cell_of(row_of(page, "results-table", arm), "images_to_target");
  };
  EXPECT_NE(reached("loop").find("7,040"), std::string::npos);
  EXPECT_NE(reached("loop").find("1 of 3 never"), std::string::npos);
  EXPECT_NE(reached("reinforce").find("&gt; 12,800"), std::string::npos);
  Json without = report;
  without["target"] = nullptr;
  EXPECT_EQ(render_page(without, cells()).find("images_to_target"), std::string::npos);
}

TEST(ReportPage, OnlyAProvenBestIsBold) {
  PageFixture fixture;
  const std::string open = render_page(fixture.report(), cells());
  for (const char* arm : {"base", "loop", "ppo", "reinforce"}) {
    EXPECT_EQ(row_of(open, "results-table", arm).find("<strong>"), std::string::npos) << arm;
  }
  fixture.report()["best"] = "ppo";
  const std::string decided = render_page(fixture.report(), cells());
  EXPECT_NE(row_of(decided, "results-table", "ppo").find("<strong>"), std::string::npos);
  EXPECT_EQ(row_of(decided, "results-table", "loop").find("<strong>"), std::string::npos);
}

TEST(ReportPage, DifferencesHaveTheirVerdictInWords) {
  const std::string page = render_page(PageFixture().report(), cells());
  const std::string table = between(page, "<table id=\"differences-table\"", "</table>");
  for (const char* verdict : {">shown<", ">suggested<", ">not shown<"}) {
    EXPECT_NE(table.find(verdict), std::string::npos) << verdict;
  }
}

TEST(ReportPage, TextOfStrangersIsNeverMarkup) {
  const std::string evil = "\"><script>alert('x')</script><img src=http://x/y onerror=a() &amp;";
  PageFixture fixture({evil, "ppo"});
  Json& report = fixture.report();
  for (const char* field : {"title", "command"}) report[field] = evil;
  for (const char* field : {"findings", "problems", "running"}) report[field] = {evil};
  report["versions"][evil] = evil;
  report["algorithms"]["ppo"]["alarms"] = evil;
  report["settings"][0]["option"] = evil;
  report["settings"][0]["values"]["ppo"] = evil;
  report["tuning"][0]["prompts"] = evil;
  report["tuning"][0]["values"][0]["value"] = evil;
  report["differences"][0]["verdict"] = evil;
  std::vector<Cell> strange = cells();
  strange[1].arm = evil;
  strange[1].wall.prompts[0] = evil;
  strange[1].wall.pictures[0][0] = evil;
  Evaluation& evaluation = strange[1].evaluations[0];
  evaluation.failures[0].prompt = evil;
  evaluation.failures[0].split = evil;
  evaluation.failures[0].scores[evil] = 0.5;
  const std::string page = render_page(report, strange);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img src=http"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(&#39;x&#39;)"), std::string::npos);
  EXPECT_NE(page.find("&amp;amp;"), std::string::npos);
}

TEST(ReportPage, LoadsNothing) {
  const std::string page = render_page(PageFixture().report(), cells());
  for (const char* part : {"http:", "https:", "url(", "@import", "<script", "<link", "<iframe"}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
  std::size_t pictures = 0;
  for (std::size_t at = page.find("src="); at != std::string::npos;
       at = page.find("src=", at + 1)) {
    EXPECT_EQ(page.compare(at, 26, "src=\"data:image/png;base64"), 0) << page.substr(at, 60);
    ++pictures;
  }
  // Walls of four arms (4 prompts, 3 times); failures: 3 of the base, 2 x 3 of each arm.
  EXPECT_EQ(pictures, 4u * 4 * 3 + 3 + 4 * 6);
}

TEST(ReportPage, EveryIdIsUniqueAndEveryLinkLeadsToOne) {
  const std::string page = render_page(PageFixture().report(), cells());
  const auto values = [&](const std::string& begin) {
    std::vector<std::string> found;
    for (std::size_t at = page.find(begin); at != std::string::npos;
         at = page.find(begin, at + 1)) {
      found.push_back(
          page.substr(at + begin.size(), page.find('"', at + begin.size()) - at - begin.size()));
    }
    return found;
  };
  std::vector<std::string> ids = values(" id=\"");
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(std::count(ids.begin(), ids.end(), ""), 0);
  const std::vector<std::string> links = values("href=\"#");
  EXPECT_GE(links.size(), 8u);
  for (const std::string& link : links) {
    EXPECT_TRUE(std::binary_search(ids.begin(), ids.end(), link)) << link;
  }
}

TEST(ReportPage, OneSeedHasNoInterval) {
  const Json report = PageFixture({"loop"}, 1).report();
  const std::string page = render_page(report, {});
  const std::string shown = cell_of(row_of(page, "results-table", "loop"), "oracle_joint");
  EXPECT_EQ(numbers_in(shown).size(), 1u) << shown;
  EXPECT_NE(row_of(page, "results-table", "loop").find("one seed"), std::string::npos);
  EXPECT_EQ(page.find("null"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(ReportPage, RendersWhateverIsMissing) {
  const std::string empty = render_page(Json::object(), {});
  EXPECT_NE(empty.find("No evaluation is finished yet"), std::string::npos);
  Json whole = PageFixture().report();
  whole["curves"] = {{"kl/nats", whole["curves"]["kl/nats"]}};
  for (const auto& [key, ignored] : whole.items()) {
    SCOPED_TRACE(key);
    Json part = whole;
    part.erase(key);
    EXPECT_NE(render_page(part, cells()).find("</html>"), std::string::npos);
    part[key] = nullptr;
    EXPECT_NE(render_page(part, {}).find("</html>"), std::string::npos);
  }
}

TEST(ReportPage, ARunUnderWayShowsItsCurves) {
  Json report = PageFixture().report();
  for (const char* key : {"base", "algorithms", "differences", "findings"}) report.erase(key);
  report["running"] = {"loop-seed-16"};
  const std::string page = render_page(report, {});
  EXPECT_NE(page.find("Not finished yet"), std::string::npos);
  EXPECT_NE(page.find("loop-seed-16"), std::string::npos);
  if (!can_plot()) GTEST_SKIP() << "gnuplot is not installed (apt-get install gnuplot-nox)";
  EXPECT_NE(page.find("by-images"), std::string::npos);
  EXPECT_LT(page.find(">judge/oracle_joint<"), page.find(">reward/mean<")) << "headline first";
}

/// Programs are found in this folder alone, as long as it lives.
class OnlyPath {
 public:
  explicit OnlyPath(const std::string& folder) {
    const char* before = std::getenv("PATH");
    before_ = before != nullptr ? before : "";
    ::setenv("PATH", folder.c_str(), 1);
  }
  ~OnlyPath() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

TEST(ReportPage, WithoutGnuplotThePageSaysSo) {
  const OnlyPath nowhere("/nowhere");
  const std::string page = render_page(PageFixture().report(), cells());
  EXPECT_NE(page.find("Curves need gnuplot: <code>apt-get install gnuplot-nox</code>"),
            std::string::npos);
  EXPECT_TRUE(render_figures(PageFixture().report()).empty());
}

TEST(ReportPage, AGnuplotThatFailsCostsTheCurvesAlone) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "loopline_failing_gnuplot";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "gnuplot") << "#!/bin/sh\necho 'no <terminal> svg' >&2\nexit 3\n";
  std::filesystem::permissions(folder / "gnuplot", std::filesystem::perms::owner_all);
  const OnlyPath failing(folder);
  const std::string page = render_page(PageFixture().report(), cells());
  EXPECT_NE(page.find("Curves were not drawn: <code>gnuplot: ended with exit code 3: "
                      "no &lt;terminal&gt; svg</code>"),
            std::string::npos);
  EXPECT_NE(row_of(page, "results-table", "loop"), "");
  EXPECT_TRUE(render_figures(PageFixture().report()).empty());
  std::filesystem::remove_all(folder);
}

TEST(ReportPage, OneLegendServesAllPlots) {
  if (!can_plot()) GTEST_SKIP() << "gnuplot is not installed (apt-get install gnuplot-nox)";
  std::vector<std::string> arms;
  for (int i = 0; i < 9; ++i) arms.push_back("arm-" + std::to_string(i));
  const std::string page = render_page(PageFixture(arms).report(), {});
  const std::string curves = between(page, "<section id=\"curves\"", "</section>");
  const std::string legend = between(curves, "<ul class=\"legend\"", "</ul>");
  const std::string plots = between(page, "<div class=\"plots\"", "</section>");
  EXPECT_LT(legend.find("class=\"stroke s0\""), legend.find("<bdi>arm-0</bdi>"));
  EXPECT_NE(legend.find("class=\"stroke s0 again\""), std::string::npos) << "the ninth arm";
  EXPECT_NE(between(legend, "class=\"stroke level\"", "</li>").find("before training"),
            std::string::npos);
  EXPECT_NE(between(legend, "class=\"stroke level dotted\"", "</li>").find("target"),
            std::string::npos);
  ASSERT_NE(plots, "");
  for (const char* name : {"arm-", "before training", ">target<"}) {
    EXPECT_EQ(plots.find(name), std::string::npos) << name;
  }
}

TEST(ReportPage, FiguresHoldTheLinesOfTheReport) {
  if (!can_plot()) GTEST_SKIP() << "gnuplot is not installed (apt-get install gnuplot-nox)";
  const Json report = PageFixture().report();
  const auto figures = render_figures(report);
  ASSERT_EQ(figures.size(), report["curves"].size());
  EXPECT_EQ(figures[0].first, "judge-oracle_joint.svg") << "headline first";
  const std::string page = render_page(report, {});
  for (const auto& [name, figure] : figures) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(figure.starts_with("<?xml "));
    int colour = 0;
    for (const auto& [arm, ignored] : report["algorithms"].items()) {
      EXPECT_NE(figure.find(">" + arm + "<"), std::string::npos) << arm;
      // The light colour that the page has for this arm.
      const std::string series = "--series-" + std::to_string(colour++) + ": ";
      const std::string own = between(page, series, ";");
      EXPECT_NE(figure.find("stroke='" + own + "'"), std::string::npos) << arm << " " << own;
      EXPECT_NE(figure.find("fill = '" + own + "'"), std::string::npos) << arm << " " << own;
    }
    EXPECT_NE(figure.find(">images trained on<"), std::string::npos);
  }
}

TEST(ReportPage, FiguresOfStrangersStayInTheirFolder) {
  if (!can_plot()) GTEST_SKIP() << "gnuplot is not installed (apt-get install gnuplot-nox)";
  Json report = PageFixture({"loop"}).report();
  const Json curve = report["curves"]["reward/mean"];
  report["curves"] = Json::object();
  for (const char* metric : {"../x", "a b", "a/b", "größe"}) report["curves"][metric] = curve;
  std::vector<std::string> names;
  for (const auto& [name, figure] : render_figures(report)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"_.-x.svg", "a-b.svg", "a-b_.svg", "gr----e.svg"}));
}

TEST(ReportPage, TheWallHasAllArmsOfAPromptInColumnsOfEqualImages) {
  std::vector<Cell> some = cells();
  std::vector<Wall*> walls;
  for (Cell& cell : some) {
    if (!cell.wall.prompts.empty()) walls.push_back(&cell.wall);
  }
  ASSERT_GE(walls.size(), 2u);
  for (Wall* wall : walls) wall->images = {0, 200, 400};
  walls.front()->images = {0, 100, 400};
  const std::string page = render_page(PageFixture().report(), some);
  const std::string section = between(page, "<section id=\"pictures\"", "</section>");
  const std::string prompt = walls.front()->prompts[0];
  const std::string table =
      between(section, "<caption><bdi>" + prompt + "</bdi></caption>", "</table>");
  const std::string head = between(table, "<thead>", "</thead>");
  EXPECT_EQ(numbers_in(cell_of("data-column=\"\">" + head + "</td>", "")),
            (std::vector<double>{0, 200, 400}))
      << "100 is one arm's alone";
  std::vector<std::string> kinds;  // of the cells: a picture or a gap
  for (std::size_t at = 0; (at = table.find("<td>", at)) != std::string::npos; ++at) {
    kinds.push_back(table.compare(at + 4, 4, "<img") == 0 ? "picture" : "gap");
  }
  ASSERT_EQ(kinds.size(), 4u * 3) << "four arms";
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "gap"), 1);
  EXPECT_EQ((std::vector<std::string>(kinds.begin(), kinds.begin() + 3)),
            (std::vector<std::string>{"picture", "gap", "picture"}));
}

TEST(ReportPage, CaptionsOfFailuresBeginWithTheHeadline) {
  std::vector<Cell> one = {cells()[1]};
  one[0].evaluations[0].failures.resize(1);
  one[0].evaluations[0].failures[0].scores = {
      {"aesthetic", 2e-9}, {"oracle_joint", 0.25}, {"reward", 1}};
  const std::string page = render_page(PageFixture().report(), one);
  const std::string scores = between(page, "<small class=\"scores\">", "</small>");
  EXPECT_EQ(scores,
            "<span>oracle_<wbr>joint</span><b>0.250</b><span>aesthetic</span><b>0</b>"
            "<span>reward</span><b>1</b>");
}

TEST(ReportPage, ShowsTheSummaryOfCells) {
  const Json report = summarize(cells(), subject("Synthetic"));
  const std::string page = render_page(report, cells());
  ASSERT_EQ(report["algorithms"].size(), 4u);
  for (const auto& [name, arm] : report["algorithms"].items()) {
    SCOPED_TRACE(name);
    const bool main = arm["group"] == "main";
    const std::string row = row_of(page, main ? "results-table" : "updates-table", name);
    const std::string metric = report["metric"];
    expect_shows(row, metric, arm[metric]);
    expect_shows(row, "gain", arm["splits"][report["split"]][metric]["gain"]);
  }
  for (const Json& finding : report["findings"]) {
    EXPECT_NE(page.find("<p>" + finding.get<std::string>() + "</p>"), std::string::npos);
  }
}

TEST(ReportPage, ASearchThatEndsAtItsEdgeSaysSo) {
  Json report = PageFixture().report();
  EXPECT_EQ(render_page(report, {}).find("end of the range"), std::string::npos);
  report["tuning"][0]["at_end"] = true;
  EXPECT_NE(render_page(report, {}).find("end of the range"), std::string::npos);
}

/// Pages for tests/cli/report_page_test.py, which opens them in a browser.
TEST(ReportPage, WritesPagesForABrowser) {
  const char* out = std::getenv("LOOPLINE_PAGE_OUT");
  if (out == nullptr) GTEST_SKIP() << "LOOPLINE_PAGE_OUT names no directory";
  const std::filesystem::path directory = out;
  const std::vector<Cell> synthetic = synthetic_cells({.pictures = true});
  Json report = summarize(synthetic, subject("Three algorithms on a synthetic world"));
  report["tuning"] = PageFixture().report()["tuning"];
  std::ofstream(directory / "report.html") << render_page(report, synthetic);
  std::vector<std::string> many;
  for (int i = 0; i < 12; ++i) many.push_back("loop-group_size-" + std::to_string(1 << i));
  std::ofstream(directory / "twelve.html") << render_page(PageFixture(many).report(), {});
  Json one = PageFixture({"loop"}, 1).report();
  one["running"] = {"loop-seed-27", "loop-seed-42"};
  one["problems"] = {"ppo-seed-16: ended by the watch, exit 1"};
  std::ofstream(directory / "one.html") << render_page(one, {});
  std::ofstream(directory / "empty.html") << render_page(Json::object(), {});
}

}  // namespace
}  // namespace loopline::report
