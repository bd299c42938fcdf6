#pragma once

#include <string>
#include <utility>
#include <vector>

namespace loopline::report {

constexpr std::size_t kLongestLabel = 48;  // characters

/// Words that gnuplot is to draw without ever seeing them: labels are strangers' text, and its
/// language runs shell commands. It gets a stand-in of the same length, so that the layout fits.
class StandIns {
 public:
  /// The stand-in, of letters and digits alone; long texts are cut. "" for an empty one.
  std::string add(const std::string& text);

  /// Puts the texts, escaped, where the stand-ins are the content of an element.
  std::string put_back(const std::string& svg) const;

 private:
  std::vector<std::pair<std::string, std::string>> texts_;
};

/// Colours that stand for CSS variables of the page, as gnuplot reads them: '#010101'.
constexpr const char* kInkColour = "#010101";
constexpr const char* kLineColour = "#020202";
constexpr int kSeriesColours = 8;
std::string series_colour(int index);

/// What gnuplot's svg terminal printed as an element for a page: no XML header, definitions, ids or
/// fonts of its own (several plots share a page), colours as CSS variables, as wide as its place.
std::string page_svg(const std::string& printed, const std::string& label);

/// The same as a document of that size in pixels, in the light colours of the page on white.
std::string document_svg(const std::string& printed, const std::string& label, int width,
                         int height);

}  // namespace loopline::report
