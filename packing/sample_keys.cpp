#include "millrace/packing/sample_keys.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>

#include "millrace/sharing/codec/fnv.h"

namespace millrace::packing {
namespace {

namespace fs = std::filesystem;

uint64_t hash_of(const std::string& key) { return fnv1a(std::as_bytes(std::span(key))); }

bool leads_away(const fs::path& path) {
  return path.is_absolute() || std::find(path.begin(), path.end(), fs::path("..")) != path.end();
}

}  // namespace

std::string SampleKeys::of_path(std::string_view given) {
  fs::path path = fs::path(given).lexically_normal();
  if (leads_away(path)) path = path.filename();
  std::string name = path.stem().string();
  std::replace(name.begin(), name.end(), '.', '_');
  std::string key;
  for (const fs::path& folder : path.parent_path()) {
    std::string part = folder.string();
    if (part.starts_with('.')) part.front() = '_';
    key += part + "/";
  }
  return of_key(key + name);
}

std::string SampleKeys::of_key(std::string key) {
  if (taken_.insert(hash_of(key)).second) return key;
  for (uint64_t number = 2;; ++number) {
    std::string other = key + "_" + std::to_string(number);
    if (taken_.insert(hash_of(other)).second) return other;
  }
}

}  // namespace millrace::packing
