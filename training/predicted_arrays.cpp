#include "millrace/training/predicted_arrays.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/litter.h"
#include "millrace/loader/datasets/plain_text.h"
#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::training {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPictureDimensions = 3;
constexpr size_t kMostBytes = size_t{1} << 30;  // Of a list.

// Not of their type: numbers of 64 bits are read as those of 32.
bool has_rows_like(const NpyArray& array, const FieldSpec& field) {
  const auto& shape = array.shape();
  return !shape.empty() && std::equal(shape.begin() + 1, shape.end(), field.shape.begin(), field.shape.end());
}

// "Float [4]"
std::string rows_text(c10::ScalarType dtype, const std::vector<int64_t>& shape) {
  return to_string(SampleSpec{{"", dtype, shape}}).substr(std::string_view(": ").size());
}

void require_rows_like(const std::string& file, const FieldSpec& field) {
  const NpyArray array(file);
  if (has_rows_like(array, field)) return;
  const auto& shape = array.shape();
  const std::string found =
      shape.empty() ? "no rows" : "rows of " + rows_text(array.dtype(), {shape.begin() + 1, shape.end()});
  throw std::runtime_error(in_quotes(file) + " has " + found + ", the model was trained on " +
                           rows_text(field.dtype, field.shape));
}

void tell_left_out(const fs::path& folder, std::vector<std::string> names, const FieldSpec& field) {
  if (names.empty()) return;
  tell(NoticeLevel::kWarning, "of " + in_quotes(folder.string()) + " " + counted(names.size(), ".npy file") +
                                  (names.size() == 1 ? " is" : " are") + " left out, whose rows are not " +
                                  rows_text(field.dtype, field.shape) + " as in training; the first is " +
                                  in_quotes(*std::min_element(names.begin(), names.end())));
}

// Others lie there as well: the labels of training, for one.
std::vector<std::string> fitting_files(const fs::path& folder, const FieldSpec& field) {
  std::vector<std::string> files, left_out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".npy" || millrace::detail::is_litter(path.filename().string())) continue;
    if (has_rows_like(NpyArray(path.string()), field))
      files.push_back(path.string());
    else
      left_out.push_back(path.filename().string());
  }
  if (!files.empty()) tell_left_out(folder, std::move(left_out), field);
  std::sort(files.begin(), files.end());
  return files;
}

bool has_arrays_alone(const fs::path& folder) {
  bool has_arrays = false;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() || millrace::detail::is_picture(entry.path().filename().string())) return false;
    has_arrays |= entry.path().extension() == ".npy";
  }
  return has_arrays;
}

// The lines of a list that are not empty, without blanks around them.
std::vector<std::string> lines_of(const fs::path& list, const std::string& bytes) {
  std::vector<std::string> found;
  std::istringstream lines;
  try {
    lines.str(std::string(millrace::detail::plain_text(bytes)));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("the list " + in_quotes(list.string()) + " " + error.what());
  }
  for (std::string line; std::getline(lines, line);) {
    constexpr const char* kBlanks = " \t\r";
    line.erase(line.find_last_not_of(kBlanks) + 1);
    line.erase(0, line.find_first_not_of(kBlanks));
    if (!line.empty()) found.push_back(line);
  }
  return found;
}

// The files that a list names, from its folder.
std::vector<std::string> files_in_list(const fs::path& list) {
  std::string bytes;
  try {
    bytes = millrace::detail::read_regular(list.string(), kMostBytes);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("the list " + in_quotes(list.string()) + " cannot be read: " + error.what());
  }
  auto files = lines_of(list, bytes);
  for (std::string& file : files) {
    const fs::path path = list.parent_path() / file;
    if (!fs::exists(path))
      throw std::runtime_error("the list " + in_quotes(list.string()) + " names " + in_quotes(file) +
                               ", which is not there");
    file = path.string();
  }
  return files;
}

// Only its beginning is looked at, since lists of pictures may have millions of lines.
bool begins_with_npy(const fs::path& list) {
  if (!fs::is_regular_file(list)) return false;  // A FIFO would be waited for.
  std::string beginning(size_t{1} << 13, '\0');  // Two of the longest paths.
  std::ifstream file(list, std::ios::binary);
  file.read(beginning.data(), std::ssize(beginning));
  beginning.resize(static_cast<size_t>(file.gcount()));
  const auto lines = lines_of(list, beginning);
  return !lines.empty() && lines.front().ends_with(".npy");
}

[[noreturn]] void refuse_input(const std::string& what, const FieldSpec& field) {
  throw std::runtime_error(what + "; the model was trained on " + to_string(SampleSpec{field}) +
                           ", and is asked about rows of such arrays: name an .npy file, an .npz file, a folder with "
                           ".npy files, or a .txt that lists some, a path a line");
}

}  // namespace

bool is_of_arrays(const std::string& path, const FieldSpec& field) {
  if (field.shape.size() != kPictureDimensions) return true;
  if (fs::is_directory(path)) return has_arrays_alone(path);
  const std::string ending = fs::path(path).extension().string();
  return ending == ".npy" || ending == ".npz" || (ending == ".txt" && begins_with_npy(path));
}

std::vector<std::string> npy_files_of(const std::string& path, const FieldSpec& field) {
  if (!fs::exists(path)) throw std::runtime_error("there is no " + in_quotes(path));
  if (fs::is_directory(path)) {
    auto files = fitting_files(path, field);
    if (files.empty()) refuse_input("the folder " + in_quotes(path) + " has no .npy file with rows like that", field);
    return files;
  }
  const std::string ending = fs::path(path).extension().string();
  if (ending == ".npy") {
    require_rows_like(path, field);
    return {path};
  }
  if (ending != ".txt" || !begins_with_npy(path)) refuse_input(in_quotes(path) + " has no arrays", field);
  auto files = files_in_list(path);
  for (const std::string& file : files) require_rows_like(file, field);
  return files;
}

}  // namespace millrace::training
