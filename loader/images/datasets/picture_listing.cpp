#include "millrace/loader/images/datasets/picture_listing.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kEndings = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                                      ".pgm", ".tif",  ".tiff", ".webp"};

/// Ways multiply: ten folders of two links to the next have 1024.
constexpr size_t kMostWays = 1000;

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

}  // namespace

bool is_picture(const std::string& name) {
  std::string ending = fs::path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

PictureListing::PictureListing(std::string_view dataset, std::string_view layout, std::string root)
    : dataset_(dataset), layout_(layout), root_(std::move(root)) {
  std::error_code error;
  const fs::file_status status = fs::status(root_, error);
  if (status.type() == fs::file_type::not_found)
    fail("no such directory: " + in_quotes(root_) + "; check the path (it is relative to " +
         printable(fs::current_path().string()) + ")");
  if (status.type() == fs::file_type::none) fail_to_list(root_, error);
  if (status.type() != fs::file_type::directory) fail("not a directory: " + in_quotes(root_) + "; " + layout_);
}

void PictureListing::tell_left_out() const {
  left_out_.tell(dataset_, root_);
  if (beside_folders_.empty()) return;
  millrace::tell(NoticeLevel::kWarning, dataset_ + ": left out of " + in_quotes(root_) + ": " +
                                            counted(beside_folders_.size(), "picture") +
                                            " beside the class directories, the first is " +
                                            in_quotes(*std::ranges::min_element(beside_folders_)) + "; " + layout_);
}

void PictureListing::fail(const std::string& what) const { throw std::runtime_error(dataset_ + ": " + what); }

void PictureListing::fail_to_list(const std::string& directory, const std::error_code& error) const {
  fail("cannot list " + in_quotes(directory) + ": " + error.message() +
       (error == std::errc::permission_denied ? "; give read and search permission on it (chmod u+rx)" : ""));
}

/// Calls take(name, is_directory) for what is in a directory, given from the root, save for litter.
template <class Take>
void PictureListing::for_entries(const std::string& directory, const Take& take) {
  const fs::path path = fs::path(root_) / directory;
  std::error_code error;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (is_litter(name)) {
      left_out_.add(below(directory, name));
      continue;
    }
    std::error_code no_status;  // A dangling link, say, is no directory.
    take(name, entry->is_directory(no_status));
  }
  if (error) fail_to_list(path.string(), error);
}

PictureListing::FolderId PictureListing::id_of(const std::string& directory) const {
  const std::string path = (fs::path(root_) / directory).string();
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) fail_to_list(path, {errno, std::generic_category()});
  return {status.st_dev, status.st_ino};
}

std::vector<std::string> PictureListing::folders() {
  const FolderId root = id_of("");
  std::vector<std::string> folders;
  for_entries("", [&](const std::string& name, bool is_directory) {
    if (is_directory && id_of(name) != root) folders.push_back(name);
    if (!is_directory && is_picture(name)) beside_folders_.push_back(name);
  });
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::vector<std::string> PictureListing::pictures(const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> found;
  std::map<FolderId, size_t> ways;
  std::vector<Place> places = {{folder, {id_of("")}}};
  if (!folder.empty()) places.front().way.push_back(id_of(folder));
  while (!places.empty()) {
    const Place place = std::move(places.back());
    places.pop_back();
    for_entries(place.directory, [&](const std::string& name, bool is_directory) {
      const std::string path = below(place.directory, name);
      if (!is_directory) {
        if (is_picture(name)) found.emplace_back(place.directory, name);
        return;
      }
      const FolderId id = id_of(path);
      if (std::find(place.way.begin(), place.way.end(), id) != place.way.end()) return;
      if (++ways[id] > kMostWays)
        fail("links below " + in_quotes(below(root_, folder)) + " lead to one folder in more than " +
             std::to_string(kMostWays) + " ways, the last is " + in_quotes(root_ + "/" + path) +
             "; remove those that lead to folders with links of their own");
      Place inner{path, place.way};
      inner.way.push_back(id);
      places.push_back(std::move(inner));
    });
  }
  if (found.empty()) {
    std::string endings;
    for (const auto ending : kEndings) endings.append(" ").append(ending);
    const std::string what = folder.empty() ? "no pictures" : "folder " + in_quotes(folder) + " has no pictures";
    fail(what + ": no file below " + in_quotes(folder.empty() ? root_ : root_ + "/" + folder) + " ends in" + endings +
         "; add some or remove the directory");
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> pictures;
  pictures.reserve(found.size());
  for (const auto& [directory, name] : found) pictures.push_back(below(directory, name));
  return pictures;
}

}  // namespace millrace::detail
