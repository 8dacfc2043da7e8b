#include "millrace/training/predicted_arrays.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/litter.h"
#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::training {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPictureDimensions = 3;

// Not of their type: numbers of 64 bits are read as those of 32.
bool has_rows_like(const std::string& file, const FieldSpec& field) {
  const auto& shape = NpyArray(file).shape();
  return !shape.empty() && std::equal(shape.begin() + 1, shape.end(), field.shape.begin(), field.shape.end());
}

// Others lie there as well: the labels of training, for one.
std::vector<std::string> fitting_files(const fs::path& folder, const FieldSpec& field) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".npy" && !millrace::detail::is_litter(path.filename().string()) &&
        has_rows_like(path.string(), field))
      files.push_back(path.string());
  }
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

// The lines of a list that are not empty, as paths from its folder.
std::vector<std::string> files_in_list(const fs::path& list) {
  std::vector<std::string> files;
  std::ifstream lines(list);
  for (std::string line; std::getline(lines, line);) {
    constexpr const char* kBlanks = " \t\r";
    line.erase(line.find_last_not_of(kBlanks) + 1);
    line.erase(0, line.find_first_not_of(kBlanks));
    if (!line.empty()) files.push_back((list.parent_path() / line).string());
  }
  return files;
}

// Only the first line is looked at, since lists of pictures may have millions.
bool begins_with_npy(const fs::path& list) {
  if (!fs::is_regular_file(list)) return false;  // A FIFO would be waited for.
  std::ifstream lines(list);
  std::string line;
  while (line.find_first_not_of(" \t\r") == line.npos)
    if (!std::getline(lines, line)) return false;
  return line.substr(0, line.find_last_not_of(" \t\r") + 1).ends_with(".npy");
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
  if (ending == ".npy") return {path};
  if (ending != ".txt" || !begins_with_npy(path)) refuse_input(in_quotes(path) + " has no arrays", field);
  return files_in_list(path);
}

}  // namespace millrace::training
