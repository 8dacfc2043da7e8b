#include "millrace/loader/images/datasets/image_folder.h"

#include <algorithm>
#include <utility>

#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

constexpr const char* kLayout =
    "ImageFolder wants root/class/picture.jpg, one directory a class; pictures without classes are read by ImageFiles";

/// The folders in the root, or those of them that were chosen.
std::vector<std::string> class_folders(detail::PictureListing& listing, const std::string& root,
                                       std::vector<std::string> chosen) {
  std::vector<std::string> found = listing.folders();
  if (found.empty()) listing.fail("no class directories in " + in_quotes(root) + "; " + kLayout);
  if (chosen.empty()) return found;
  for (auto name = chosen.begin(); name != chosen.end(); ++name) {
    if (std::find(chosen.begin(), name, *name) != name)
      listing.fail("class " + in_quotes(*name) + " is listed twice: list it once");
    if (!std::binary_search(found.begin(), found.end(), *name))
      listing.fail("no class " + in_quotes(*name) + ": no such directory in " + in_quotes(root) +
                   "; classes are named as their directories, such as " + in_quotes(found.front()));
  }
  return chosen;
}

}  // namespace

ImageFolder::ImageFolder(std::string root, std::vector<std::string> classes) : root_(detail::user_path(root)) {
  detail::PictureListing listing("image_folder", kLayout, root_);
  classes_ = class_folders(listing, root_, std::move(classes));
  std::vector<std::string> files;
  for (const std::string& name : classes_) {
    for (std::string& file : listing.pictures(name)) files.push_back(std::move(file));
    class_ends_.push_back(files.size());
  }
  files_ = SharedStrings::make(files);
  listing.tell_left_out();
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
