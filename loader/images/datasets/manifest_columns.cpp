#include "millrace/loader/images/datasets/manifest_columns.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/plain_text.h"
#include "millrace/loader/images/datasets/csv.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::detail {

using Json = nlohmann::json;

void StringColumn::add(std::string_view text) {
  characters_ += text;
  ends_.push_back(characters_.size());
}

SharedStrings StringColumn::share() const {
  std::vector<std::string_view> views;
  views.reserve(ends_.size());
  size_t begin = 0;
  for (const size_t end : ends_) {
    views.push_back(std::string_view(characters_).substr(begin, end - begin));
    begin = end;
  }
  return SharedStrings::make(views);
}

void LabelColumn::add(int64_t label) {
  if (!texts_.empty())
    throw std::runtime_error("label " + std::to_string(label) +
                             " is an integer, those before are texts: make all of them one or the other");
  values_.push_back(label);
}

void LabelColumn::add(std::string_view text) {
  if (texts_.empty() && !values_.empty())
    throw std::runtime_error("label " + in_quotes(text) +
                             " is a text, those before are integers: make all of them one or the other");
  auto found = texts_.find(text);
  if (found == texts_.end()) found = texts_.emplace(text, static_cast<int64_t>(texts_.size())).first;
  values_.push_back(found->second);
}

std::vector<std::string> LabelColumn::classes() const {
  std::vector<std::string> classes;
  for (const auto& [text, number] : texts_) classes.push_back(text);
  return classes;
}

std::vector<int64_t> LabelColumn::labels() const {
  if (texts_.empty()) return values_;
  std::vector<int64_t> sorted(texts_.size());  // Turns a text's first number into that in classes().
  int64_t next = 0;
  for (const auto& [text, number] : texts_) sorted[static_cast<size_t>(number)] = next++;
  std::vector<int64_t> labels(values_.size());
  std::ranges::transform(values_, labels.begin(), [&](int64_t value) { return sorted[static_cast<size_t>(value)]; });
  return labels;
}

namespace {

// What to do where a column is not there, by the key that says which it is: that of YAML, of C++ and of --columns.
std::string another_by(std::string_view key) { return std::string(key) + "=NAME reads another"; }
std::string another_or_none_by(std::string_view key) { return another_by(key) + ", " + std::string(key) + "='' none"; }

/// Characters of a value in a message.
constexpr size_t kQuoted = 40;

constexpr const char* kBoxes = ": boxes are a list of [x1, y1, x2, y2], in pixels";

// Throws what is wrong with a value, without its place.
[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

void add_path(StringColumn& paths, std::string_view path) {
  if (path.empty()) refuse("no path: name a file, or remove the row");
  if (path.find('\0') != path.npos) refuse("a path with a NUL in it, which no file can have: write it without");
  paths.add(path);
}

/// Whether somebody, or some other reader, might take a text for a number: "+1", " 1", "1.0", "1e3", "1,000", "007",
/// "nan", "'1'".
bool looks_like_number(std::string_view text) {
  constexpr std::string_view kAround = " \t\v\f'\"`";
  text.remove_prefix(std::min(text.find_first_not_of(kAround), text.size()));
  text = text.substr(0, text.find_last_not_of(kAround) + 1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) return whole_number<uint64_t>(text.substr(2), 16).has_value();
  std::string digits(text);  // Without separators between groups.
  std::erase_if(digits, [](char c) { return c == ',' || c == '_' || c == '\'' || c == ' '; });
  if (text.empty() || (digits.size() < text.size() && (text[0] < '0' || text[0] > '9'))) return false;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error != std::errc::invalid_argument && end == digits.data() + digits.size();
}

/// Adds a label of a file whose values are all texts. A text that is not plainly a number or plainly none is refused:
/// it would be another class than the number that was meant.
void add_label(LabelColumn& labels, std::string_view text) {
  if (text.empty()) refuse("no label: give one; " + another_or_none_by("label"));
  const size_t sign = text.starts_with('-') ? 1 : 0;
  const bool is_plain = text.size() == sign + 1 ? text != "-0" : text[sign] != '0';
  const std::optional<int64_t> number = whole_number<int64_t>(text);
  if (number && is_plain)
    labels.add(*number);
  else if (looks_like_number(text))
    refuse("label " + in_quotes(text.substr(0, kQuoted)) +
           " looks like a number and is no plain integer of 64 bits: write an integer, such as 7 or -1, or a text that "
           "is no number; JSON lines take any text in quotes, and label_type=number reads numbers that are no classes");
  else
    labels.add(text);
}

void add_label(LabelColumn& labels, const Json& value) {
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value.is_number_unsigned() && value.get<uint64_t>() > kLargest)
    refuse("label " + value.dump() + " does not fit a signed integer of 64 bits: number the classes from 0");
  if (value.is_number_integer())
    labels.add(value.get<int64_t>());
  else if (value.is_string())
    labels.add(std::string_view(value.get_ref<const std::string&>()));
  else
    refuse("label " + value.dump() +
           " is neither an integer nor a text: make it one of them; label_type=number reads numbers");
}

// In quotes, so that the key is told to be to blame.
std::string number_wanted() {
  return ", which label_type " + in_quotes("number") + " wants: write one, such as 0.5 or -2e3";
}

void add_number(std::vector<float>& numbers, std::string_view text) {
  float number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    refuse("label " + in_quotes(text.substr(0, kQuoted)) + " is no number of float32" + number_wanted());
  numbers.push_back(number);
}

void add_number(std::vector<float>& numbers, const Json& value) {
  if (!value.is_number()) refuse("label " + value.dump() + " is no number" + number_wanted());
  numbers.push_back(value.get<float>());
  if (!std::isfinite(numbers.back())) refuse("label " + value.dump() + " is too large for float32");
}

/// A label, as text or JSON, of the type that the options say.
template <class Value>
void add_label(ManifestColumns& columns, LabelType type, const Value& value) {
  if (type == LabelType::kNumber)
    add_number(columns.numbers, value);
  else
    add_label(columns.labels, value);
}

// "syntax error …" of "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error …".
std::string reason_of(const Json::exception& error) {
  const std::string what = error.what();
  return what.substr(what.find(": ") + 2);
}

// The parser takes any depth, but what quotes a value in a message goes down into it by calls, and ends the program.
Json parse_shallow(std::string_view text) {
  constexpr int kDepth = 64;
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_text = !in_text;
    if (in_text) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > kDepth)
        throw Json::parse_error::create(101, i + 1, "nested deeper than " + std::to_string(kDepth) + " levels",
                                        static_cast<const Json*>(nullptr));
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return Json::parse(text);
}

