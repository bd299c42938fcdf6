#include "gnuplot_svg.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "loopline/core/error.h"
#include "loopline/report/html.h"

namespace loopline::report {
namespace {

/// What the variables of a page in the light (page_style.cpp) are in a document.
constexpr const char* kInk = "#1b1d22";
constexpr const char* kLine = "#dfe1e5";
constexpr std::array<const char*, kSeriesColours> kSeries = {
    "#0072b2", "#d55e00", "#008f68", "#b8629b", "#c98a00", "#3d9fd6", "#7d7000", "#6b6f78"};

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

/// Its first characters (UTF-8), with an ellipsis where there were more.
std::string cut(const std::string& text, std::size_t& characters) {
  characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!starts_character(text[i])) continue;
    if (characters == kLongestLabel) return text.substr(0, i) + "…";
    ++characters;
  }
  return text;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string result;
  std::size_t done = 0;
  for (std::size_t at; (at = text.find(from, done)) != std::string::npos;) {
    result.append(text, done, at - done).append(to);
    done = at + from.size();
  }
  text = result.append(text, done);
}

/// Removes ` name="..."` and ` name='...'`.
void remove_attribute(std::string& svg, const std::string& name) {
  for (const char quote : {'"', '\''}) {
    const std::string begin = " " + name + "=" + quote;
    for (std::size_t at; (at = svg.find(begin)) != std::string::npos;) {
      svg.erase(at, svg.find(quote, at + begin.size()) + 1 - at);
    }
  }
}

/// gnuplot titles its groups with our stand-ins, and opens many groups in which it draws nothing.
void remove_idle_elements(std::string& svg) {
  for (std::size_t at; (at = svg.find("<title>")) != std::string::npos;) {
    svg.erase(at, svg.find("</title>", at) + 8 - at);
  }
  constexpr std::string_view kEmpty = ">\n</g>\n";
  for (std::size_t at = 0; (at = svg.find(kEmpty, at)) != std::string::npos;) {
    const std::size_t begin = svg.rfind('<', at);
    if (svg.compare(begin, 3, "<g ") == 0) {
      svg.erase(begin, at + kEmpty.size() - begin);
      at = begin;
    } else {
      ++at;
    }
  }
}

using Colours = std::string (*)(int red, int green, int blue);

std::string page_colour(int red, int green, int blue) {
  if (red == 0x10) return "var(--series-" + std::to_string(blue) + ")";
  if (red == 2 && green == 2 && blue == 2) return "var(--line)";
  return "currentColor";
}

std::string document_colour(int red, int green, int blue) {
  if (red == 0x10) return kSeries.at(static_cast<std::size_t>(blue));
  return red == 2 && green == 2 && blue == 2 ? kLine : kInk;
}

/// gnuplot prints `rgb( 16,   0,   3)`, with and without the blanks.
void replace_colours(std::string& svg, Colours colour) {
  std::string result;
  std::size_t done = 0;
  for (std::size_t at; (at = svg.find("rgb(", done)) != std::string::npos;) {
    int red = 0, green = 0, blue = 0;
    const std::size_t end = svg.find(')', at);
    if (end == std::string::npos) break;
    std::sscanf(svg.c_str() + at, "rgb(%d ,%d ,%d", &red, &green, &blue);
    result.append(svg, done, at - done).append(colour(red, green, blue));
    done = end + 1;
  }
  svg = result.append(svg, done);
  for (const char* ink : {"\"black\"", "\"currentColor\""}) {
    replace_all(svg, ink, "\"" + colour(0, 0, 0) + "\"");
  }
}

/// What is drawn, without gnuplot's definitions, ids and fonts.
std::string content_of(const std::string& printed, Colours colour) {
  const std::size_t definitions = printed.find("</defs>");
  const std::size_t end = printed.rfind("</g>");  // of the canvas, whose begin is left out too
  if (definitions == std::string::npos || end == std::string::npos || end < definitions) {
    throw failure("gnuplot", "printed no picture", "Loopline knows gnuplot 5.4");
  }
  std::string content = printed.substr(definitions + 7, end - definitions - 7);
  for (const char* name : {"id", "class", "font-family", "color"}) remove_attribute(content, name);
  remove_idle_elements(content);
  replace_colours(content, colour);
  return content;
}

}  // namespace

std::string StandIns::add(const std::string& text) {
  if (text.empty()) return "";
  std::size_t characters = 0;
  std::string shown = cut(text, characters);
  std::string stand_in = "L" + std::to_string(texts_.size()) + "x";
  stand_in.resize(std::max(stand_in.size(), characters), 'x');
  texts_.emplace_back(stand_in, std::move(shown));
  return stand_in;
}

std::string StandIns::put_back(const std::string& svg) const {
  std::string result = svg;
  for (const auto& [stand_in, text] : texts_) {
    const std::string shown = page::escape(text);
    replace_all(result, ">" + stand_in + "<", ">" + shown + "<");
  }
  return result;
}

std::string series_colour(int index) { return "#10000" + std::to_string(index % kSeriesColours); }

std::string page_svg(const std::string& printed, const std::string& label) {
  const std::string content = content_of(printed, page_colour);
  const std::size_t box = printed.find("viewBox=\"");
  if (box == std::string::npos) throw failure("gnuplot", "printed no picture");
  const std::string view = printed.substr(box, printed.find('"', box + 9) + 1 - box);
  return "<svg class=\"plot\" " + view + " width=\"100%\" role=\"img\" aria-label=\"" +
         page::escape(label) + "\">" + content + "</svg>\n";
}

std::string document_svg(const std::string& printed, const std::string& label, int width,
                         int height) {
  const std::string size[] = {std::to_string(width), std::to_string(height)};
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
         "width=\"" +
         size[0] + "\" height=\"" + size[1] + "\" viewBox=\"0 0 " + size[0] + " " + size[1] +
         "\" font-family=\"Helvetica, Arial, sans-serif\" role=\"img\" aria-label=\"" +
         page::escape(label) + "\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>" +
         content_of(printed, document_colour) + "</svg>\n";
}

}  // namespace loopline::report
