#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/plots/picture.h"
#include "millrace/tests/plots/read_png.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::test {

/// Chromium without a screen, where it is there: scripts/setup --live installs it. Its window is a telephone's, and
/// pages are opened as wide as a desk's too.
class Chromium {
 public:
  static constexpr int kWidth = 390, kHeight = 600;

  enum class Scheme { kDark, kLight };

  /// How a page is opened.
  struct View {
    Scheme scheme;
    int width;
  };
  static constexpr int kWideWidth = 1280;
  static constexpr View kViews[] = {
      {Scheme::kLight, kWidth}, {Scheme::kDark, kWidth}, {Scheme::kLight, kWideWidth}, {Scheme::kDark, kWideWidth}};

  static bool is_there() { return detail::output_of("command -v chromium").first == 0; }

  /// What a file (chart.svg, page.html) looks like, as the window shows it.
  plots::Picture screenshot(const std::string& name, const std::string& content, Scheme scheme) const {
    folder_.write(name, content);
    const std::string picture = take(name, scheme, folder_.path() + "/picture.png");
    std::ifstream file(picture, std::ios::binary);
    return read_png({std::istreambuf_iterator<char>(file), {}});
  }

  /// The same, kept for people among the results of the tests, in screenshots/ of the build folder.
  void keep_screenshot(const std::string& name, const std::string& content, Scheme scheme) const {
    folder_.write(name, content);
    const std::string kept = built("screenshots");
    std::filesystem::create_directories(kept);
    take(name, scheme,
         kept + "/" + std::filesystem::path(name).stem().string() + (scheme == Scheme::kDark ? "_dark" : "_light") +
             ".png",
         kTall);
  }

  /// A page after it was opened.
  struct Opened {
    int width = -1;       ///< Of the page, in pixels: more than the view has for one that is scrolled to the side.
    int charts = 0;       ///< SVG elements.
    int pictures = 0;     ///< Pictures that are there.
    std::string console;  ///< What the page had to complain about, a line each.
  };
  Opened open(const std::string& page, View view) const {
    // Chromium's window is not as narrow as a telephone when it prints what it sees, but a frame is.
    folder_.write("opened.html", "<body><iframe id=page style='border:0;width:" + std::to_string(view.width) +
                                     "px' srcdoc=\"" + in_attribute(page) +
                                     "\"></iframe><script>addEventListener('load', () => {"
                                     "const page = document.getElementById('page').contentDocument;"
                                     "const loaded = [...page.images].filter(image => image.naturalWidth > 0);"
                                     "document.title = ['seen', page.documentElement.scrollWidth,"
                                     " page.querySelectorAll('svg').length, loaded.length].join(' ')})</script>\n");
    const auto [status, text] = run("--dump-dom", "opened.html", view.scheme, kHeight, "2>'" + log() + "'");
    Opened opened;
    const size_t seen = text.find("<title>seen ");
    if (status == 0 && seen != text.npos)
      std::sscanf(text.c_str() + seen, "<title>seen %d %d %d", &opened.width, &opened.charts, &opened.pictures);
    std::ifstream lines(log());
    for (std::string line; std::getline(lines, line);)
      if (line.find("CONSOLE") != line.npos) opened.console += line + "\n";
    return opened;
  }

 private:
  static std::string in_attribute(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
      if (c == '&')
        escaped += "&amp;";
      else if (c == '"')
        escaped += "&quot;";
      else
        escaped += c;
    }
    return escaped;
  }

  static constexpr int kTall = 4000;  // Enough for a whole page.

  std::string log() const { return folder_.path() + "/log"; }

  std::string take(const std::string& name, Scheme scheme, const std::string& picture, int height = kHeight) const {
    const auto [status, text] = run("--screenshot='" + picture + "'", name, scheme, height, "2>&1");
    if (status != 0 || !std::filesystem::exists(picture)) throw std::runtime_error("chromium made no picture: " + text);
    return picture;
  }

  std::pair<int, std::string> run(const std::string& what, const std::string& name, Scheme scheme, int height,
                                  const std::string& redirection) const {
    return detail::output_of("HOME='" + folder_.path() +
                             "' timeout 100 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars" +
                             " --disable-dev-shm-usage --enable-logging=stderr --user-data-dir='" + folder_.path() +
                             "/profile' --window-size=" + std::to_string(kWidth) + "," + std::to_string(height) +
                             " --blink-settings=preferredColorScheme=" + (scheme == Scheme::kDark ? "0" : "1") + " " +
                             what + " 'file://" + folder_.path() + "/" + name + "' " + redirection);
  }

  const Directory folder_;
};

}  // namespace millrace::test
