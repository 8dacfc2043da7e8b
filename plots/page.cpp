#include "millrace/plots/page.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "millrace/plots/svg.h"

namespace millrace::plots {
namespace {

// Colours are those of charts (chart_style.cpp).
constexpr std::string_view kStyleSheet =
    ":root{color-scheme:light dark;--ground:#fcfcfb;--ink:#0b0b0b;--faint:#52514e;--line:#e1e0d9;--bar:#2a78d6}\n"
    "@media (prefers-color-scheme:dark)"
    "{:root{--ground:#1a1a19;--ink:#fff;--faint:#c3c2b7;--line:#3a3a37;--bar:#3987e5}}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\n"
    "main{box-sizing:border-box;max-width:64rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.15rem;margin:2rem 0 .5rem}\n"
    ".wide{overflow:auto;overflow-wrap:normal;margin:1rem "
    "0}td:not(.number){min-width:7rem}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem 1rem .25rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}\n"
    "th{color:var(--faint);font-weight:600}.number{text-align:right;white-space:nowrap}\n"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid var(--line);border-radius:.25rem}\n"
    ".charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr))}\n"
    ".charts svg{display:block;width:100%;height:auto}\n"
    "figure{margin:1rem 0}figure img{display:block;max-width:100%;height:auto}figcaption{color:var(--faint)}\n"
    ".cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr))}\n"
    ".cards figure{margin:0;padding:.75rem;border:1px solid var(--line);border-radius:.25rem}\n"
    ".cards div{display:flex;gap:.25rem;align-items:flex-start}.cards img{min-width:0;flex:0 1 auto}\n"
    ".cards p{margin:.25rem 0 0}.cards p:first-child{color:var(--ink);font-weight:600}\n"
    ".bars{display:grid;grid-template-columns:auto minmax(4rem,1fr) auto;gap:.25rem .75rem;align-items:center}\n"
    ".bars div{background:var(--line)}.bars i{display:block;height:.8rem;background:var(--bar)}\n";

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (size_t digit = 0; digit < 4; ++digit)
      text += at + digit <= bytes.size() ? kDigits[group >> (18 - 6 * digit) & 63u] : '=';
  }
  return text;
}

// "12.5 ms", "1,234": what is compared by its digits, which a column has below each other.
bool is_number(std::string_view text) {
  constexpr size_t kLongestNumber = 24;
  return !text.empty() && text.size() <= kLongestNumber &&
         std::string_view("+-.0123456789").find(text.front()) != text.npos;
}

// Longer than any text that people write, and short enough for a page that opens at once.
constexpr size_t kLongest = 10'000;

std::string cell(std::string_view tag, std::string_view text, bool at_right) {
  return "<" + std::string(tag) + (at_right ? " class=\"number\">" : ">") + xml_text(text, kLongest) + "</" +
         std::string(tag) + ">";
}

}  // namespace

Page::Page(std::string_view title)
    : body_(
          "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          // A browser asks the server for a picture of the page unless it has one.
          "<link rel=\"icon\" href=\"data:,\">\n<title>" +
          xml_text(title) + "</title>\n<style>\n" + std::string(kStyleSheet) + "</style>\n<main>\n") {
  element("h1", title);
}

void Page::element(std::string_view tag, std::string_view text) { body_ += cell(tag, text, false) + "\n"; }

void Page::heading(std::string_view text) { element("h2", text); }

void Page::paragraph(std::string_view text) { element("p", text); }

void Page::code(std::string_view lines) {
  std::string escaped;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    escaped += xml_text(lines.substr(begin, end - begin), kLongest) + "\n";
    begin = end + 1;
  }
  body_ += "<pre>" + escaped + "</pre>\n";
}

void Page::table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  std::vector<bool> has_numbers(head.size(), false);
  for (const auto& row : rows)
    for (size_t column = 1; column < row.size(); ++column)
      if (is_number(row[column])) has_numbers[column] = true;
  const auto line = [&](std::string_view tag, const std::vector<std::string>& cells) {
    body_ += "<tr>";
    for (size_t column = 0; column < cells.size(); ++column)
      body_ += cell(tag, cells[column], has_numbers[column] && (tag == "th" || is_number(cells[column])));
    body_ += "</tr>\n";
  };
  body_ += "<div class=\"wide\"><table>\n";
  line("th", head);
  for (const auto& row : rows) line("td", row);
  body_ += "</table></div>\n";
}

void Page::charts(const std::vector<std::string>& svgs) {
  body_ += "<div class=\"charts\">\n";
  for (const std::string& svg : svgs) body_ += svg;
  body_ += "</div>\n";
}

void Page::picture(std::string_view png, std::string_view seen, std::string_view caption) {
  body_ += "<figure>";
  image(png, seen);
  if (!caption.empty()) body_ += cell("figcaption", caption, false);
  body_ += "</figure>\n";
}

void Page::image(std::string_view png, std::string_view seen) {
  body_ += "<img alt=\"" + xml_text(seen) + "\" src=\"data:image/png;base64," + base64(png) + "\">";
}

void Page::cards(const std::vector<Card>& cards) {
  body_ += "<div class=\"cards\">\n";
  for (const Card& card : cards) {
    body_ += "<figure><div>";
    for (const Card::Picture& picture : card.pictures) image(picture.png, picture.seen);
    body_ += "</div><figcaption>";
    for (const std::string& line : card.lines) body_ += cell("p", line, false);
    body_ += "</figcaption></figure>\n";
  }
  body_ += "</div>\n";
}

void Page::bars(const std::vector<Bar>& bars) {
  body_ += "<div class=\"bars\">\n";
  for (const Bar& bar : bars) {
    std::array<char, 16> width;
    std::snprintf(width.data(), width.size(), "%.1f%%", 100 * std::clamp(bar.share, 0.0, 1.0));
    body_ += cell("span", bar.name, false) + "<div><i style=\"width:" + width.data() + "\"></i></div>" +
             cell("span", bar.text, true) + "\n";
  }
  body_ += "</div>\n";
}

}  // namespace millrace::plots
