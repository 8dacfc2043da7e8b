#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/plots/picture.h"

namespace millrace::plots {

/// A box on a picture, from the upper left corner to the lower right one, in its pixels.
struct LabelledBox {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  int label = 0;  ///< Chooses the colour.
};

/// A picture on a contact sheet with what is known of it.
struct Exhibit {
  Picture picture;
  /// Two lines at most, which a line feed or the width separates; what is longer is cut. Letters beyond ASCII are
  /// boxes.
  std::string caption;
  std::vector<LabelledBox> boxes;
  std::vector<uint8_t> mask;  ///< A class for each pixel, or nothing. 0 and 255 (background, ignored) show no colour.
};

/// The exhibits row by row, about as many in a row as in a column, on one picture: for a look at what a model is given.
/// Each `together` that follow each other are of one kind, such as a picture before and after a transform: they stand
/// close to each other in one row. Pictures are enlarged or reduced by a whole factor to about 256 pixels, so that a
/// pixel of a small one is a square. Throws std::invalid_argument for no exhibit, for a picture as require_whole()
/// does, and for a mask of another size. REQUIRES: together is at least 1.
Picture contact_sheet(const std::vector<Exhibit>& exhibits, int together = 1);

/// One exhibit's picture as it stands on a sheet, with boxes and mask and without its caption. Throws as above.
Picture drawn(const Exhibit& exhibit);

}  // namespace millrace::plots
