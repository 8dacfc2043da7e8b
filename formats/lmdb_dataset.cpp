#include "millrace/formats/lmdb_dataset.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <ranges>
#include <stdexcept>

#include "millrace/formats/lmdb_pages.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

using detail::LmdbEntry;

std::string file_of(const std::string& given) {
  const std::string path = detail::user_path(given);
  return std::filesystem::is_directory(path) ? (std::filesystem::path(path) / "data.mdb").string() : path;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

at::Tensor tensor_of(std::span<const std::byte> bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr<uint8_t>(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace

LmdbDataset::LmdbDataset(const std::string& path, const std::string& database, LmdbValues values) : values_(values) {
  static_assert(sizeof(LmdbEntry) == kEntryBytes);
  detail::in_format("lmdb", [&] { file_ = detail::MappedFile(file_of(path)); });
  try {
    entries_ = detail::SharedBytes::of("entries of LMDB", detail::list_lmdb_entries(file_.bytes(), database));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("lmdb: " + in_quotes(file_.path()) + " " + error.what());
  }
  require_unchanged();
}

void LmdbDataset::require_unchanged() const {
  detail::in_format("lmdb", [&] { file_.require_unchanged(); });
}

void LmdbDataset::require_readable() const {
  detail::in_format("lmdb", [&] { file_.require_readable(); });
}

std::span<const std::byte> LmdbDataset::piece(uint64_t begin, uint64_t size) const {
  const auto bytes = file_.bytes();
  if (begin > bytes.size() || size > bytes.size() - begin)
    throw DecodeError("an entry of LMDB lies outside of its file, which may have become shorter");
  return bytes.subspan(begin, size);
}

std::string_view LmdbDataset::key(size_t i) const {
  detail::require_index("LmdbDataset", i, size());
  const LmdbEntry entry = entries_.as<LmdbEntry>()[i];
  require_readable();  // What is gone is an error here, and the process's end where it is looked at.
  const auto bytes = piece(entry.key, entry.key_size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> LmdbDataset::value(size_t i) const {
  detail::require_index("LmdbDataset", i, size());
  const LmdbEntry entry = entries_.as<LmdbEntry>()[i];
  require_readable();
  return piece(entry.value, entry.value_size);
}

std::optional<size_t> LmdbDataset::find(std::string_view wanted) const {
  const auto indices = std::views::iota(size_t{0}, size());
  const auto found = std::ranges::lower_bound(indices, wanted, {}, [&](size_t i) { return key(i); });
  if (found == indices.end() || key(*found) != wanted) return std::nullopt;
  return *found;
}

Sample LmdbDataset::get(size_t i) const {
  detail::require_index("LmdbDataset", i, size());
  const StageScope reading(Stage::kRead);
  const LmdbEntry entry = entries_.as<LmdbEntry>()[i];
  require_readable();
  const auto bytes = piece(entry.value, entry.value_size);
  reading.add_bytes(bytes.size());
  Sample sample = {{"key", text_of(piece(entry.key, entry.key_size))}, {"value", at::Tensor()}};
  if (values_ == LmdbValues::kTensor)
    sample["value"] = tensor_of(bytes);
  else
    sample["value"] = text_of(bytes);
  require_unchanged();
  return sample;
}

// Asked for where a sample could not be read, maybe since the file was cut short: then its key cannot be read either.
std::string LmdbDataset::describe(size_t i) const {
  return file_.path() + ": " + (file_.is_unchanged() ? printable(key(i)) : "entry " + std::to_string(i));
}

void LmdbDataset::save(EncodeArchive& archive) const { archive(file_, entries_, values_); }

void LmdbDataset::load(DecodeArchive& archive) { archive(file_, entries_, values_); }

}  // namespace millrace
