#include "millrace/loader/datasets/webdataset_name.h"

#include <algorithm>

namespace millrace {
namespace {

bool is_metadata(std::string_view path) {
  const std::string_view top = path.substr(0, path.find('/'));
  return top.size() >= 4 && top.starts_with("__") && top.ends_with("__");
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<WebDatasetName> split_webdataset_name(std::string_view path) {
  if (is_metadata(path)) return std::nullopt;
  const size_t file = path.rfind('/') + 1;  // 0 when there is no slash.
  const size_t dot = path.find('.', file);
  if (dot == path.npos || dot == 0) return std::nullopt;
  if (dot == file) {
    // webdataset's pattern then takes the folder's name, which must have no dot, for the part before the dot.
    const size_t folder = file < 2 ? 0 : path.rfind('/', file - 2) + 1;
    if (path.substr(folder, file - folder).find('.') != path.npos) return std::nullopt;
  }
  WebDatasetName name{path.substr(0, dot), std::string(path.substr(dot + 1))};
  std::transform(name.extension.begin(), name.extension.end(), name.extension.begin(), lower);
  return name;
}

}  // namespace millrace
