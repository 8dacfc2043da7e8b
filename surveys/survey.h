#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What lies in a folder or a file, looked at to write a configuration for it. Datasets are opened by the very code
/// that training reads them with, and of pictures the headers are read: what a survey finds can be trained on.
namespace millrace::surveys {

/// A key of YAML with its value, and what a comment says about it.
struct Line {
  std::string yaml;
  std::string about;
};

/// What training would learn.
enum class Task : uint8_t { kClassification, kRegression, kSegmentation, kImageToImage };

/// What pictures are like, as far as transforms and models are chosen by it.
struct Pictures {
  int64_t short_side = 0;  ///< Of the picture in the middle, in pixels.
  bool one_size = false;   ///< All are of one size, and of 64 pixels at most: nothing has to be cut or resized.
  bool from_files = true;  ///< False for arrays, which transforms do not change.
  bool upright = false;    ///< Left and right differ, as in digits.
  std::string mean = "[0.485, 0.456, 0.406]";  ///< Of the pixels, as `normalize` wants it; empty: floats already.
  std::string std = "[0.229, 0.224, 0.225]";
};

/// A dataset, found.
struct Survey {
  std::vector<std::string> seen;  ///< What there is, a sentence each.
  std::vector<Line> dataset;      ///< The keys of the section `dataset`.
  std::vector<Line> test;         ///< Those of the dataset to test with. Empty: a fifth of `dataset` is to be held out.
  Task task = Task::kClassification;
  std::optional<int64_t> classes;  ///< How many there are, where the dataset itself does not say.
  int64_t samples = 0;             ///< To train with.
  int64_t features = 0;            ///< Numbers of a vector, where samples are vectors and no pictures.
  bool has_broken = false;         ///< Some samples cannot be read.
  Pictures pictures;
};

/// Told how many of how many files have been looked at.
using Looked = std::function<void(int64_t done, int64_t total)>;

}  // namespace millrace::surveys
