#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::plots {

/// A page of HTML while it is written, from above. It is one file that runs no script and loads nothing: light or dark
/// as the reader's system is, and no wider than a telephone of 390 pixels; a table that cannot be narrower is scrolled
/// by itself. All texts may be foreign; they are escaped.
class Page {
 public:
  explicit Page(std::string_view title);

  void heading(std::string_view text);
  void paragraph(std::string_view text);

  /// Lines as a terminal shows them, such as settings to be copied.
  void code(std::string_view lines);

  /// The first column is at the left, numbers of the others at the right. REQUIRES: rows as long as `head`.
  void table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);

  /// SVG files, as to_svg() makes them, beside each other where there is room for that.
  void charts(const std::vector<std::string>& svgs);

  /// A PNG file, as wide as its place at most, with what a reader gets who does not see it, and a line below it.
  void picture(std::string_view png, std::string_view seen, std::string_view caption);

  /// Pictures that belong together, PNG files side by side, and lines about them.
  struct Card {
    struct Picture {
      std::string png;
      std::string seen;  ///< What a reader gets who does not see it.
    };
    std::vector<Picture> pictures;
    std::vector<std::string> lines;  ///< The first one is the most important.
  };
  void cards(const std::vector<Card>& cards);

  /// A part of a whole, drawn as a bar. `share` is from 0 to 1, or of whatever is the whole of all bars.
  struct Bar {
    std::string name;
    double share = 0;
    std::string text;  ///< The number behind it.
  };
  void bars(const std::vector<Bar>& bars);

  /// The file.
  std::string str() const { return body_ + "</main>\n</html>\n"; }

 private:
  void element(std::string_view tag, std::string_view text);
  void image(std::string_view png, std::string_view seen);

  std::string body_;
};

}  // namespace millrace::plots
