#include "millrace/surveys/picture_lists.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <vector>

#include "millrace/loader/images/datasets/image_pairs.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/whole_number.h"
#include "millrace/surveys/list_columns.h"
#include "millrace/surveys/masks.h"
#include "millrace/surveys/picture_headers.h"

namespace millrace::surveys {
namespace {

namespace fs = std::filesystem;

// What a list turned out to be.
struct List {
  std::string root;   // Where its paths begin; empty: at its own folder.
  std::string image;  // Names of columns; that of a .txt is "path", whatever it is called.
  std::string label, mask, target;
  MaskNumbers mask_numbers;
  bool has_boxes = false;
  bool is_number = false;
  bool has_header = true;
};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// The folder that a value's path begins at; nothing where no such file is there.
std::optional<std::string> root_of(const std::string& value, const Place& place) {
  if (value.empty()) return std::nullopt;
  const fs::path here = detail::user_path(place.path);
  if (is_file(here / value)) return "";
  for (const std::string& folder : place.folders)
    if (is_file(here / folder / value)) return place.below(folder);
  if (is_file(here / ".." / value)) return place.path + "/..";
  return std::nullopt;
}

bool all_values(const ListColumns& columns, size_t column, const auto& is_so) {
  return std::all_of(columns.rows.begin(), columns.rows.end(), [&](const auto& row) { return is_so(row[column]); });
}

bool is_integer(const std::string& text) { return detail::whole_number<int64_t>(text).has_value(); }

bool is_number(const std::string& text) {
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

// A row may have none, but not every row.
bool has_boxes(const ListColumns& columns, size_t column) {
  const auto are_boxes = [](const std::string& text) { return text.starts_with("[["); };
  const auto are_none = [](const std::string& text) { return text.empty() || text == "[]"; };
  return all_values(columns, column, [&](const auto& text) { return are_none(text) || are_boxes(text); }) &&
         !all_values(columns, column, are_none);
}

bool says_mask(const std::string& text) {
  return text.find("mask") != text.npos || text.find("seg") != text.npos || text.find("annot") != text.npos;
}

// Whether a text file is more than a README: its first line begins with the path of a file that is there.
bool lists_files(const Place& place, const std::string& name) {
  if (!name.ends_with(".txt")) return true;
  try {
    const auto columns = read_first_rows(place.below(name));
    return !columns.rows.empty() && root_of(columns.rows.front().front(), place);
  } catch (const std::exception&) {
    return false;
  }
}

std::string names_of(const ListColumns& columns) {
  std::string text;
  for (const auto& name : columns.names) text += (text.empty() ? "" : ", ") + in_quotes(name);
  return text;
}

// The column with labels: that of a usual name, else the first that is left and numbers no rows.
std::optional<size_t> label_column(const ListColumns& columns, const std::vector<size_t>& left) {
  static const std::set<std::string> kUsual{"label", "labels", "class", "category", "target", "y", "class_name"};
  static const std::set<std::string> kNumbers{"id", "index", "idx", "row"};
  for (const size_t column : left)
    if (kUsual.contains(columns.names[column])) return column;
  for (const size_t column : left)
    if (!kNumbers.contains(columns.names[column])) return column;
  return std::nullopt;
}

List understand(const ListColumns& columns, const Place& place, const std::string& path) {
  if (columns.rows.empty()) throw std::runtime_error(in_quotes(path) + " lists nothing");
  List list;
  list.has_header = !columns.names.front().empty();
  std::vector<size_t> paths, left;
  for (size_t column = 0; column < columns.names.size(); ++column) {
    const auto root = root_of(columns.rows.front()[column], place);
    if (root && (paths.empty() || *root == list.root)) {
      list.root = *root;
      paths.push_back(column);
    } else if (has_boxes(columns, column)) {
      list.has_boxes = true;
    } else if (!columns.rows.front()[column].empty()) {
      left.push_back(column);
    }
  }
  if (paths.empty())
    throw std::runtime_error(in_quotes(path) + " has " +
                             (list.has_header ? "the columns " + names_of(columns) : "lines") +
                             ", but none is the path of a picture that is there: the first row has " +
                             in_quotes(columns.rows.front().front()) +
                             "; paths begin at the list's folder, at one in it or at the one above");
  list.image = columns.names[paths.front()];
  if (paths.size() > 1) {
    const bool is_mask = says_mask(columns.names[paths[1]]) || says_mask(columns.rows.front()[paths[1]]);
    (is_mask ? list.mask : list.target) = list.has_header ? columns.names[paths[1]] : "mask";
  }
  if (const auto label = label_column(columns, left)) {
    list.label = list.has_header ? columns.names[*label] : "label";
    list.is_number = !all_values(columns, *label, is_integer) && all_values(columns, *label, is_number);
  }
  return list;
}

ImageManifestOptions options_of(const List& list) {
  ImageManifestOptions options;
  options.root = list.root;
  if (list.has_header) options.image = list.image;
  options.label = list.mask.empty() ? list.label : "";
  options.mask = list.mask;
  options.label_type = list.is_number ? LabelType::kNumber : LabelType::kClass;
  return options;
}

std::vector<Line> list_keys(const List& list, const std::string& path) {
  std::vector<Line> keys;
  const bool is_pairs = !list.target.empty();
  keys.push_back(is_pairs ? Line{"type: image_pairs_manifest", "Pairs of pictures that a file lists."}
                          : Line{"type: image_manifest", "Pictures that a file lists."});
  keys.push_back({"path: " + yaml_text(path), "From the directory that the program is started in."});
  if (!list.root.empty()) keys.push_back({"root: " + yaml_text(list.root), "Where the paths in it begin."});
  if (list.has_header)
    keys.push_back({(is_pairs ? "data: " : "image: ") + yaml_text(list.image), "The column with the pictures' paths."});
  if (is_pairs) {
    if (list.has_header) keys.push_back({"target: " + yaml_text(list.target), "And that with what is to come out."});
    return keys;
  }
  if (!list.mask.empty()) {
    keys.push_back({"label: \"\"", "No labels: the masks are learned."});
    keys.push_back({"mask: " + yaml_text(list.mask), "The column with the masks' paths."});
    if (const auto line = line_of(list.mask_numbers)) keys.push_back(*line);
    return keys;
  }
  if (list.has_header) keys.push_back({"label: " + yaml_text(list.label), "The column with what is learned."});
  if (list.is_number) keys.push_back({"label_type: number", "Numbers and no classes."});
  return keys;
}

void note_classes(const ImageManifest& pictures, const std::string& path, Survey& survey) {
  std::string text = in_quotes(path) + ": " + counted(survey.samples, "picture");
  if (!pictures.classes().empty()) {
    survey.seen.push_back(text + " in " + counted(pictures.classes().size(), "class"));
    return;
  }
  int64_t most = 0;
  for (size_t i = 0; i < pictures.size(); ++i) most = std::max(most, pictures.label(i));
  survey.classes = most + 1;
  survey.seen.push_back(text + " with labels 0 to " + std::to_string(most));
}

void note_pairs(const List& list, const std::string& path, const Looked& looked, Survey& survey) {
  ImagePairsOptions options;
  options.root = list.root;
  if (list.has_header) options.data = list.image;
  if (list.has_header) options.target = list.target;
  const auto pairs = ImagePairs::in_manifest(path, options);
  survey.task = Task::kImageToImage;
  survey.samples = static_cast<int64_t>(pairs.size());
  survey.seen.push_back(in_quotes(path) + ": " + counted(survey.samples, "pair") + " of pictures");
  std::vector<std::string> files;
  for (size_t i = 0; i < pairs.size(); ++i) files.push_back(pairs.data_path(i));
  note_headers(look_at_headers(files, looked), survey);
}

void note_manifest(List& list, const std::string& path, const Looked& looked, Survey& survey) {
  const ImageManifest pictures(path, options_of(list));
  survey.samples = static_cast<int64_t>(pictures.size());
  std::vector<std::string> files, masks;
  for (size_t i = 0; i < pictures.size(); ++i) {
    files.push_back(pictures.describe(i));
    if (!list.mask.empty()) masks.push_back(pictures.mask_path(i));
  }
  if (!list.mask.empty()) {
    survey.seen.push_back(in_quotes(path) + ": " + counted(survey.samples, "picture") + " with masks");
    list.mask_numbers = note_masks(files, masks, survey);
  } else if (list.is_number) {
    survey.task = Task::kRegression;
    survey.seen.push_back(in_quotes(path) + ": " + counted(survey.samples, "picture") + " with a number each");
  } else {
    note_classes(pictures, path, survey);
  }
  note_headers(look_at_headers(files, looked), survey);
}

}  // namespace

std::optional<std::string> find_list(const Place& place) {
  auto lists = place.files_ending({".csv", ".tsv", ".jsonl", ".ndjson", ".txt"});
  std::erase_if(lists, [&](const std::string& name) { return !lists_files(place, name); });
  for (const std::string& name : lists)
    if (test_name_of(name, lists)) return name;
  for (const std::string& name : lists)
    if (name.find("train") != name.npos) return name;
  return lists.size() == 1 ? std::optional(lists.front()) : std::nullopt;
}

Survey survey_list(const Place& place, const std::string& name, const Looked& looked) {
  const std::string path = place.below(name);
  List list = understand(read_first_rows(path), place, path);
  if (list.label.empty() && list.mask.empty() && list.target.empty())
    throw std::runtime_error(in_quotes(path) + (list.has_boxes
                                                    ? " has pictures with boxes: `train` has no model for them; "
                                                      "a program of your own in C++ reads them by 'ImageManifest'"
                                                    : " has pictures and nothing to learn beside them: it "
                                                      "would need a column with labels, numbers, or paths "
                                                      "of masks"));
  Survey survey;
  if (list.target.empty())
    note_manifest(list, path, looked, survey);
  else
    note_pairs(list, path, looked, survey);
  if (list.has_boxes)
    survey.seen.push_back(in_quotes(path) +
                          " has boxes too, which are left out: `train` has no model for them; a program of your own "
                          "reads them by ImageManifest");
  survey.dataset = list_keys(list, path);
  if (const auto test = test_name_of(name, place.files)) {
    survey.test = list_keys(list, place.below(*test));
    survey.seen.push_back(in_quotes(place.below(*test)) + " is there to test with");
  }
  return survey;
}

}  // namespace millrace::surveys
