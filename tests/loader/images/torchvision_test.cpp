// Fifty photos through torchvision and through ours, with the same parameters: geometry is equal, grey levels are
// within 1 and on average within 0.2. Photos of another folder than the tests' own: MILLRACE_PHOTOS=DIR.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <optional>

#include "millrace/tests/loader/images/chains.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::test {
namespace {

namespace fs = std::filesystem;

using image::Box;
using image::Interpolation;
using image::Size;
using transforms::PadMode;
using transforms::TargetBox;
using transforms::Targets;

constexpr size_t kPhotos = 50;

/// What torchvision said: a picture, or numbers.
struct Answer {
  Planes picture;
  std::vector<double> numbers;
};

/// Collects questions and what to do with their answers.
class Torchvision {
 public:
  using Check = std::function<void(const Answer&)>;

  /// The picture that the following questions are about.
  void picture(const Planes& planes) {
    offset_ = pixels_.size();
    size_ = planes.size;
    pixels_.append(planes.values.begin(), planes.values.end());
  }

  void ask(const std::string& operation, const std::vector<double>& numbers, Check check) {
    std::ostringstream line;
    line << offset_ << ' ' << size_.height << ' ' << size_.width << ' ' << operation << std::setprecision(17);
    for (const double number : numbers) line << ' ' << number;
    questions_.push_back(line.str());
    checks_.push_back(std::move(check));
  }

  /// Asks, and runs all checks. Nothing, not even torchvision's version, when there is no torchvision.
  std::optional<std::string> run() const {
    const test::Directory folder;
    std::ofstream(folder.path() + "/pictures", std::ios::binary) << pixels_;
    {
      std::ofstream file(folder.path() + "/questions");
      for (const auto& question : questions_) file << question << '\n';
    }
    const auto [status, text] = detail::output_of(
        "'" + python() + "' '" + test::source("tests/loader/images/torchvision_results.py") + "' '" + folder.path() +
        "/questions' '" + folder.path() + "/pictures' '" + folder.path() + "/results'");
    constexpr int kNoTorchvision = 3, kNoPython = 127;
    if (WIFEXITED(status) && (WEXITSTATUS(status) == kNoTorchvision || WEXITSTATUS(status) == kNoPython))
      return std::nullopt;
    if (status != 0) throw std::runtime_error("torchvision_results.py failed, see its message above");

    std::istringstream lines(text);
    std::string version;
    std::getline(lines, version);
    std::ifstream results(folder.path() + "/results", std::ios::binary);
    for (size_t i = 0; i < questions_.size(); ++i) {
      SCOPED_TRACE(questions_[i]);
      std::string line;
      if (!std::getline(lines, line)) throw std::runtime_error("torchvision_results.py left questions open");
      checks_[i](answer(line, results));
    }
    return version;
  }

 private:
  static Answer answer(const std::string& line, std::ifstream& results) {
    Answer result;
    std::istringstream words(line);
    if (line.front() == '=') {
      words.ignore(1);
      for (double number = 0; words >> number;) result.numbers.push_back(number);
    } else {
      int channels = 0;
      Size size;
      words >> channels >> size.height >> size.width;
      result.picture = blank(size, channels);
      auto& values = result.picture.values;
      results.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size()));
    }
    return result;
  }

  std::string pixels_;
  size_t offset_ = 0;
  Size size_;
  std::vector<std::string> questions_;
  std::vector<Check> checks_;
};

std::vector<std::string> photo_paths() {
  const char* given = std::getenv("MILLRACE_PHOTOS");
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(given != nullptr ? given : data_path("photos"))) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  // Evenly out of all classes.
  std::vector<std::string> chosen;
  for (size_t i = 0; i < kPhotos && !paths.empty(); ++i) chosen.push_back(paths[i * paths.size() / kPhotos]);
  return chosen;
}

Torchvision::Check equal_to(Planes ours) {
  return [ours = std::move(ours)](const Answer& answer) {
    ASSERT_EQ(ours.size, answer.picture.size);
    ASSERT_EQ(ours.channels, answer.picture.channels);
    EXPECT_EQ(difference(ours.values, answer.picture.values).largest, 0);
  };
}

