#include "millrace/loader/datasets/litter.h"

#include <algorithm>
#include <array>

#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

/// Names in lower case; systems that write them do not tell cases apart.
constexpr std::array<std::string_view, 9> kLitter = {"__macosx",    "thumbs.db",  "ehthumbs.db",
                                                     "desktop.ini", "@eadir",     "$recycle.bin",
                                                     "#recycle",    "lost+found", "system volume information"};

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool is_litter(std::string_view name) {
  if (name.starts_with('.')) return name != "." && name != "..";
  return std::ranges::any_of(kLitter, [&](std::string_view known) {
    return std::ranges::equal(name, known, [](char a, char b) { return small(a) == b; });
  });
}

bool has_litter(std::string_view path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (is_litter(path.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

void LeftOut::add(std::string_view path) {
  if (count_++ == 0) first_ = path;
}

void LeftOut::tell(const std::string& dataset, const std::string& root) const {
  if (count_ == 0) return;
  millrace::tell(NoticeLevel::kWarning, dataset + ": left out of " + in_quotes(root) + ": " + std::to_string(count_) +
                                            (count_ == 1 ? " file or folder" : " files and folders") +
                                            " that are hidden or that programs leave behind, the first is " +
                                            in_quotes(first_) + "; remove them, or rename what is data");
}

}  // namespace millrace::detail