void add_boxes(ManifestColumns& columns, const Json& value) {
  if (!value.is_array()) refuse("no list" + std::string(kBoxes));
  for (const Json& box : value) {
    const auto is_number = [](const Json& number) { return number.is_number(); };
    if (!box.is_array() || box.size() != 4 || !std::all_of(box.begin(), box.end(), is_number))
      refuse("box " + box.dump() + " is not four numbers" + kBoxes);
    transforms::TargetBox corners;
    std::ranges::transform(box, corners.begin(), [](const Json& number) { return number.get<float>(); });
    if (!std::ranges::all_of(corners, [](float side) { return std::isfinite(side); }))
      refuse("box " + box.dump() + " has a number that is too large for float32" + kBoxes);
    if (!(corners[0] <= corners[2] && corners[1] <= corners[3]))
      refuse("box " + box.dump() + " ends before it begins" + kBoxes + ", not [x, y, width, height]");
    columns.boxes.push_back(corners);
  }
  columns.box_ends.push_back(columns.boxes.size());
}

void add_boxes(ManifestColumns& columns, const std::string& text) {
  try {
    add_boxes(columns, text.empty() ? Json::array() : parse_shallow(text));
  } catch (const Json::exception& error) {  // Numbers may be too large as well.
    refuse(reason_of(error) + kBoxes);
  }
}

/// Calls add(value), and places what it throws.
template <class Value, class Add>
void take(const std::string& file, size_t line, size_t column, const Value& value, Add add) {
  try {
    add(value);
  } catch (const std::exception& error) {
    fail_at(file, line, column, error.what());
  }
}

void read_csv(const std::string& file, std::string_view text, const ImageManifestOptions& options,
              const ColumnKeys& keys, ManifestColumns& columns) {
  CsvReader reader(file, text);
  std::vector<CsvField> fields;
  if (!reader.next(fields)) fail_at(file, 1, 1, "an empty file: its first line names the columns");
  const size_t width = fields.size();
  const auto find = [&](const std::string& name, const std::string& cure) -> std::optional<size_t> {
    if (name.empty()) return std::nullopt;
    std::string names;
    for (size_t i = 0; i < width; ++i) {
      if (fields[i].text == name) return i;
      names += (i > 0 ? ", " : "") + printable(fields[i].text, kQuoted);
    }
    fail_at(file, fields[0].line, fields[0].column, "no column " + in_quotes(name) + " among " + names + ": " + cure);
  };
  const auto image = find(options.image, another_by(keys.image));
  const auto label = find(options.label, another_or_none_by("label"));
  const auto boxes = find(options.boxes, another_or_none_by("boxes"));
  const auto mask = find(options.mask, keys.cure_of_mask());

  while (reader.next(fields)) {
    if (fields.size() != width)
      fail_at(file, fields[0].line, fields[0].column,
              counted(fields.size(), "field") + ", but the first line names " + std::to_string(width) +
                  ": put fields with commas in them in quotes");
    const auto take_field = [&](std::optional<size_t> index, auto add) {
      if (index) take(file, fields[*index].line, fields[*index].column, fields[*index].text, add);
    };
    take_field(image, [&](std::string_view path) { add_path(columns.images, path); });
    take_field(label, [&](std::string_view value) { add_label(columns, options.label_type, value); });
    take_field(boxes, [&](const std::string& value) { add_boxes(columns, value); });
    take_field(mask, [&](std::string_view path) { add_path(columns.masks, path); });
  }
}