// Of pixels that are taken from the nearest one: where two are equally near, which one torch takes hangs on how its
// matrix product rounds on this processor. Those are few, whole rows of a shear at most.
Torchvision::Check equal_but_for_ties(Planes ours) {
  return [ours = std::move(ours)](const Answer& answer) {
    ASSERT_EQ(ours.size, answer.picture.size);
    ASSERT_EQ(ours.channels, answer.picture.channels);
    const auto& theirs = answer.picture.values;
    int64_t others = 0;
    for (size_t i = 0; i < theirs.size(); ++i) others += ours.values[i] != theirs[i] ? 1 : 0;
    EXPECT_LE(others, static_cast<int64_t>(theirs.size()) / 50);
  };
}

Torchvision::Check near_to(Planes ours) {
  return [ours = std::move(ours)](const Answer& answer) {
    ASSERT_EQ(ours.size, answer.picture.size);
    ASSERT_EQ(ours.channels, answer.picture.channels);
    const Difference error = difference(ours.values, answer.picture.values);
    EXPECT_LE(error.largest, 1);
    EXPECT_LE(error.mean, 0.2);
  };
}

/// Operations in place, on a copy.
template <class Operation, class... Arguments>
Planes after(Planes picture, Operation operation, Arguments... arguments) {
  operation(view(picture), arguments...);
  return picture;
}

template <class... More>
std::vector<double> numbers(const Box& box, More... more) {
  return {double(box.y), double(box.x), double(box.height), double(box.width), double(more)...};
}

image::Affine random_affine(SampleRng& rng) {
  return {.angle = rng.uniform(-180, 180),
          .translate = {double(rng.integer(-20, 20)), double(rng.integer(-20, 20))},
          .scale = rng.uniform(0.4, 1.8),
          .shear = {rng.uniform(-40, 40), rng.uniform(-40, 40)}};
}

std::vector<double> numbers(const image::Affine& affine) {
  return {affine.angle, affine.translate[0], affine.translate[1], affine.scale, affine.shear[0], affine.shear[1]};
}

