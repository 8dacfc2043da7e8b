#include "millrace/loader/datasets/image_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/loader/datasets/image_file.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kEndings = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                                      ".pgm", ".tif",  ".tiff", ".webp"};

constexpr const char* kLayout = "ImageFolder wants root/class/picture.jpg, one directory a class";

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

[[noreturn]] void fail_folder(const std::string& what) { throw std::runtime_error("image_folder: " + what); }

[[noreturn]] void fail_to_list(const fs::path& directory, const std::error_code& error) {
  fail_folder("cannot list '" + directory.string() + "': " + error.message() +
       (error == std::errc::permission_denied ? "; give read and search permission on it (chmod u+rx)" : ""));
}

std::vector<std::string> list_classes(const std::string& root) {
  std::error_code error;
  const fs::file_status status = fs::status(root, error);
  if (status.type() == fs::file_type::not_found) {
    fail_folder("no such directory: '" + root + "'; check the path (it is relative to " + fs::current_path().string() + ")");
  }
  if (status.type() == fs::file_type::none) fail_to_list(root, error);
  if (status.type() != fs::file_type::directory) fail_folder("not a directory: '" + root + "'; " + kLayout);

  std::vector<std::string> classes;
  fs::directory_iterator entry(root, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code no_status;  // A dangling link, say, is no directory.
    if (entry->is_directory(no_status)) classes.push_back(entry->path().filename().string());
  }
  if (error) fail_to_list(root, error);
  if (classes.empty()) fail_folder("no class directories in '" + root + "'; " + kLayout);
  std::sort(classes.begin(), classes.end());
  return classes;
}

/// The pictures of a class, as paths from `root`, sorted by directory, then by name.
std::vector<std::string> list_pictures(const std::string& root, const std::string& class_name) {
  std::vector<std::pair<std::string, std::string>> found;
  std::vector<std::string> directories = {class_name};
  while (!directories.empty()) {
    const std::string directory = std::move(directories.back());
    directories.pop_back();
    std::error_code error;
    fs::directory_iterator entry(fs::path(root) / directory, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      std::string name = entry->path().filename().string();
      std::error_code no_status;
      if (entry->is_directory(no_status)) {
        directories.push_back(directory + "/" + name);
      } else if (is_picture(entry->path())) {
        found.emplace_back(directory, std::move(name));
      }
    }
    if (error) fail_to_list(fs::path(root) / directory, error);
  }
  if (found.empty()) {
    std::string endings;
    for (const auto ending : kEndings) endings.append(" ").append(ending);
    fail_folder("class '" + class_name + "' has no pictures: no file below '" + (fs::path(root) / class_name).string() +
         "' ends in" + endings + "; add some or remove the directory");
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> pictures;
  pictures.reserve(found.size());
  for (auto& [directory, name] : found) pictures.push_back(directory + "/" + name);
  return pictures;
}

}  // namespace

ImageFolder::ImageFolder(std::string root) : root_(std::move(root)), classes_(list_classes(root_)) {
  std::vector<std::string> files;
  for (const std::string& name : classes_) {
    for (std::string& file : list_pictures(root_, name)) files.push_back(std::move(file));
    class_ends_.push_back(files.size());
  }
  files_ = SharedStrings::make(files);
}

ImageFolder ImageFolder::transform(transforms::Chain chain) const {
  ImageFolder result = *this;
  result.chain_ = chain_ | chain;
  return result;
}

ImageFolder ImageFolder::mode(ImageMode mode) const {
  ImageFolder result = *this;
  result.pictures_.mode = mode;
  return result;
}

ImageFolder ImageFolder::orientation(Orientation orientation) const {
  ImageFolder result = *this;
  result.pictures_.orientation = orientation;
  return result;
}

ImageFolder ImageFolder::max_pixels(int64_t max_pixels) const {
  if (max_pixels < 1) throw std::invalid_argument("ImageFolder: max_pixels is " + std::to_string(max_pixels));
  ImageFolder result = *this;
  result.pictures_.max_pixels = max_pixels;
  return result;
}

std::string ImageFolder::describe(size_t i) const { return root_ + "/" + std::string(files_[i]); }

int64_t ImageFolder::label(size_t i) const {
  return std::upper_bound(class_ends_.begin(), class_ends_.end(), i) - class_ends_.begin();
}

SampleSpec ImageFolder::spec() const {
  return {detail::image_field(chain_, pictures_, describe(0)), {"label", c10::ScalarType::Long, {}}};
}

void ImageFolder::read(size_t i, SampleRow& row, SampleContext& context) const {
  transforms::Targets none;
  detail::read_image(describe(i), chain_, pictures_, context.rng(), row.spec().fields[0], row.bytes(0), none);
  row.set<int64_t>("label", label(i));
}

}  // namespace millrace
