#include "millrace/surveys/array_files.h"

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/formats/npz.h"
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

// How many classes an array of whole numbers has; nothing where some are negative, which no class is.
template <class T>
std::optional<int64_t> classes_in(const NpyArray& array) {
  T largest = 0;
  const auto bytes = array.bytes();
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (value < 0) return std::nullopt;
    largest = std::max(largest, value);
  }
  return static_cast<int64_t>(largest) + 1;
}

std::optional<int64_t> classes_of(const NpyArray& array) {
  switch (array.dtype()) {
    case c10::ScalarType::Byte:
      return classes_in<uint8_t>(array);
    case c10::ScalarType::Short:
      return classes_in<int16_t>(array);
    case c10::ScalarType::Int:
      return classes_in<int32_t>(array);
    case c10::ScalarType::Long:
      return classes_in<int64_t>(array);
    default:
      return std::nullopt;
  }
}

struct Named {
  std::string name;
  NpyArray array;
};

// What goes in and what is learned.
struct Part {
  Named input, target;
};

bool names_a_target(const std::string& name) {
  constexpr std::array<std::string_view, 9> kWords{"y",     "label",   "labels", "target", "targets",
                                                   "class", "classes", "output", "outputs"};
  std::string word;
  for (const char c : name + "_") {
    if (c != '_' && c != '-' && c != '.')
      word += c;
    else if (std::ranges::find(kWords, std::exchange(word, "")) != kWords.end())
      return true;
  }
  return false;
}

// Whether the first of two is learned: it has fewer dimensions, or, with as many, such a name or fewer numbers a row.
bool is_target(const Named& one, const Named& other) {
  const auto& shape = one.array.shape();
  const auto& beside = other.array.shape();
  if (shape.size() != beside.size()) return shape.size() < beside.size();
  if (names_a_target(one.name) != names_a_target(other.name)) return names_a_target(one.name);
  return shape.back() < beside.back();
}

std::string text_of(const std::vector<Named>& arrays) {
  std::string text;
  for (const auto& one : arrays) text += (text.empty() ? "" : ", ") + text_of(one.array);
  return text;
}

Part understand(std::vector<Named> arrays) {
  const std::string found = "found " + text_of(arrays) + ": ";
  if (arrays.size() == 1)
    throw std::runtime_error(found +
                             "what is learned is missing: write a second array beside it, with a class or a "
                             "number for each row, into y.npy or into the same .npz file");
  if (arrays.size() != 2)
    throw std::runtime_error(found +
                             "two arrays are needed, what goes in and what is learned; write a configuration "
                             "that names them: dataset: {type: npz, path: …, names: [x, y]}, or {type: npy, "
                             "paths: [x.npy, y.npy]}");
  if (is_target(arrays[0], arrays[1])) std::swap(arrays[0], arrays[1]);
  const auto& input = arrays[0].array.shape();
  const auto& target = arrays[1].array.shape();
  if (input.size() != 2 && (input.size() != 4 || input[1] > 4))
    throw std::runtime_error(found +
                             "what goes in has to be vectors, [samples, numbers], or pictures, [samples, "
                             "channels, height, width]. NumPy makes pictures of [samples, height, width, "
                             "channels] by numpy.moveaxis(a, 3, 1), and of [samples, height, width] by "
                             "a[:, None]");
  if (target.empty() || target.size() > 2)
    throw std::runtime_error(found + "what is learned has to be a class or some numbers for each sample");
  if (input.front() != target.front()) throw std::runtime_error(found + "both need as many rows");
  return {arrays[0], arrays[1]};
}

// The arrays of a training part, and those of the part to test with, told by their names.
struct ArrayParts {
  std::vector<Named> train, test;
};

ArrayParts divided(std::vector<Named> all) {
  std::vector<std::string> names;
  for (const auto& one : all) names.push_back(one.name);
  std::vector<std::string> tests;
  for (const auto& name : names)
    if (const auto test = test_name_of(name, names)) tests.push_back(*test);
  ArrayParts parts;
  for (auto& one : all)
    (std::ranges::find(tests, one.name) == tests.end() ? parts.train : parts.test).push_back(std::move(one));
  return parts;
}

void note_arrays(const Part& part, Survey& survey) {
  const auto& shape = part.input.array.shape();
  survey.samples = shape[0];
  survey.seen.push_back(text_of(part.input.array) + " and " + text_of(part.target.array));
  survey.pictures.from_files = false;
  survey.pictures.one_size = true;
  survey.classes = part.target.array.shape().size() == 1 ? classes_of(part.target.array) : std::nullopt;
  if (!survey.classes) survey.task = Task::kRegression;
  if (shape.size() == 2) {
    survey.features = shape[1];
    survey.pictures.mean = survey.pictures.std = "";
    return;
  }
  survey.pictures.short_side = std::min(shape[2], shape[3]);
  if (shape[1] != 3) survey.pictures.mean = survey.pictures.std = "[0.5]";
  if (part.input.array.dtype() != c10::ScalarType::Byte) survey.pictures.mean = survey.pictures.std = "";
}