std::vector<double> joined(std::vector<double> first, const std::vector<double>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

void ask_geometry(Torchvision& torchvision, const Planes& picture, SampleRng& rng) {
  const auto side = [&](int least, int most) { return static_cast<int>(rng.integer(least, most)); };
  const Box box = random_box(picture.size, rng);
  const Size size = {side(1, 90), side(1, 90)};
  torchvision.ask("resized_crop", numbers(box, size.height, size.width), near_to(resize(crop(picture, box), size)));
  const transforms::Resize shorter(side(20, 120));
  torchvision.ask("resize", {double(shorter.size.height)}, near_to(resize(picture, shorter.output_size(picture.size))));
  for (const auto filter :
       {image::ResizeFilter::kNearest, image::ResizeFilter::kBilinear, image::ResizeFilter::kBicubic})
    torchvision.ask("resize_by", {double(filter), double(size.height), double(size.width)},
                    equal_to(resize(picture, size, filter)));
  const Size middle = {side(1, 200), side(1, 200)};
  torchvision.ask("center_crop", {double(middle.height), double(middle.width)}, equal_to(center_crop(picture, middle)));
  torchvision.ask("horizontal_flip", {}, equal_to(mirror(picture)));
  torchvision.ask("vertical_flip", {}, equal_to(flip_vertical(picture)));
  for (int mode = 0; mode < 4; ++mode) {
    const image::Borders borders = {side(0, 30), side(0, 30), side(0, 30), side(0, 30)};
    std::vector<double> n = {double(mode), double(borders.left), double(borders.top), double(borders.right),
                             double(borders.bottom)};
    torchvision.ask("pad", joined(n, {9, 80, 200}),
                    equal_to(pad(picture, transforms::Pad(borders, {9, 80, 200}, static_cast<PadMode>(mode)))));
    Targets targets;
    targets.add_mask(picture.size, std::span(picture.values).first(picture.values.size() / 3));
    targets.pad(picture.size, borders, static_cast<PadMode>(mode));
    torchvision.ask("mask_pad", n,
                    equal_to({targets.mask_size(), 1, {targets.masks().begin(), targets.masks().end()}}));
  }
  const Box erased = random_box(picture.size, rng);
  torchvision.ask("erase", numbers(erased, 124, 116, 104), equal_to(erase(picture, erased, {124, 116, 104})));
}

void ask_affine(Torchvision& torchvision, const Planes& picture, SampleRng& rng) {
  for (const std::vector<uint8_t>& fill : {std::vector<uint8_t>{}, {9, 80, 200}}) {
    const std::vector<double> fill_numbers(fill.begin(), fill.end());
    const image::Affine affine = random_affine(rng);
    const double turn = rng.uniform(-180, 180);
    for (const auto mode : {Interpolation::kNearest, Interpolation::kBilinear}) {
      const double bilinear = mode == Interpolation::kBilinear ? 1 : 0;
      const auto check = [&](Planes ours) { return bilinear == 0 ? equal_but_for_ties(ours) : near_to(ours); };
      torchvision.ask("affine", joined(joined(numbers(affine), {bilinear}), fill_numbers),
                      check(transform_affine(picture, affine, mode, fill)));
      torchvision.ask("rotate", joined({turn, bilinear}, fill_numbers),
                      check(transform_affine(picture, {.angle = -turn}, mode, fill)));
    }
  }
}

void ask_colors(Torchvision& torchvision, const Planes& picture, SampleRng& rng) {
  const auto ask = [&](const char* name, double value, auto operation) {
    torchvision.ask(name, {value}, near_to(after(picture, operation, value)));
  };
  ask("adjust_brightness", rng.uniform(0, 2), image::adjust_brightness);
  ask("adjust_contrast", rng.uniform(0, 2), image::adjust_contrast);
  ask("adjust_saturation", rng.uniform(0, 2), image::adjust_saturation);
  ask("adjust_hue", rng.uniform(-0.5, 0.5), image::adjust_hue);
  ask("solarize", rng.uniform(0, 255), image::solarize);
  const double factor = rng.uniform(0, 3);
  torchvision.ask("adjust_sharpness", {factor}, near_to(sharpen(picture, factor)));
  const auto bits = static_cast<int>(rng.integer(0, 8));
  torchvision.ask("posterize", {double(bits)}, equal_to(after(picture, image::posterize, bits)));
  torchvision.ask("invert", {}, equal_to(after(picture, image::invert)));
  torchvision.ask("equalize", {}, equal_to(after(picture, image::equalize)));
  torchvision.ask("autocontrast", {}, equal_to(after(picture, image::autocontrast)));
  torchvision.ask("rgb_to_grayscale", {1}, near_to(gray(picture, 1)));
  const Size kernel = {1 + 2 * static_cast<int>(rng.integer(0, 7)), 1 + 2 * static_cast<int>(rng.integer(0, 7))};
  const double sigma = rng.uniform(0.1, 4);
  torchvision.ask("gaussian_blur", {double(kernel.height), double(kernel.width), sigma},
                  near_to(blur(picture, kernel, sigma)));
}

void ask_augmentations(Torchvision& torchvision, const Planes& picture, SampleRng& rng) {
  const auto ask = [&](const transforms::Augmentation& drawn, Interpolation mode) {
    const bool exact = mode == Interpolation::kNearest && drawn.kind >= transforms::AugmentKind::kShearX &&
                       drawn.kind <= transforms::AugmentKind::kRotate;
    Planes ours = augment(picture, drawn, mode, {});
    torchvision.ask("augment", {double(drawn.kind), drawn.magnitude, mode == Interpolation::kBilinear ? 1.0 : 0.0},
                    exact ? equal_but_for_ties(std::move(ours)) : near_to(std::move(ours)));
  };
  const transforms::RandAugment some(2, static_cast<int>(rng.integer(0, 30)));
  for (int i = 0; i < 3; ++i) ask(some.draw(picture.size, rng), Interpolation::kNearest);
  for (int i = 0; i < 3; ++i) ask(transforms::TrivialAugmentWide().draw(rng), Interpolation::kBilinear);
}

TargetBox random_target(Size size, SampleRng& rng) {
  const auto x = [&] { return static_cast<float>(rng.uniform(0, size.width)); };
  const auto y = [&] { return static_cast<float>(rng.uniform(0, size.height)); };
  const auto [left, right] = std::minmax({x(), x()});
  const auto [top, bottom] = std::minmax({y(), y()});
  return {left, top, right, bottom};
}

void ask_targets(Torchvision& torchvision, const Planes& picture, SampleRng& rng) {
  const TargetBox target = random_target(picture.size, rng);
  const std::vector<double> corners(target.begin(), target.end());
  const auto ask_boxes = [&](const char* name, const std::vector<double>& n, auto move) {
    Targets targets;
    targets.boxes = {target};
    move(targets);
    torchvision.ask(name, joined(corners, n), [box = targets.boxes.front()](const Answer& answer) {
      ASSERT_EQ(answer.numbers.size(), 4U);
      for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(box[i], answer.numbers[i], 2e-3);
    });
  };
  const auto ask_masks = [&](const char* name, const std::vector<double>& n, auto move) {
    Targets targets;
    targets.add_mask(picture.size, std::span(picture.values).first(picture.values.size() / 3));
    move(targets);
    torchvision.ask(name, n, equal_to({targets.mask_size(), 1, {targets.masks().begin(), targets.masks().end()}}));
  };
  const Box box = random_box(picture.size, rng);
  const Size size = {static_cast<int>(rng.integer(1, 300)), static_cast<int>(rng.integer(1, 300))};
  const auto crop_and_resize = [&](Targets& targets) {
    targets.crop(box);
    targets.resize(box.size(), size);
  };
  ask_boxes("boxes_resized_crop", numbers(box, size.height, size.width), crop_and_resize);
  ask_masks("mask_resized_crop", numbers(box, size.height, size.width), crop_and_resize);
  const image::Affine affine = random_affine(rng);
  const auto transform = [&](Targets& targets) { targets.transform_affine(picture.size, affine); };
  ask_boxes("boxes_affine", numbers(affine), transform);
  ask_masks("mask_affine", numbers(affine), transform);
  ask_boxes("boxes_rotate", {-affine.angle},
            [&](Targets& targets) { targets.transform_affine(picture.size, {.angle = affine.angle}); });
  ask_boxes("boxes_flip", {}, [&](Targets& targets) {
    targets.flip_horizontal(picture.size);
    targets.flip_vertical(picture.size);
  });
  ask_boxes("boxes_pad", {3, 14, 15, 9},
            [&](Targets& targets) { targets.pad(picture.size, {3, 14, 15, 9}, PadMode::kConstant); });
}

void ask_magnitudes(Torchvision& torchvision, Size size) {
  for (const int bins : {2, 10, 31}) {
    std::vector<double> of_rand_augment;
    std::vector<double> of_trivial_augment;
    for (int kind = 0; kind < transforms::kAugmentKinds; ++kind) {
      for (int bin = 0; bin < bins; ++bin) {
        const auto known = static_cast<transforms::AugmentKind>(kind);
        of_rand_augment.push_back(transforms::RandAugment(2, bin, bins).augmentation(known, size).magnitude);
        of_trivial_augment.push_back(transforms::TrivialAugmentWide(bins).augmentation(known, bin).magnitude);
      }
    }
    const auto check = [](std::vector<double> ours) {
      return [ours = std::move(ours)](const Answer& answer) {
        ASSERT_EQ(ours.size(), answer.numbers.size());
        for (size_t i = 0; i < ours.size(); ++i) {
          EXPECT_FLOAT_EQ(static_cast<float>(ours[i]), static_cast<float>(answer.numbers[i]));
          EXPECT_EQ(std::trunc(ours[i]), std::trunc(answer.numbers[i]));  // Translations are of whole pixels.
        }
      };
    };
    torchvision.ask("rand_augment_magnitudes", {double(bins)}, check(of_rand_augment));
    torchvision.ask("trivial_augment_magnitudes", {double(bins)}, check(of_trivial_augment));
  }
}

TEST(TransformsBesideTorchvision, FiftyPhotosComeOutTheSame) {
  const auto paths = photo_paths();
  ASSERT_EQ(paths.size(), kPhotos);
  const uint64_t seed = 1;
  SampleRng rng(seed);
  Torchvision torchvision;
  for (const auto& path : paths) {
    const Planes photo = decode_planes(path, ImageMode::kRGB);
    const Size size = {static_cast<int>(rng.integer(60, 160)), static_cast<int>(rng.integer(60, 160))};
    const Planes picture = center_crop(photo, size);
    torchvision.picture(picture);
    ask_geometry(torchvision, picture, rng);
    ask_affine(torchvision, picture, rng);
    ask_colors(torchvision, picture, rng);
    ask_augmentations(torchvision, picture, rng);
    ask_targets(torchvision, picture, rng);
    ask_magnitudes(torchvision, picture.size);
  }
  const auto version = torchvision.run();
  if (!version)
    GTEST_SKIP()
        << "no Python that can import torchvision: set MILLRACE_PYTHON to one to compare with torchvision live";
  RecordProperty("torchvision", *version);
}

}  // namespace
}  // namespace millrace::test
