#include "millrace/training/prediction_config.h"

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/training/each_dataset.h"
#include "millrace/training/predicted_arrays.h"

namespace millrace::training {
namespace {

namespace fs = std::filesystem;
using configs::Member;
using configs::Origin;
using configs::Value;

constexpr std::array<std::string_view, 6> kEndingsOfLists{".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt"};
constexpr std::array<std::string_view, 5> kPictureKeys{"mode", "pixel_type", "orientation", "max_pixels",
                                                       "damaged_jpegs"};

template <size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// YAML of our own, whose place is the command.
Value made(const std::string& yaml) {
  Value value = configs::parse(yaml, "predict");
  set_origin(value, Origin{"predict"});
  return value;
}

// Text as it is, whatever it looks like.
Value text(const std::string& words) {
  Value value = made("''");
  value.text = words;
  value.resolved = true;
  return value;
}

void put(Value& map, std::string_view key, Value value) {
  if (Value* found = map.find(key))
    *found = std::move(value);
  else
    map.members.push_back({std::string(key), Origin{"predict"}, std::move(value)});
}

void remove(Value& map, std::initializer_list<std::string_view> keys) {
  std::erase_if(map.members,
                [&](const Member& member) { return std::find(keys.begin(), keys.end(), member.key) != keys.end(); });
}

std::string type_of(const Value& section) {
  const Value* type = section.find("type");
  return type != nullptr ? type->text : section.text;
}

// A step of transforms is a name, or a map from one to its parameters.
std::string_view name_of(const Value& step) {
  return step.members.empty() ? std::string_view(step.text) : std::string_view(step.members.front().key);
}

bool is_left_to_chance(std::string_view step) {
  constexpr std::array<std::string_view, 4> kOthers{"color_jitter", "gaussian_blur", "rand_augment",
                                                    "trivial_augment_wide"};
  return step.starts_with("random_") || is_one_of(step, kOthers);
}

// "resize: {size: [64, 96]}" of pictures that were trained in that size.
Value resize_to(const FieldSpec& pictures) {
  return made("resize: {size: [" + std::to_string(pictures.shape.at(1)) + ", " + std::to_string(pictures.shape.at(2)) +
              "]}");
}

Value without_chance(const Value& steps, const FieldSpec& pictures) {
  Value kept = steps;
  kept.elements.clear();
  for (const Value& step : steps.elements) {
    const std::string_view name = name_of(step);
    if (name == "random_crop" || name == "random_resized_crop")
      kept.elements.push_back(resize_to(pictures));
    else if (!is_left_to_chance(name))
      kept.elements.push_back(step);
  }
  return kept;
}

// How pictures of the input are to be decoded.
void put_picture_keys(Value& dataset, const Value& trained_with, const FieldSpec& pictures) {
  const std::string type = type_of(trained_with);
  const bool reads_files = type.starts_with("image_") || type.ends_with("_images");
  for (const std::string_view key : kPictureKeys)
    if (const Value* value = trained_with.find(key); reads_files && value != nullptr) put(dataset, key, *value);
  if (!reads_files && pictures.shape.size() == 3 && pictures.shape.front() == 1) put(dataset, "mode", text("gray"));
}

// The first line of a file that is not empty; "" where there is none.
std::string first_line(const fs::path& path) {
  constexpr size_t kLongest = 8192;  // Of a path and a label.
  if (!fs::is_regular_file(path)) return "";
  std::string text(kLongest, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), std::ssize(text));
  text.resize(static_cast<size_t>(file.gcount()));
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
}

// Whether a list without a header has labels behind its paths: a path may have spaces, so the files are asked.
bool has_labels(const fs::path& list) {
  const std::string line = first_line(list);
  const size_t tab = line.find('\t'), between = tab != line.npos ? tab : line.rfind(' ');
  if (between == line.npos) return false;
  const auto is_there = [&](const std::string& path) { return fs::exists(list.parent_path() / path); };
  return !is_there(line) && is_there(line.substr(0, between));
}

// The rows of one .npy file, or of the array in an .npz file that training had.
Value arrays_of_file(std::string_view type, std::string_view key, Value file, const FieldSpec& field) {
  Value dataset = made("{type: " + std::string(type) + ", names: []}");
  put(dataset, key, std::move(file));
  dataset.find("names")->elements.push_back(text(field.name));
  if (field.dtype == c10::ScalarType::Float) put(dataset, "float64", text("float32"));
  return dataset;
}

// Arrays one behind the other. They are taken as they are, as in training.
Value arrays_of(const std::string& path, const FieldSpec& field) {
  if (fs::path(path).extension() == ".npz") return arrays_of_file("npz", "path", text(path), field);
  Value all = made("{type: concat, datasets: []}");
  std::vector<std::string> files;
  try {
    files = npy_files_of(path, field);
  } catch (const std::runtime_error& error) {
    throw configs::ConfigError(Origin{path}, error.what());
  }
  for (const std::string& file : files) {
    Value paths = made("[]");
    paths.elements.push_back(text(file));
    all.find("datasets")->elements.push_back(arrays_of_file("npy", "paths", std::move(paths), field));
  }
  return all;
}

// Arrays need no decoding, and each file that goes to a worker is a descriptor, of which a message carries few.
void read_in_trainer(Value& loader) {
  remove(loader, {"persistent_workers"});
  put(loader, "num_workers", made("0"));
}

// Names of two folders that lie side by side on the way to two paths: "images" and "masks" of data/images/train and
// data/masks/train.
std::optional<std::pair<std::string, std::string>> side_by_side(const std::string& one, const std::string& other) {
  const fs::path first = fs::path(one).lexically_normal(), second = fs::path(other).lexically_normal();
  const auto [part, other_part] = std::mismatch(first.begin(), first.end(), second.begin(), second.end());
  if (part == first.end() || other_part == second.end()) return std::nullopt;
  return std::pair(part->string(), other_part->string());
}

// The folder of the pictures in a folder where masks, or the pictures that are to be made of them, lie beside them
// under the names that they had in training; else the folder itself.
std::string pictures_in(const std::string& folder, const Value& trained_with) {
  std::string found = folder;
  for_each_dataset(trained_with, [&](const Value& section) {
    const bool has_masks = type_of(section) == "image_masks";
    if (found != folder || (!has_masks && type_of(section) != "image_pairs")) return;
    const Value* const asked = section.find(has_masks ? "images" : "data");
    const Value* const answer = section.find(has_masks ? "masks" : "target");
    const auto names = asked && answer ? side_by_side(asked->text, answer->text) : std::nullopt;
    const auto is_there = [&](const std::string& name) { return fs::is_directory(fs::path(folder) / name); };
    if (!names || !is_there(names->first) || !is_there(names->second)) return;
    found = (fs::path(folder) / names->first).string();
    tell(NoticeLevel::kWarning, "of " + in_quotes(folder) + " the pictures in " + in_quotes(names->first) +
                                    " are taken, and none of " + in_quotes(names->second) + ", which has " +
                                    (has_masks ? "masks" : "targets") + " in training");
  });
  return found;
}

Value dataset_of(const std::string& input, const Value& trained_with, const FieldSpec& pictures) {
  const std::string given = millrace::detail::user_path(input);
  const std::string path = fs::is_directory(given) ? pictures_in(given, trained_with) : given;
  const std::string ending = fs::path(path).extension();
  const bool is_list = is_one_of(ending, kEndingsOfLists) && !fs::is_directory(path);
  Value dataset = made(is_list ? "{type: image_manifest}" : "{type: image_files}");
  if (is_list && !(ending == ".txt" && has_labels(path))) put(dataset, "label", text(""));
  if (is_list && type_of(trained_with) == "image_manifest") {
    dataset = trained_with;
    remove(dataset, {"root", "boxes", "max_boxes"});
  }
  put(dataset, "path", text(path));
  set_origin(*dataset.find("path"), Origin{input});
  put_picture_keys(dataset, trained_with, pictures);
  return dataset;
}

}  // namespace

