#include "millrace/plots/svg.h"

#include <array>
#include <cstdio>

#include "millrace/sharing/os/printable.h"

namespace millrace::plots {
namespace {

// A tenth of a pixel is finer than anybody sees.
std::string number(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + std::string(value) + "\"";
}

std::string attribute(std::string_view name, double value) { return attribute(name, number(value)); }

// The bytes of the UTF-8 character that begins with this one.
size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// As parts of the font's size: a wide Latin letter, and a Chinese one for all that is not ASCII.
double width_of(char first) { return static_cast<unsigned char>(first) < 0x80 ? 0.62 : 1.05; }

}  // namespace

std::string xml_text(std::string_view text, size_t most) {
  std::string escaped;
  for (const char c : printable(text, most)) switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  return escaped;
}

double text_width(std::string_view text, double size) {
  double width = 0;
  for (size_t at = 0; at < text.size(); at += length_of(text[at])) width += width_of(text[at]) * size;
  return width;
}

std::string fitted(std::string_view text, double size, double width) {
  if (text_width(text, size) <= width) return std::string(text);
  double used = size;  // The dots.
  size_t end = 0;
  for (; end < text.size(); end += length_of(text[end])) {
    used += width_of(text[end]) * size;
    if (used > width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

Svg::Svg(double width, double height, std::string_view title, std::string_view style_sheet)
    : body_("<svg xmlns=\"http://www.w3.org/2000/svg\"" +
            attribute("viewBox", "0 0 " + number(width) + " " + number(height)) + attribute("role", "img") + ">\n" +
            "<title>" + xml_text(title) + "</title>\n<style>\n" + std::string(style_sheet) + "</style>\n") {}

void Svg::rectangle(std::string_view classes, Point corner, double width, double height) {
  body_ += "<rect" + attribute("class", classes) + attribute("x", corner.x) + attribute("y", corner.y) +
           attribute("width", width) + attribute("height", height) + "/>\n";
}

void Svg::line(std::string_view classes, Point from, Point to) {
  body_ += "<line" + attribute("class", classes) + attribute("x1", from.x) + attribute("y1", from.y) +
           attribute("x2", to.x) + attribute("y2", to.y) + "/>\n";
}

void Svg::path(std::string_view classes, const std::vector<Point>& points) {
  std::string pairs;
  for (const Point& point : points) pairs += (pairs.empty() ? "" : " ") + number(point.x) + "," + number(point.y);
  body_ += "<polyline" + attribute("class", classes) + attribute("points", pairs) + "/>\n";
}

void Svg::circle(std::string_view classes, Point centre, double radius) {
  body_ += "<circle" + attribute("class", classes) + attribute("cx", centre.x) + attribute("cy", centre.y) +
           attribute("r", radius) + "/>\n";
}

void Svg::text(std::string_view classes, Anchor anchor, Point at, std::string_view text) {
  constexpr std::array<const char*, 3> kAnchors{"start", "middle", "end"};
  body_ += "<text" + attribute("class", classes) + attribute("text-anchor", kAnchors[static_cast<size_t>(anchor)]) +
           attribute("x", at.x) + attribute("y", at.y) + ">" + xml_text(text) + "</text>\n";
}

}  // namespace millrace::plots
