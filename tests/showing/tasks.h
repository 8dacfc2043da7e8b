#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/document.h"
#include "millrace/configs/yaml.h"
#include "millrace/plots/canvas.h"
#include "millrace/plots/png.h"
#include "millrace/showing/pipelines.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

/// Small data of each task, whose pixels are known, and runs that read them.
namespace millrace::test {

inline constexpr plots::Rgb kRed{200, 0, 0}, kBlue{0, 0, 200}, kWhite{255, 255, 255};

inline plots::Canvas filled(int width, int height, plots::Rgb colour) { return {width, height, colour}; }

/// A white picture with a red square from (x, y) on.
inline std::string square_at(int width, int height, int x, int y, int side) {
  plots::Canvas canvas = filled(width, height, kWhite);
  canvas.fill({x, y, side, side}, kRed);
  return plots::to_png(canvas.picture());
}

/// A run that YAML describes, in which DATA is the folder.
inline configs::Node run_of(std::string yaml, const Directory& folder) {
  for (size_t at = 0; (at = yaml.find("DATA", at)) != yaml.npos;) yaml.replace(at, 4, folder.path());
  return configs::load(configs::parse(yaml, "run.yaml"), {});
}

/// The types that YAML knows without additions; they live as long as the program.
inline const configs::DatasetTypes& types() {
  static const configs::DatasetTypes kTypes;
  return kTypes;
}

inline showing::RunData data_of(const configs::Node& run, showing::Part part = showing::Part::kTrain) {
  return showing::data_of_run(run, part, types(), configs::TransformTypes());
}

/// Two classes: three red pictures of 40 x 20, and a blue one of 10 x 30 beside a file that is no picture.
inline configs::Node classes_run(const Directory& folder, const std::string& more = "") {
  for (const char* name : {"a", "b", "c"})
    folder.write("red/" + std::string(name) + ".png", plots::to_png(filled(40, 20, kRed).picture()));
  folder.write("blue/d.png", plots::to_png(filled(10, 30, kBlue).picture()));
  folder.write("blue/e.png", "no picture");
  return run_of(
      "{dataset: {type: image_folder, root: DATA}, transforms: [resize: {size: [8, 8]}], "
      "loader: {batch_size: 2, on_error: skip}" +
          more + "}",
      folder);
}

/// Four photographs of clothes, for people to look at.
inline configs::Node photos_run(const Directory& folder) {
  return run_of("{dataset: {type: image_folder, root: " + data("photos") +
                    "}, transforms: [random_resized_crop: {size: 128}, random_horizontal_flip, "
                    "color_jitter: {brightness: 0.4, hue: 0.1}], loader: {batch_size: 4}, seed: 3}",
                folder);
}

/// Squares with a box around each.
inline configs::Node boxes_run(const Directory& folder) {
  std::string list;
  for (int i = 0; i < 4; ++i) {
    const int x = 20 + 60 * i;
    folder.write(std::to_string(i) + ".png", square_at(400, 300, x, 40, 80));
    list += "{\"path\": \"" + std::to_string(i) + ".png\", \"label\": \"square\", \"boxes\": [[" + std::to_string(x) +
            ", 40, " + std::to_string(x + 80) + ", 120]]}\n";
  }
  folder.write("boxes.jsonl", list);
  return run_of(
      "{dataset: {type: image_manifest, path: DATA/boxes.jsonl, boxes: boxes}, transforms: [random_horizontal_flip: "
      "{p: 1}, resize: {size: [150, 200]}], loader: {batch_size: 4}}",
      folder);
}

/// Squares with a mask whose class is 1 where they are.
inline configs::Node masks_run(const Directory& folder) {
  std::string list;
  for (int i = 0; i < 4; ++i) {
    const int at = 10 * i;
    const std::string name = std::to_string(i);
    folder.write(name + ".png", square_at(80, 80, at, at, 40));
    plots::Picture mask{80, 80, 1, std::vector<uint8_t>(80 * 80, 0)};
    for (int y = at; y < at + 40; ++y)
      for (int x = at; x < at + 40; ++x) mask.pixels[static_cast<size_t>(80 * y + x)] = 1;
    folder.write(name + "_mask.png", plots::to_png(mask));
    list += "{\"path\": \"" + name + ".png\", \"mask\": \"" + name + "_mask.png\"}\n";
  }
  folder.write("masks.jsonl", list);
  return run_of(
      "{dataset: {type: image_manifest, path: DATA/masks.jsonl, label: '', mask: mask}, transforms: [random_crop: "
      "{size: 60}], loader: {batch_size: 4}}",
      folder);
}

/// Squares and what a network should make of them: blue ones.
inline configs::Node pairs_run(const Directory& folder) {
  for (int i = 0; i < 4; ++i) {
    const std::string name = std::to_string(i) + ".png";
    folder.write("in/" + name, square_at(64, 64, 8 * i, 8 * i, 24));
    plots::Canvas target = filled(64, 64, kWhite);
    target.fill({8 * i, 8 * i, 24, 24}, kBlue);
    folder.write("out/" + name, plots::to_png(target.picture()));
  }
  return run_of(
      "{dataset: {type: image_pairs, data: DATA/in, target: DATA/out}, transforms: [random_horizontal_flip: {p: 1}], "
      "loader: {batch_size: 4}}",
      folder);
}

/// The numbers from 0 on as tokens.
inline configs::Node tokens_run(const Directory& folder) {
  std::string tokens;
  for (int i = 0; i < 1001; ++i) {
    tokens += static_cast<char>(i & 255);
    tokens += static_cast<char>(i >> 8);
  }
  folder.write("tokens.bin", tokens);
  return run_of(
      "{dataset: {type: tokens, path: DATA/tokens.bin, length: 100}, sampler: {type: sequential}, "
      "loader: {batch_size: 4}}",
      folder);
}

}  // namespace millrace::test
