#include "millrace/loader/datasets/tar_scan.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

// Names and the other records of a pax header are short; a larger one is damage or malice.
constexpr uint64_t kLargestExtension = 1 << 20;

constexpr const char* kDamaged = "the file is damaged; make it anew or fetch it again";

using Block = std::array<unsigned char, kTarBlock>;

/// A header block, with the fields' positions in ustar.
class TarHeader {
 public:
  explicit TarHeader(const Block& block) : block_(block) {}

  bool is_zero() const {
    return std::all_of(block_.begin(), block_.end(), [](unsigned char byte) { return byte == 0; });
  }

  /// Old programs summed signed bytes.
  bool checksum_is_right() const {
    constexpr size_t kBegin = 148, kEnd = 156;
    uint64_t plain = 0;
    int64_t with_signs = 0;
    for (size_t i = 0; i < block_.size(); ++i) {
      const unsigned char byte = i >= kBegin && i < kEnd ? ' ' : block_[i];
      plain += byte;
      with_signs += static_cast<signed char>(byte);
    }
    const auto says = number(kBegin, kEnd - kBegin);
    return says && (*says == plain || static_cast<int64_t>(*says) == with_signs);
  }

  char type() const { return static_cast<char>(block_[156]); }

  std::optional<uint64_t> size() const { return number(124, 12); }

  /// The path that a link leads to.
  std::string link() const { return std::string(text(157, 100)); }

  /// ustar's prefix is elsewhere used for something else.
  std::string name() const {
    const std::string_view name = text(0, 100), prefix = text(345, 155);
    const bool is_ustar =
        std::string_view(reinterpret_cast<const char*>(block_.data()) + 257, 6) == std::string_view("ustar\0", 6);
    return is_ustar && !prefix.empty() ? std::string(prefix) + "/" + std::string(name) : std::string(name);
  }

 private:
  std::string_view text(size_t at, size_t length) const {
    const std::string_view all(reinterpret_cast<const char*>(block_.data()) + at, length);
    return all.substr(0, all.find('\0'));
  }

  /// Octal digits between spaces, or GNU's binary numbers, which begin with a set bit. Nothing when it is neither, or
  /// negative, or not below 2^63.
  std::optional<uint64_t> number(size_t at, size_t length) const {
    if (block_[at] == 0x80) {
      uint64_t value = 0;
      for (size_t i = at + 1; i < at + length; ++i) {
        if (value >> 55 != 0) return std::nullopt;
        value = value << 8 | block_[i];
      }
      return value;
    }
    std::string_view digits = text(at, length);
    digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
    digits = digits.substr(0, digits.find_last_not_of(' ') + 1);
    uint64_t value = 0;
    if (digits.empty()) return value;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
    if (error != std::errc() || end != digits.data() + digits.size() || value >> 63 != 0) return std::nullopt;
    return value;
  }

  const Block& block_;
};

/// Values of an extension header that replace those of the next header, or of all that follow.
struct Overrides {
  std::optional<std::string> name;
  std::optional<std::string> link;
  std::optional<uint64_t> size;
};

std::string compression_of(std::span<const unsigned char> begin) {
  constexpr std::pair<std::string_view, const char*> kMagics[] = {{"\x1f\x8b", "gzip"},
                                                                  {"\x28\xb5\x2f\xfd", "zstd"},
                                                                  {"BZh", "bzip2"},
                                                                  {"\xfd"
                                                                   "7zXZ",
                                                                   "xz"},
                                                                  {"\x04\x22\x4d\x18", "lz4"}};
  const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
  for (const auto& [magic, name] : kMagics)
    if (text.starts_with(magic)) return name;
  return {};
}

class Scan {
 public:
  Scan(int fd, const std::string& path) : fd_(fd), path_(path) { contents_.stamp = stamp_of(fd, path); }

  TarContents run() {
    require_uncompressed();
    do {
      while (read_header()) {
      }
    } while (find_next_archive());
    if (stamp_of(fd_, path_) != contents_.stamp)
      fail(0, "the file was changed while it was read; make the dataset when it is written");
    return std::move(contents_);
  }

 private:
  [[noreturn]] void fail(uint64_t at, const std::string& what) const {
    throw TarError("tar: " + in_quotes(path_) + " at byte " + std::to_string(at) + ": " + what);
  }

  uint64_t bytes() const { return contents_.stamp.size; }

