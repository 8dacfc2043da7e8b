#include "millrace/loader/datasets/tar_writer.h"

#include <algorithm>
#include <regex>
#include <set>
#include <stdexcept>
#include <utility>

#include "millrace/loader/datasets/litter.h"
#include "millrace/loader/datasets/tar_header.h"
#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/datasets/tar_sums.h"
#include "millrace/loader/datasets/webdataset_name.h"
#include "millrace/sharing/codec/crc32c.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace {
namespace {

using File = TarShardWriter::File;

[[noreturn]] void refuse(std::string_view key, const std::string& why) {
  throw std::invalid_argument("TarShardWriter: sample " + in_quotes(key) + " " + why);
}

bool leads_up(std::string_view path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

/// Throws unless reading would give the same sample: this key, these extensions.
void require_conformant(std::string_view key, const std::vector<File>& files) {
  if (files.empty()) refuse(key, "has no files; give at least one");
  for (const File& file : files) {
    const std::string name = std::string(key) + "." + std::string(file.extension);
    const auto split = split_webdataset_name(name);
    if (key.empty() || key.starts_with('/') || key.ends_with('/') || name.find('\0') != name.npos || !split ||
        split->key != key)
      refuse(key, "has a key that is not read back as it is; use a relative path without a dot in its last part");
    if (detail::has_litter(name))
      refuse(key,
             "has a name like those of hidden files and of what programs leave behind, which are not read back; "
             "give it another");
    if (leads_up(name)) refuse(key, "leads out of the folder it is unpacked in; use a path without '..'");
    if (file.extension.empty() || file.extension.starts_with('_') || split->extension != file.extension)
      refuse(key, "has a file " + in_quotes(file.extension) +
                      "; extensions are in lower case, without '/' and without '_' in front");
  }
  for (size_t k = 1; k < files.size(); ++k)
    if (files[k].extension == files[k - 1].extension)
      refuse(key, "has two files " + in_quotes(files[k].extension) + "; leave one of them away");
}

// The end-of-archive mark is two blocks of zeros.
static_assert(TarShardWriter::kShardBytes == 2 * kTarBlock);

std::string_view text_of_payload(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

/// One shard while it is written.
class TarShardWriter::Shard {
 public:
  Shard(std::string path, const TarShardWriterOptions& options)
      : file_(std::move(path)), mtime_(options.mtime), plan_(options.plan) {}

  uint64_t samples() const { return samples_; }
  bool has(std::string_view key) const { return keys_.contains(std::string(key)); }
  uint64_t bytes() const { return bytes_; }

  void write(std::string_view key, const std::vector<File>& files) {
    for (const File& file : files) add(std::string(key) + "." + std::string(file.extension), file.bytes);
    keys_.emplace(key);
    ++samples_;
  }

  /// Ends and verifies it, writes its index, and names it. In this order, so that a shard is never without an index,
  /// whenever the writer dies.
  std::string finish() {
    waiting_.append(kShardBytes, '\0');
    write_waiting();
    save_tar_index(file_.path(), file_.fd(), verified());
    file_.commit_to_disk();
    return file_.path();
  }

 private:
  void add(std::string name, std::span<const std::byte> bytes) {
    const std::string header = tar_header(name, bytes.size(), mtime_);
    bytes_ += header.size() + round_up(bytes.size(), kTarBlock);
    require_file_size(bytes_, file_.passing_path());
    waiting_ += header;
    if (bytes.size() < kWrittenAtOnce) {
      waiting_ += text_of_payload(bytes);
    } else {
      write_waiting();
      file_.write(bytes);
    }
    waiting_.append(round_up(bytes.size(), kTarBlock) - bytes.size(), '\0');
    if (waiting_.size() >= kWrittenAtOnce) write_waiting();
    given_sums_.push_back(crc32c(text_of_payload(bytes)));
    given_.push_back({std::move(name), 0, bytes.size()});
  }

  void write_waiting() {
    file_.write(std::as_bytes(std::span(waiting_)));
    waiting_.clear();
  }

  /// The index of the written file, after it was read and found to hold what was given.
  TarIndex verified() const {
    TarContents contents = scan_tar(file_.fd(), file_.passing_path());
    const auto fail = [&](const std::string& what) {
      throw std::runtime_error("TarShardWriter: " + in_quotes(file_.passing_path()) +
                               " is not what was written: " + what + "; the disk or its file system is failing");
    };
    if (contents.members.size() != given_.size())
      fail(counted(contents.members.size(), "file") + " instead of " + std::to_string(given_.size()));
    TarSums sums = sum_tar(file_.fd(), file_.passing_path(), contents);
    for (size_t i = 0; i < given_.size(); ++i) {
      const TarMember& found = contents.members[i];
      if (found.name != given_[i].name || found.size != given_[i].size)
        fail(in_quotes(found.name) + " of " + std::to_string(found.size) + " bytes instead of " +
             in_quotes(given_[i].name) + " of " + std::to_string(given_[i].size));
      if (sums.files[i].payload != given_sums_[i]) fail("the bytes of " + in_quotes(found.name) + " are others");
    }
    return {std::move(contents), std::move(sums), plan_};
  }

  static constexpr size_t kWrittenAtOnce = 1 << 20;

  NewFile file_;
  int64_t mtime_;
  uint64_t plan_;
  std::string waiting_;  // What is not written yet: one call of the kernel is enough for many small files.
  uint64_t samples_ = 0;
  uint64_t bytes_ = kShardBytes;
  std::set<std::string> keys_;
  std::vector<TarMember> given_;  // Without offsets.
  std::vector<uint32_t> given_sums_;
};

TarShardWriter::TarShardWriter(std::string pattern, TarShardWriterOptions options)
    : pattern_(detail::user_path(pattern)), options_(options) {
  static const std::regex kOneNumber("[^%]*%(0[1-9])?d[^%]*");
  if (!std::regex_match(pattern_, kOneNumber))
    throw std::invalid_argument("TarShardWriter: " + in_quotes(pattern_) +
                                " must hold %d or, say, %06d once for the number of the shard, and no other %");
  if (options_.max_shard_bytes == 0 || options_.max_shard_samples == 0)
    throw std::invalid_argument("TarShardWriter: max_shard_bytes and max_shard_samples must be positive");
}

TarShardWriter::~TarShardWriter() = default;

void TarShardWriter::write(std::string_view key, std::vector<File> files) {
  if (closed_) refuse(key, "comes after close(); write it before");
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.extension < b.extension; });
  require_conformant(key, files);
  uint64_t bytes = 0;
  for (const File& file : files)
    bytes += file_bytes(std::string(key) + "." + std::string(file.extension), file.bytes.size(), options_.mtime);
  if (shard_ && (shard_->samples() == options_.max_shard_samples || shard_->bytes() + bytes > options_.max_shard_bytes))
    finish_shard();
  if (!shard_)
    shard_ = std::make_unique<Shard>(next_path(), options_);
  else if (shard_->has(key))
    refuse(key, "has the key of one before it in the shard, with which it would be one sample; give it another");
  shard_->write(key, files);
}

uint64_t TarShardWriter::file_bytes(std::string_view name, uint64_t bytes, int64_t mtime) {
  return tar_header(name, bytes, mtime).size() + round_up(bytes, kTarBlock);
}

void TarShardWriter::close() {
  closed_ = true;
  if (shard_) finish_shard();
}

std::string TarShardWriter::next_path() const {
  const size_t begin = pattern_.find('%'), end = pattern_.find('d', begin);
  const size_t width = end - begin == 3 ? static_cast<size_t>(pattern_[begin + 2] - '0') : 0;
  std::string number = std::to_string(options_.first_shard + shards_.size());
  if (number.size() < width) number.insert(0, width - number.size(), '0');
  return pattern_.substr(0, begin) + number + pattern_.substr(end + 1);
}

void TarShardWriter::finish_shard() {
  shards_.push_back(shard_->finish());
  shard_.reset();
}

}  // namespace millrace