bool has_doubles(const Part& part) {
  return part.input.array.dtype() == c10::ScalarType::Double || part.target.array.dtype() == c10::ScalarType::Double;
}

void add_float64(const Part& part, std::vector<Line>& keys) {
  if (has_doubles(part))
    keys.push_back({"float64: float32", "What NumPy writes unless told otherwise, as models want it."});
}

// A survey of the parts, whose dataset keys_of(part) gives.
Survey survey_parts(const ArrayParts& parts, const auto& keys_of) {
  Survey survey;
  const Part train = understand(parts.train);
  note_arrays(train, survey);
  survey.dataset = keys_of(train);
  if (parts.test.empty()) return survey;
  const Part test = understand(parts.test);
  survey.seen.push_back(text_of(test.input.array) + " and " + text_of(test.target.array) + " to test with");
  survey.test = keys_of(test);
  return survey;
}

std::vector<Line> npy_keys(const Part& part) {
  std::vector<Line> keys{
      {"type: npy", "The rows of .npy files; the first is what goes in, the second what is learned."},
      {"paths: [" + yaml_text(part.input.array.path()) + ", " + yaml_text(part.target.array.path()) + "]",
       "From the directory that the program is started in."},
      {"names: [x, y]", "What they are called, here and in messages."}};
  add_float64(part, keys);
  return keys;
}

std::vector<Line> npz_keys(const std::string& path, const Part& part) {
  std::vector<Line> keys{{"type: npz", "The rows of arrays in an .npz file."},
                         {"path: " + yaml_text(path), "From the directory that the program is started in."},
                         {"names: [" + yaml_text(part.input.name) + ", " + yaml_text(part.target.name) + "]",
                          "What goes in, and what is learned."}};
  add_float64(part, keys);
  return keys;
}

// Where both parts lie in one file, in arrays of different names: fields have to be called alike.
std::vector<Line> stacked_keys(const std::string& path, const Part& part) {
  const std::string type = has_doubles(part) ? "npz, float64: float32, path: " : "npz, path: ";
  const auto one = [&](const std::string& name) {
    return "  - {type: " + type + yaml_text(path) + ", names: [" + yaml_text(name) + "]}";
  };
  return {{"type: stack", "Arrays side by side, row by row."},
          {"names: [x, y]", "What they are called, alike in both parts."},
          {"datasets:", ""},
          {one(part.input.name), "What goes in."},
          {one(part.target.name), "What is learned."}};
}

std::vector<Named> arrays_in(const std::string& path) {
  NpzArrays opened = npz_arrays(path);
  std::vector<Named> arrays;
  for (size_t i = 0; i < opened.names.size(); ++i) arrays.push_back({opened.names[i], std::move(opened.arrays[i])});
  return arrays;
}

}  // namespace

std::optional<Survey> survey_arrays(const Place& place) {
  std::vector<Named> arrays;
  for (const auto& name : place.files_ending({".npy"}))
    arrays.push_back({std::filesystem::path(name).stem().string(), NpyArray(place.below(name))});
  if (arrays.empty()) return std::nullopt;
  return survey_parts(divided(std::move(arrays)), npy_keys);
}

Survey survey_npz(const Place& place, const std::string& name) {
  const std::string path = place.below(name);
  ArrayParts inside = divided(arrays_in(path));
  const bool holds_both = !inside.test.empty();
  const auto test_file = holds_both ? std::nullopt : test_name_of(name, place.files_ending({".npz"}));
  Survey survey = survey_parts(
      inside, [&](const Part& part) { return holds_both ? stacked_keys(path, part) : npz_keys(path, part); });
  if (!test_file) return survey;
  const std::string test_path = place.below(*test_file);
  const Survey test =
      survey_parts({arrays_in(test_path), {}}, [&](const Part& part) { return npz_keys(test_path, part); });
  survey.test = test.dataset;
  survey.seen.push_back(test.seen.front() + " to test with");
  return survey;
}

std::optional<Survey> survey_npz_files(const Place& place) {
  const auto names = place.files_ending({".npz"});
  for (const auto& name : names)
    if (names.size() == 1 || test_name_of(name, names)) return survey_npz(place, name);
  return std::nullopt;
}

}  // namespace millrace::surveys