  void read(uint64_t at, void* to, size_t count) const {
    size_t done = 0;
    while (done < count) {
      const auto got = MILLRACE_SYSCALL(
          ::pread(fd_, static_cast<char*>(to) + done, count - done, static_cast<off_t>(at + done)), path_, at + done);
      if (got == 0) fail(at + done, "the file became shorter while it was read");
      done += static_cast<size_t>(got);
    }
  }

  void require_uncompressed() const {
    if (bytes() == 0)
      fail(0, "the file is empty, not even the end-of-archive mark is there; make it anew or leave it out");
    Block begin = {};
    const auto count = static_cast<size_t>(std::min(bytes(), kTarBlock));
    read(0, begin.data(), count);
    const std::string compression = compression_of(std::span(begin).first(count));
    if (!compression.empty())
      fail(0, "compressed with " + compression + ", so its files cannot be read one by one; decompress or repack it");
  }

  /// One header with what belongs to it. False at the end-of-archive mark.
  bool read_header() {
    if (at_ > bytes() || bytes() - at_ < kTarBlock)
      fail(std::min(at_, bytes()),
           "the file ends without the end-of-archive mark, so it was cut short; make it anew or fetch it again");
    Block block;
    read(at_, block.data(), block.size());
    const TarHeader header(block);
    if (header.is_zero()) {
      if (next_.name || next_.link || next_.size)
        fail(at_, std::string("an extension header without the header it is for; ") + kDamaged);
      return false;
    }
    if (!header.checksum_is_right())
      fail(at_, at_ == 0 ? "not a tar file (no header with a right checksum)"
                         : std::string("a header with a wrong checksum; ") + kDamaged);
    const std::optional<uint64_t> size = header.size();
    if (!size) fail(at_, std::string("a header whose size is no number; ") + kDamaged);
    switch (header.type()) {
      case 'x':
      case 'X':
        read_records(*size, next_);
        break;
      case 'g':
        read_records(*size, all_);
        break;
      case 'L':
        next_.name = text_extension(*size);
        break;
      case 'K':
        next_.link = text_extension(*size);
        break;
      default:
        read_member(header, *size);
    }
    return true;
  }

  void read_member(const TarHeader& header, uint64_t size) {
    const char type = header.type();
    if (type == 'S') fail_for_sparse(at_);
    std::string name = next_.name ? *next_.name : all_.name ? *all_.name : header.name();
    std::string link = next_.link ? *next_.link : all_.link ? *all_.link : header.link();
    size = next_.size ? *next_.size : all_.size ? *all_.size : size;
    next_ = {};
    // Links, devices, directories and pipes have no payload, whatever size they state. A V7 directory is a file whose
    // name ends in a slash.
    const bool has_payload = type < '1' || type > '6';
    const bool is_regular = type == '0' || type == '7' || (type == '\0' && !name.ends_with('/'));
    if (!has_payload) size = 0;
    const uint64_t payload = at_ + kTarBlock;
    require_inside(payload, size, in_quotes(name));
    if (is_regular) add({std::move(name), payload, size});
    if (type == '1') add_hard_link(std::move(name), link);
    pass(size);
  }

  void add(TarMember member) {
    by_name_[member.name] = contents_.members.size();
    contents_.members.push_back(std::move(member));
  }

  /// tar writes the second name of a file so, if both are packed.
  void add_hard_link(std::string name, const std::string& link) {
    const auto found = by_name_.find(link);
    if (found == by_name_.end())
      fail(at_, in_quotes(name) + " is a hard link to " + in_quotes(link) +
                    ", which is not before it in the file; repack with the files themselves (tar --hard-dereference)");
    const TarMember target = contents_.members[found->second];
    add({std::move(name), target.offset, target.size});
  }

  /// Passes over the zeros from at_ on. False at the end of the file.
  bool find_next_archive() {
    constexpr size_t kAtATime = 1 << 18;
    std::vector<char> bytes;
    while (at_ < this->bytes()) {
      bytes.resize(static_cast<size_t>(std::min<uint64_t>(this->bytes() - at_, kAtATime)));
      read(at_, bytes.data(), bytes.size());
      const auto other = std::find_if(bytes.begin(), bytes.end(), [](char byte) { return byte != 0; });
      if (other == bytes.end()) {
        at_ += bytes.size();
        continue;
      }
      at_ += static_cast<uint64_t>(other - bytes.begin()) / kTarBlock * kTarBlock;
      require_archive();
      all_ = {};
      by_name_.clear();  // Links lead into their own archive.
      return true;
    }
    return false;
  }

