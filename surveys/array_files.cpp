#include "millrace/surveys/array_files.h"

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/arrays.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::surveys {
namespace {

// "images.npy: uint8 [100, 3, 32, 32]".
std::string text_of(const NpyArray& array) {
  std::string text = in_quotes(array.path()) + ": " + c10::toString(array.dtype()) + " [";
  for (size_t i = 0; i < array.shape().size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(array.shape()[i]);
  return text + "]";
}

template <class T>
int64_t largest_of(const NpyArray& array) {
  T largest = 0;
  const auto bytes = array.bytes();
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    largest = std::max(largest, value);
  }
  return static_cast<int64_t>(largest);
}

// Of an array of classes; nothing where its numbers are none.
std::optional<int64_t> classes_of(const NpyArray& array) {
  switch (array.dtype()) {
    case c10::ScalarType::Byte:
      return largest_of<uint8_t>(array) + 1;
    case c10::ScalarType::Short:
      return largest_of<int16_t>(array) + 1;
    case c10::ScalarType::Int:
      return largest_of<int32_t>(array) + 1;
    case c10::ScalarType::Long:
      return largest_of<int64_t>(array) + 1;
    default:
      return std::nullopt;
  }
}

// What goes in and what is learned: the array of most dimensions, and the other one.
struct TwoArrays {
  NpyArray input, target;
};

TwoArrays understand_arrays(const std::vector<std::string>& paths) {
  std::vector<NpyArray> arrays;
  std::string all;
  for (const auto& path : paths) all += (all.empty() ? "" : ", ") + text_of(arrays.emplace_back(path));
  if (arrays.size() != 2)
    throw std::runtime_error("found " + all + ": of .npy files two are needed, what goes in and what is learned");
  if (arrays[0].shape().size() < arrays[1].shape().size()) std::swap(arrays[0], arrays[1]);
  if (arrays[0].shape().size() != 4 || arrays[0].shape()[1] > 4)
    throw std::runtime_error("found " + all + ": pictures have to be [samples, channels, height, width]; of " +
                             "[samples, height, width, channels] NumPy makes them by numpy.moveaxis(a, 3, 1), and of "
                             "[samples, height, width] by a[:, None]. For vectors write a configuration with a model "
                             "of your own (model.type torch_script)");
  if (arrays[1].shape().empty() || arrays[1].shape().size() == 4)
    throw std::runtime_error("found " + all + ": what is learned has to be a class or some numbers for each sample");
  return {arrays[0], arrays[1]};
}

std::vector<Line> array_keys(const TwoArrays& arrays) {
  std::vector<Line> keys{
      {"type: npy", "The rows of .npy files; the first is what goes in, the second what is learned."},
      {"paths: [" + yaml_text(arrays.input.path()) + ", " + yaml_text(arrays.target.path()) + "]",
       "From the directory that the program is started in."}};
  const auto is_double = [](const NpyArray& array) { return array.dtype() == c10::ScalarType::Double; };
  if (is_double(arrays.input) || is_double(arrays.target))
    keys.push_back({"float64: float32", "What NumPy writes unless told otherwise, as models want it."});
  return keys;
}

void note_arrays(const TwoArrays& arrays, Survey& survey) {
  const auto& shape = arrays.input.shape();
  survey.samples = shape[0];
  survey.seen.push_back(text_of(arrays.input) + " and " + text_of(arrays.target));
  survey.pictures.from_files = false;
  survey.pictures.one_size = true;
  survey.pictures.short_side = std::min(shape[2], shape[3]);
  if (shape[1] != 3) survey.pictures.mean = survey.pictures.std = "[0.5]";
  if (arrays.input.dtype() != c10::ScalarType::Byte) survey.pictures.mean = survey.pictures.std = "";
  survey.classes = arrays.target.shape().size() == 1 ? classes_of(arrays.target) : std::nullopt;
  if (!survey.classes) survey.task = Task::kRegression;
}

}  // namespace

std::optional<Survey> survey_arrays(const Place& place) {
  const auto names = place.files_ending({".npy"});
  if (names.empty()) return std::nullopt;
  std::vector<std::string> train, test;
  for (const auto& name : names) {
    const auto other = test_name_of(name, names);
    if (other) test.push_back(place.below(*other));
  }
  for (const auto& name : names)
    if (std::find(test.begin(), test.end(), place.below(name)) == test.end()) train.push_back(place.below(name));
  Survey survey;
  const TwoArrays arrays = understand_arrays(train);
  note_arrays(arrays, survey);
  survey.dataset = array_keys(arrays);
  if (test.empty()) return survey;
  const TwoArrays tested = understand_arrays(test);
  survey.seen.push_back(text_of(tested.input) + " and " + text_of(tested.target) + " to test with");
  survey.test = array_keys(tested);
  return survey;
}

}  // namespace millrace::surveys