/// Calls take(line, its number) for each line that is not empty. Lines end with LF, CRLF or CR.
template <class Take>
void for_lines(std::string_view text, const Take& take) {
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
    ++number;
    if (line.find_first_not_of(" \t") != line.npos) take(line, number);
  }
}

/// The two values of a line of a list. A tab stands between them or, where there is none, the last space: paths may
/// have spaces.
struct ListLine {
  std::string_view path;
  std::string_view second;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

ListLine split_line(std::string_view line) {
  const size_t tab = line.find('\t');
  const size_t between = tab == line.npos ? line.rfind(' ') : tab;
  if (between == line.npos) refuse("one value in this line: write path and label, with a space or a tab between them");
  return {trimmed(line.substr(0, between)), trimmed(line.substr(between))};
}

void read_list(const std::string& file, std::string_view text, const ImageManifestOptions& options,
               const ColumnKeys& /*keys*/, ManifestColumns& columns) {
  if (!options.boxes.empty() || (!options.label.empty() && !options.mask.empty()))
    throw std::invalid_argument("manifest: " + in_quotes(file) +
                                " is a list without a header, of paths with labels or with masks: for more columns "
                                "write CSV with a header, or JSON lines");
  const bool has_second = !options.label.empty() || !options.mask.empty();
  for_lines(text, [&](std::string_view line, size_t number) {
    take(file, number, 1, trimmed(line), [&](std::string_view values) {
      const auto [path, second] = has_second ? split_line(values) : ListLine{values, {}};
      add_path(columns.images, path);
      if (!options.label.empty()) add_label(columns, options.label_type, second);
      if (!options.mask.empty()) add_path(columns.masks, second);
    });
  });
}

/// The column of the value of `name`, or of the first character where the name is not found.
size_t column_of(std::string_view line, const std::string& name) {
  const size_t key = line.find('"' + name + '"');
  return key == line.npos ? 1 : key + 1;
}

void read_json_lines(const std::string& file, std::string_view text, const ImageManifestOptions& options,
                     const ColumnKeys& keys, ManifestColumns& columns) {
  for_lines(text, [&](std::string_view line, size_t number) {
    Json row;
    try {
      row = parse_shallow(line);
    } catch (const Json::parse_error& error) {
      fail_at(file, number, error.byte, reason_of(error) + ": write one JSON object a line");
    } catch (const Json::exception& error) {
      fail_at(file, number, 1, reason_of(error));
    }
    if (!row.is_object())
      fail_at(file, number, 1, "no JSON object: write {\"" + printable(options.image) + "\": …} on each line");

    const auto take_value = [&](const std::string& name, const std::string& cure, auto add) {
      if (name.empty()) return;
      const auto found = row.find(name);
      if (found == row.end())
        fail_at(file, number, 1, "no " + in_quotes(name) + " in this object: give it one; " + cure);
      take(file, number, column_of(line, name), *found, add);
    };
    const auto path_of = [](const Json& value) -> std::string_view {
      if (!value.is_string()) refuse(value.dump() + " is no path: write a text");
      return value.get_ref<const std::string&>();
    };
    take_value(options.image, another_by(keys.image),
               [&](const Json& value) { add_path(columns.images, path_of(value)); });
    take_value(options.label, another_or_none_by("label"),
               [&](const Json& value) { add_label(columns, options.label_type, value); });
    take_value(options.boxes, another_or_none_by("boxes"), [&](const Json& value) { add_boxes(columns, value); });
    take_value(options.mask, keys.cure_of_mask(), [&](const Json& value) { add_path(columns.masks, path_of(value)); });
  });
}

using ReadManifest = void(const std::string& file, std::string_view text, const ImageManifestOptions& options,
                          const ColumnKeys& keys, ManifestColumns& columns);

/// What reads files of that name.
ReadManifest* reader_of(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending == ".csv" || ending == ".tsv") return read_csv;
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return read_json_lines;
  if (ending == ".txt") return read_list;
  throw std::runtime_error("manifest: " + in_quotes(path) +
                           " ends neither in .csv or .tsv nor in .jsonl, .ndjson or .json, nor in .txt: rename it to "
                           "what it is");
}

}  // namespace

std::string ColumnKeys::cure_of_mask() const { return are_both_needed ? another_by(mask) : another_or_none_by(mask); }

ManifestColumns read_manifest(const std::string& path, const ImageManifestOptions& options, const ColumnKeys& keys) {
  ReadManifest* const read = reader_of(path);
  MappedFile file;
  try {
    file = MappedFile(path);
  } catch (const std::exception& error) {
    throw std::runtime_error("manifest: " + std::string(error.what()));
  }
  ManifestColumns columns;
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::string_view text;
  try {
    text = plain_text(bytes);
  } catch (const std::exception& error) {
    throw std::runtime_error("manifest: " + in_quotes(path) + " " + error.what());
  }
  read(path, text, options, keys, columns);
  try {
    file.require_unchanged();
  } catch (const std::exception& error) {
    throw std::runtime_error("manifest: " + std::string(error.what()));
  }
  if (columns.images.size() == 0)
    throw std::runtime_error("manifest: " + in_quotes(path) + " lists no pictures: add rows");
  return columns;
}

}  // namespace millrace::detail