  /// Throws unless the bytes behind an end-of-archive mark are another archive: readers that stop at the mark would
  /// lose them.
  void require_archive() const {
    Block block = {};
    if (bytes() - at_ >= kTarBlock) read(at_, block.data(), block.size());
    const TarHeader header(block);
    if (header.is_zero() || !header.checksum_is_right())
      fail(at_,
           "bytes behind the end-of-archive mark that are no archive; cut them off, or join archives by tar "
           "--concatenate");
  }

  void read_records(uint64_t size, Overrides& overrides) {
    const uint64_t header_at = at_;
    const std::string text = extension(size);
    const auto refuse = [&] { fail(header_at, std::string("a pax header that cannot be understood; ") + kDamaged); };
    // Records are "length key=value\n", the length counts all of it.
    for (std::string_view rest = text; !rest.empty() && rest.front() != '\0';) {
      size_t length = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
      const auto digits = static_cast<size_t>(end - rest.data());
      if (error != std::errc() || length > rest.size() || length < digits + 2 || rest[digits] != ' ' ||
          rest[length - 1] != '\n')
        refuse();
      const std::string_view record = rest.substr(digits + 1, length - digits - 2);
      const size_t equals = record.find('=');
      if (equals == record.npos) refuse();
      const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
      if (key.starts_with("GNU.sparse.")) fail_for_sparse(header_at);
      if (key == "path") overrides.name = value;
      if (key == "linkpath") overrides.link = value;
      if (key == "size") {
        uint64_t number = 0;
        const auto [number_end, number_error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (number_error != std::errc() || number_end != value.data() + value.size()) refuse();
        overrides.size = number;
      }
      rest.remove_prefix(length);
    }
  }

  [[noreturn]] void fail_for_sparse(uint64_t at) const {
    fail(at, "a sparse file, whose holes are left out; repack without them (tar without --sparse)");
  }

  std::string text_extension(uint64_t size) {
    std::string text = extension(size);
    text.resize(std::min(text.size(), text.find('\0')));
    return text;
  }

  /// The payload of an extension header, behind which at_ is afterwards.
  std::string extension(uint64_t size) {
    if (size > kLargestExtension)
      fail(at_, "an extension header of " + std::to_string(size) + " bytes, more than the largest sensible " +
                    std::to_string(kLargestExtension) + "; " + kDamaged);
    require_inside(at_ + kTarBlock, size, "an extension header");
    std::string text(size, '\0');
    read(at_ + kTarBlock, text.data(), text.size());
    pass(size);
    return text;
  }

  void require_inside(uint64_t payload, uint64_t size, const std::string& what) const {
    if (size > bytes() - payload)
      fail(payload, "the file ends inside " + what + ", which has " + std::to_string(size) +
                        " bytes, so it was cut short; make it anew or fetch it again");
  }

  /// REQUIRES: require_inside(at_ + kTarBlock, size), so that nothing here can overflow.
  void pass(uint64_t size) { at_ += kTarBlock + round_up(size, kTarBlock); }

  int fd_;
  const std::string& path_;
  uint64_t at_ = 0;
  Overrides next_;  // Replace values of the next member.
  Overrides all_;   // Replace values of all that follow.
  TarContents contents_;
  std::unordered_map<std::string, size_t> by_name_;  // The last of each name, for hard links.
};

}  // namespace

OwnedFd open_tar(const std::string& path) {
  try {
    return detail::open_regular(path);
  } catch (const std::system_error& error) {
    if (!limit_behind(error.code().value()).empty())
      throw TarError("tar: cannot open " + in_quotes(path) + ": " + error.what());
    throw TarError("tar: cannot open " + in_quotes(path) + ": " + error.code().message() +
                   (error.code() == std::errc::no_such_file_or_directory
                        ? "; check the path (it is relative to " + std::filesystem::current_path().string() + ")"
                        : "; it must be a file that this user may read"));
  } catch (const std::runtime_error& error) {
    throw TarError("tar: " + in_quotes(path) + " is " + error.what() + "; give the tar file itself");
  }
}

TarContents scan_tar(const std::string& path) {
  const std::string file = detail::user_path(path);
  return scan_tar(open_tar(file).get(), file);
}

TarContents scan_tar(int fd, const std::string& path) { return Scan(fd, path).run(); }

}  // namespace millrace
