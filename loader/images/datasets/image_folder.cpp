#include "millrace/loader/images/datasets/image_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/loader/datasets/litter.h"
#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kEndings = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                                      ".pgm", ".tif",  ".tiff", ".webp"};

constexpr const char* kLayout = "ImageFolder wants root/class/picture.jpg, one directory a class";

bool is_picture(const std::string& name) {
  std::string ending = fs::path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

[[noreturn]] void fail_folder(const std::string& what) { throw std::runtime_error("image_folder: " + what); }

[[noreturn]] void fail_to_list(const fs::path& directory, const std::error_code& error) {
  fail_folder("cannot list " + in_quotes(directory.string()) + ": " + error.message() +
              (error == std::errc::permission_denied ? "; give read and search permission on it (chmod u+rx)" : ""));
}

/// Tells one folder from another, by whatever path it was reached.
using FolderId = std::pair<dev_t, ino_t>;

FolderId id_of(const fs::path& directory) {
  struct stat status = {};
  if (::stat(directory.c_str(), &status) != 0) fail_to_list(directory, {errno, std::generic_category()});
  return {status.st_dev, status.st_ino};
}

/// A folder's way from the root. A folder that is on its own way would be walked for ever.
struct Place {
  std::string directory;  // Relative to the root.
  std::vector<FolderId> way;
};

/// Lists a root. Links to folders are followed, as torchvision does, and a folder to which two of them lead counts
/// twice; one that leads back to where it is reached from does not.
class Listing {
 public:
  explicit Listing(const std::string& root) : root_(root) {}

  std::vector<std::string> classes() {
    std::error_code error;
    const fs::file_status status = fs::status(root_, error);
    if (status.type() == fs::file_type::not_found) {
      fail_folder("no such directory: " + in_quotes(root_) + "; check the path (it is relative to " +
                  printable(fs::current_path().string()) + ")");
    }
    if (status.type() == fs::file_type::none) fail_to_list(root_, error);
    if (status.type() != fs::file_type::directory) fail_folder("not a directory: " + in_quotes(root_) + "; " + kLayout);

    const FolderId root = id_of(root_);
    std::vector<std::string> classes;
    for_entries("", [&](const std::string& name, bool is_directory) {
      if (is_directory && id_of(fs::path(root_) / name) != root) classes.push_back(name);
    });
    if (classes.empty()) fail_folder("no class directories in " + in_quotes(root_) + "; " + kLayout);
    std::sort(classes.begin(), classes.end());
    return classes;
  }

  /// The pictures of a class, as paths from the root, sorted by directory, then by name.
  std::vector<std::string> pictures(const std::string& class_name) {
    std::vector<std::pair<std::string, std::string>> found;
    std::map<FolderId, size_t> ways;
    std::vector<Place> places = {{class_name, {id_of(root_), id_of(fs::path(root_) / class_name)}}};
    while (!places.empty()) {
      const Place place = std::move(places.back());
      places.pop_back();
      for_entries(place.directory, [&](const std::string& name, bool is_directory) {
        const std::string path = place.directory + "/" + name;
        if (!is_directory) {
          if (is_picture(name)) found.emplace_back(place.directory, name);
          return;
        }
        const FolderId id = id_of(fs::path(root_) / path);
        if (std::find(place.way.begin(), place.way.end(), id) != place.way.end()) return;
        if (++ways[id] > kMostWays)
          fail_folder("links below class " + in_quotes(class_name) + " lead to one folder in more than " +
                      std::to_string(kMostWays) + " ways, the last is " + in_quotes(root_ + "/" + path) +
                      "; remove those that lead to folders with links of their own");
        Place below{path, place.way};
        below.way.push_back(id);
        places.push_back(std::move(below));
      });
    }
    if (found.empty()) {
      std::string endings;
      for (const auto ending : kEndings) endings.append(" ").append(ending);
      fail_folder("class " + in_quotes(class_name) + " has no pictures: no file below " +
                  in_quotes(root_ + "/" + class_name) + " ends in" + endings + "; add some or remove the directory");
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> pictures;
    pictures.reserve(found.size());
    for (auto& [directory, name] : found) pictures.push_back(directory + "/" + name);
    return pictures;
  }

  const detail::LeftOut& left_out() const { return left_out_; }

 private:
  /// Ways multiply: ten folders of two links to the next have 1024.
  static constexpr size_t kMostWays = 1000;

  /// Calls take(name, is_directory) for what is in a directory, given from the root, save for litter.
  template <class Take>
  void for_entries(const std::string& directory, const Take& take) {
    const fs::path path = fs::path(root_) / directory;
    std::error_code error;
    fs::directory_iterator entry(path, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (detail::is_litter(name)) {
        left_out_.add(directory.empty() ? name : directory + "/" + name);
        continue;
      }
      std::error_code no_status;  // A dangling link, say, is no directory.
      take(name, entry->is_directory(no_status));
    }
    if (error) fail_to_list(path, error);
  }

  const std::string& root_;
  detail::LeftOut left_out_;
};

}  // namespace

ImageFolder::ImageFolder(std::string root) : root_(detail::user_path(root)) {
  Listing listing(root_);
  classes_ = listing.classes();
  std::vector<std::string> files;
  for (const std::string& name : classes_) {
    for (std::string& file : listing.pictures(name)) files.push_back(std::move(file));
    class_ends_.push_back(files.size());
  }
  files_ = SharedStrings::make(files);
  listing.left_out().tell("image_folder", root_);
}

std::string ImageFolder::describe(size_t i) const { return root_ + "/" + std::string(files_[i]); }

int64_t ImageFolder::label(size_t i) const {
  return std::upper_bound(class_ends_.begin(), class_ends_.end(), i) - class_ends_.begin();
}

SampleSpec ImageFolder::spec() const {
  return {detail::image_field(pictures_, describe(0)), {"label", c10::ScalarType::Long, {}}};
}

void ImageFolder::read(size_t i, SampleRow& row, SampleContext& context) const {
  transforms::Targets none;
  detail::read_image(describe(i), pictures_, context.rng(), row.spec().fields[0], row.bytes(0), none);
  row.set<int64_t>("label", label(i));
}

}  // namespace millrace
