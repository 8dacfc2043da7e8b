#include <millrace/loader/images/transforms/renderer.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

using namespace millrace::transforms;

// A gray PGM picture of 30 rows and 40 columns with a bright box of 10 x 10 at row 5, column 20.
std::vector<std::byte> picture_with_box() {
  std::string file = "P5\n40 30\n255\n";
  for (int y = 0; y < 30; ++y)
    for (int x = 0; x < 40; ++x) file += y >= 5 && y < 15 && x >= 20 && x < 30 ? '\xff' : '\0';
  std::vector<std::byte> bytes(file.size());
  std::memcpy(bytes.data(), file.data(), file.size());
  return bytes;
}

int main() {
  const auto file = picture_with_box();
  Targets targets;
  targets.boxes = {{20, 5, 30, 15}, {0, 20, 4, 30}};  // Left, top, right, bottom.
  targets.add_mask(file);                             // The picture is a mask of its own box.

  const Chain chain = RandomHorizontalFlip(1) | CenterCrop({20, 30}) | Resize({40, 60});
  millrace::SampleRng rng(1);
  std::vector<std::byte> row(40 * 60);
  Renderer().render(chain, file, millrace::ImageMode::kGray, rng, {40, 60}, row, targets);

  for (const auto& [left, top, right, bottom] : targets.boxes)
    std::cout << "box " << left << ' ' << top << ' ' << right << ' ' << bottom << '\n';
  std::cout << "kept:";
  for (const size_t i : sane_boxes(targets.boxes, {40, 60})) std::cout << ' ' << i;
  std::cout << "\nmask of " << to_string(targets.mask_size()) << ", marked pixels "
            << std::count(targets.masks().begin(), targets.masks().end(), 255) << '\n';
}
