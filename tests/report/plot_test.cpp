#include "loopline/report/plot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace loopline::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

/// Whether every element of it is closed in its turn, and no attribute is cut: what an XML parser
/// would refuse first.
bool is_well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos || occurrences(tag, "\"") % 2 != 0) return false;
    const std::string name = tag.substr(0, tag.find_first_of(" \n/", 1));
    if (tag.front() == '?') continue;
    if (tag.front() == '/') {
      if (open.empty() || "/" + open.back() != name) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
  }
  return open.empty();
}

class PlotSvg : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!can_plot()) GTEST_SKIP() << "gnuplot is not installed (apt-get install gnuplot-nox)";
  }

  Plot plot_ = {.title = "judge/oracle_joint",
                .x_label = "images",
                .y_label = "share",
                .lines = {{.label = "loop",
                           .colour = 0,
                           .x = {0, 100, 200},
                           .y = {0.4, 0.5, 0.7},
                           .low = {0.35, 0.45, 0.6},
                           .high = {0.45, 0.55, 0.8}},
                          {.label = "ppo",
                           .colour = 9,
                           .x = {0, 100, 200},
                           .y = {0.4, 0.45, 0.5},
                           .low = {},
                           .high = {}}},
                .levels = {{"before training", 0.42}}};
};

TEST_F(PlotSvg, DrawsLinesBandsAndLevelsInTheColoursOfThePage) {
  const std::string svg = plot_svg(plot_);
  EXPECT_TRUE(svg.starts_with("<svg ")) << svg.substr(0, 80);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(occurrences(svg, "<polygon"), 1u);  // the line without bounds has no band
  EXPECT_EQ(occurrences(svg, "fill = 'var(--series-0)'"), 1u);
  EXPECT_GE(occurrences(svg, "stroke='var(--series-0)'"), 1u);
  EXPECT_GE(occurrences(svg, "stroke='var(--series-1)'"), 1u);  // 9: the palette begins again,
  EXPECT_EQ(occurrences(svg, "stroke-dasharray"), 2u);          // dashed; and the level
  for (const std::string text : {">judge/oracle_joint<", ">images<", ">share<"}) {
    EXPECT_EQ(occurrences(svg, text), 1u) << text;
  }
  for (const std::string text : {">loop<", ">ppo<", ">before training<"}) {
    EXPECT_EQ(occurrences(svg, text), 0u) << text << ": the page has the legend";
  }
  EXPECT_NE(svg.find("viewBox=\"0 0 560 340\""), std::string::npos);
  EXPECT_NE(svg.find("role=\"img\" aria-label=\"judge/oracle_joint\""), std::string::npos);
  EXPECT_EQ(svg.find("rgb("), std::string::npos);
}

TEST_F(PlotSvg, HoldsNothingThatClashesWithAnotherPlotOrLeavesThePage) {
  const std::string svg = plot_svg(plot_);
  for (const char* part : {" id=", "href", "<?xml", "http", "<style", "<title", "font-family"}) {
    EXPECT_EQ(svg.find(part), std::string::npos) << part;
  }
}

TEST_F(PlotSvg, LabelsAreTextWhateverTheyHold) {
  const std::vector<std::string> labels = {"a'b\"c",
                                           "`touch /tmp/owned`",
                                           "<script>alert(1)</script>",
                                           "$(id)\n!id\nexit",
                                           "{/Bold x}_y^2",
                                           "@macro %s \\",
                                           "L0x",
                                           "größer 🙂"};
  plot_.lines.resize(1);
  plot_.title = "'; system('id'); '";
  for (const std::string& label : labels) plot_.levels.push_back({.label = label, .y = 0.5});
  const std::string svg = plot_document(plot_);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  for (const char* shown :
       {">a&#39;b&quot;c<", ">`touch /tmp/owned`<", ">&lt;script&gt;alert(1)&lt;/script&gt;<",
        ">{/Bold x}_y^2<", ">@macro %s \\<", ">L0x<", ">größer 🙂<",
        ">&#39;; system(&#39;id&#39;); &#39;<"}) {
    EXPECT_EQ(occurrences(svg, shown), 1u) << shown;
  }
}

TEST_F(PlotSvg, LogarithmicAxesLeaveOutWhatTheyCannotShow) {
  plot_ = {.title = "error",
           .x_label = "rows",
           .y_label = "",
           .lines = {{.label = "ips",
                      .colour = 0,
                      .x = {0, 10, 1000, 100000},
                      .y = {1, 1e-2, 1e-4, 0},
                      .low = {},
                      .high = {}}},
           .log_x = true,
           .log_y = true};
  const std::string svg = plot_svg(plot_);
  EXPECT_TRUE(is_well_formed(svg));
  // Of four points two have logarithms; decades are as far apart on the axis as tens of rows.
  for (const char* tick : {">10<", ">100<", ">1000<", ">0.01<", ">0.001<", ">0.0001<"}) {
    EXPECT_EQ(occurrences(svg, tick), 1u) << tick;
  }
  EXPECT_EQ(svg.find(">10000<"), std::string::npos);
}