Value prediction_config(Value run, const std::string& input, const SampleSpec& spec) {
  const std::optional<Value> test = run.find("test") != nullptr ? std::optional(*run.find("test")) : std::nullopt;
  if (input.empty() && !test)
    throw std::runtime_error(
        "the run has no test split to predict: name a folder with pictures or .npy files, one of them, or a list of "
        "them");
  const FieldSpec& pictures = spec.fields.front();
  const Value& trained_with = *(test ? test->find("dataset") : run.find("dataset"));
  const std::string path = input.empty() ? "" : millrace::detail::user_path(input);
  const bool has_arrays = !input.empty() && is_of_arrays(path, pictures);
  Value dataset = input.empty() ? trained_with
                  : has_arrays  ? arrays_of(path, pictures)
                                : dataset_of(input, trained_with, pictures);
  const Value* steps = test ? test->find("transforms") : run.find("transforms");
  if (has_arrays) steps = nullptr;
  std::optional<Value> transforms;
  if (steps != nullptr) transforms = test ? *steps : without_chance(*steps, pictures);
  if (!transforms && !input.empty() && !has_arrays && pictures.shape.size() == 3) {
    transforms = made("[]");
    transforms->elements.push_back(resize_to(pictures));
  }
  const Value* collate = test ? test->find("collate") : nullptr;
  const std::optional<Value> kept_collate = input.empty() && collate ? std::optional(*collate) : std::nullopt;

  remove(run, {"dataset", "transforms", "sampler", "collate", "test"});
  put(run, "dataset", std::move(dataset));
  if (transforms) put(run, "transforms", *std::move(transforms));
  if (kept_collate) put(run, "collate", *kept_collate);
  if (Value* loader = run.find("loader"))
    remove(*loader, {"shuffle", "drop_last", "in_order", "on_error", "empty_batches"});
  else
    put(run, "loader", made("{}"));
  if (has_arrays) read_in_trainer(*run.find("loader"));
  return run;
}

}  // namespace millrace::training
