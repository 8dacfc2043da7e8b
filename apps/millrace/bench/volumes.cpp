#include "millrace/apps/millrace/bench/volumes.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "millrace/formats/npz.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {

Volumes::Volumes(const std::string& root, std::string array, int64_t bytes) : array_(std::move(array)), bytes_(bytes) {
  if (bytes <= 0) throw std::invalid_argument("bytes must be at least 1, found " + std::to_string(bytes));
  std::error_code failed;
  const std::filesystem::directory_iterator entries(root, failed);
  if (failed) throw std::invalid_argument("the folder " + in_quotes(root) + " cannot be read: " + failed.message());
  for (const auto& entry : entries)
    if (entry.path().extension() == ".npz") paths_.push_back(entry.path());
  if (paths_.empty()) throw std::invalid_argument("there is no .npz file in " + in_quotes(root));
  std::sort(paths_.begin(), paths_.end());
}

void Volumes::read(size_t index, SampleRow& row, SampleContext& context) const {
  const auto array = npz_dataset(paths_[index], {array_});
  const SampleSpec spec = array.spec();
  const size_t size = spec.fields.front().bytes();
  const std::span<std::byte> all = row.bytes(0);
  std::vector<std::byte> line(size);
  size_t filled = 0;
  for (size_t i = 0; i < array.size() && filled < all.size(); ++i) {
    std::byte* const rows[] = {line.data()};
    SampleRow one(spec, rows);
    array.read(i, one, context);
    const size_t part = std::min(size, all.size() - filled);
    std::memcpy(all.data() + filled, line.data(), part);
    filled += part;
  }
  std::fill(all.begin() + static_cast<std::ptrdiff_t>(filled), all.end(), std::byte{});
}

}  // namespace millrace::apps