TEST_F(PlotSvg, AHistogramIsFilledDownToItsFoot) {
  plot_.lines = {{.label = "rows",
                  .colour = 2,
                  .x = {0, 1, 2, 3},
                  .y = {5, 1, 2, 0},
                  .low = {},
                  .high = {},
                  .style = PlotStyle::kSteps}};
  plot_.levels.clear();
  const std::string svg = plot_svg(plot_);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_GE(occurrences(svg, "fill = 'var(--series-2)'"), 1u);
}

TEST_F(PlotSvg, CirclesStandAloneAndInTheColourOfTheirLine) {
  plot_.lines = {
      {.label = "published", .colour = 3, .x = {10}, .y = {0.5}, .style = PlotStyle::kCircles}};
  plot_.levels.clear();
  const std::string svg = plot_svg(plot_);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(occurrences(svg, "<use"),
            0u);  // gnuplot's own signs are among the definitions left out
  EXPECT_GE(occurrences(svg, "var(--series-3)"), 1u);
}

TEST_F(PlotSvg, ADocumentStandsAloneWithItsLegendAndColours) {
  plot_.levels.push_back({.label = "target", .y = 0.6, .dotted = true});
  const std::string svg = plot_document(plot_, 400, 300);
  const std::string header = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  ASSERT_TRUE(svg.starts_with(header + "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""));
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(svg.find("var("), std::string::npos);
  EXPECT_EQ(svg.find("currentColor"), std::string::npos);
  EXPECT_EQ(svg.find("rgb("), std::string::npos);
  EXPECT_NE(svg.find("fill=\"#fff\""), std::string::npos) << "paper";
  EXPECT_EQ(occurrences(svg, "fill = '#0072b2'"), 1u) << "the band of the first line";
  for (const std::string text : {">loop<", ">ppo<", ">before training<", ">target<"}) {
    EXPECT_EQ(occurrences(svg, text), 1u) << text;
  }
  // ppo's dashes, those of the base and those of the target are three kinds.
  std::set<std::string> dashes;
  for (std::size_t at = 0; (at = svg.find("stroke-dasharray='", at)) != std::string::npos; ++at) {
    dashes.insert(svg.substr(at, svg.find('\'', at + 18) - at));
  }
  EXPECT_EQ(dashes.size(), 3u);
}

TEST_F(PlotSvg, ManyLinesMakeADocumentHigherAndLongNamesWider) {
  const auto side = [&](const std::string& name) {
    const std::string svg = plot_document(plot_, 400, 300);
    return std::stoi(svg.substr(svg.find(name + "=\"") + name.size() + 2));
  };
  const int width = side("width");
  EXPECT_GT(width, 400);
  EXPECT_EQ(side("height"), 300);
  plot_.lines.resize(40, plot_.lines[1]);
  EXPECT_GT(side("height"), 40 * 14);
  plot_.lines[7].label = "loop-without-leave-one-out";
  EXPECT_GT(side("width"), width + 50);
}

TEST_F(PlotSvg, SkipsPointsWithoutValueAndLinesWithoutTwoPoints) {
  plot_.lines[0].y = {0.4, kNan, 0.7};
  plot_.lines[0].low[2] = kNan;  // the band ends as thin as its line
  plot_.lines[1].y = {0.4, kNan, kNan};
  const std::string svg = plot_svg(plot_);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(svg.find("series-1"), std::string::npos);
  EXPECT_EQ(plot_document(plot_).find(">ppo<"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_GE(occurrences(svg, "<polygon"), 1u);
  plot_.lines[0].y = {kNan, kNan, 0.7};
  EXPECT_EQ(plot_svg(plot_), "");
  EXPECT_EQ(plot_svg({}), "");
  EXPECT_EQ(plot_document({}), "");
}

TEST_F(PlotSvg, ConstantLinesAndOnePlaceAreDrawn) {
  plot_.lines[0] = {.label = "flat", .colour = 0, .x = {5, 5}, .y = {0, 0}, .low = {}, .high = {}};
  plot_.lines.resize(1);
  plot_.levels.clear();
  EXPECT_TRUE(is_well_formed(plot_svg(plot_)));
}

TEST_F(PlotSvg, IsAFunctionOfThePlotAndStaysSmall) {
  PlotLine& line = plot_.lines[0];
  line = {.label = "long", .colour = 0, .x = {}, .y = {}, .low = {}, .high = {}};
  for (int i = 0; i < 20000; ++i) {
    line.x.push_back(i);
    line.y.push_back(std::sin(i / 1000.0));
    line.low.push_back(line.y.back() - 0.1);
    line.high.push_back(line.y.back() + 0.1);
  }
  const std::string svg = plot_svg(plot_);
  EXPECT_LT(svg.size(), 60000u);
  EXPECT_EQ(plot_svg(plot_), svg);
}

}  // namespace
}  // namespace loopline::report
