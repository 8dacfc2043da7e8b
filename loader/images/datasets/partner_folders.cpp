#include "millrace/loader/images/datasets/partner_folders.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

/// The pictures of a folder, by what their partners are found by.
using ByStem = std::map<std::string, std::string>;

ByStem pictures_by_stem(const std::string& dataset, const std::string& folder) {
  PictureListing listing(dataset, dataset + " wants two folders with pictures of the same names", folder);
  ByStem pictures;
  for (std::string& path : listing.pictures("")) {
    const std::string stem = std::filesystem::path(path).replace_extension().string();
    const auto [other, is_new] = pictures.emplace(stem, path);
    if (!is_new)
      listing.fail("two pictures in " + in_quotes(folder) + " are named alike but for their endings, " +
                   in_quotes(other->second) + " and " + in_quotes(path) + ": remove or rename one");
  }
  listing.tell_left_out();
  return pictures;
}

void require_partners(const std::string& dataset, const ByStem& pictures, const std::string& folder,
                      const ByStem& partners, const std::string& other_folder) {
  size_t alone = 0;
  const std::string* first = nullptr;
  for (const auto& [stem, path] : pictures) {
    if (partners.contains(stem)) continue;
    if (alone++ == 0) first = &path;
  }
  if (alone == 0) return;
  throw std::runtime_error(dataset + ": " + std::to_string(alone) + " of " + counted(pictures.size(), "picture") +
                           " in " + in_quotes(folder) +
                           (alone == 1 ? " has no partner of its name in " : " have no partner of their name in ") +
                           in_quotes(other_folder) + ", the first is " + in_quotes(*first) +
                           ": add the partners or remove them, or list the pairs in a manifest");
}

}  // namespace

Partners find_partners(std::string_view dataset, const std::string& first, const std::string& second) {
  const std::string name(dataset);
  const ByStem pictures = pictures_by_stem(name, first);
  const ByStem others = pictures_by_stem(name, second);
  require_partners(name, pictures, first, others, second);
  require_partners(name, others, second, pictures, first);
  Partners partners;
  for (const auto& [stem, path] : pictures) {
    partners.first.push_back(path);
    partners.second.push_back(others.at(stem));
  }
  return partners;
}

}  // namespace millrace::detail
