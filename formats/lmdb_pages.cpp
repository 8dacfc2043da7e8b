#include "millrace/formats/lmdb_pages.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

static_assert(std::endian::native == std::endian::little);

[[noreturn]] void refuse_lmdb(const std::string& why) { throw std::runtime_error(why); }

template <class T>
T number_at(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// A page begins with its number (8 bytes), 2 bytes of padding, its flags (2), and where its free room begins and ends
// (2 each), or how many pages a large value takes (4). Behind it stand the places of its nodes, 2 bytes each.
constexpr size_t kPageHead = 16;
enum PageFlag : uint16_t { kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04, kMeta = 0x08 };

// A node is 8 bytes, its key and its value. The value of a leaf's node is of 4 bytes' length, the first of the 8; where
// it is large, it is the number of the page that it begins on.
constexpr size_t kNodeHead = 8;
enum NodeFlag : uint16_t { kBigValue = 0x01, kDatabase = 0x02, kSeveralValues = 0x04 };

/// The record of a database (MDB_db).
struct Database {
  static constexpr size_t kBytes = 48;
  static constexpr uint64_t kNoRoot = ~uint64_t{0};

  explicit Database(std::span<const std::byte> record)
      : page_size(number_at<uint32_t>(record, 0)),
        flags(number_at<uint16_t>(record, 4)),
        depth(number_at<uint16_t>(record, 6)),
        entries(number_at<uint64_t>(record, 32)),
        root(number_at<uint64_t>(record, 40)) {}

  uint32_t page_size;  // Only that of free pages has it.
  uint16_t flags;
  uint16_t depth;
  uint64_t entries;
  uint64_t root;
};

class File {
 public:
  explicit File(std::span<const std::byte> bytes) : bytes_(bytes), page_size_(find_page_size()) {}

  /// The main database after the last transaction. Transactions write the two first pages in turns: the even ones the
  /// first page, the odd ones the second. A new file has 0 on both.
  Database main() const {
    const auto even = number_at<uint64_t>(meta(0), kTransaction), odd = number_at<uint64_t>(meta(1), kTransaction);
    const bool are_neighbours = even % 2 == 0 && odd % 2 == 1 && (even == odd + 1 || odd == even + 1);
    if (!are_neighbours && (even != 0 || odd != 0))
      refuse_lmdb("is damaged at byte " + std::to_string(kTransaction) + ": its two first pages are of transactions " +
                  std::to_string(even) + " and " + std::to_string(odd) + "; copy it again");
    return Database(meta(even > odd ? 0 : 1).subspan(kMainDatabase, Database::kBytes));
  }

  /// A page with that number and at least one of the flags.
  std::span<const std::byte> page(uint64_t number, uint16_t flags) const {
    if (number >= bytes_.size() / page_size_)
      refuse_lmdb("names page " + std::to_string(number) + ", it has " + std::to_string(bytes_.size() / page_size_) +
                  "; copy it again");
    const auto page = bytes_.subspan(number * page_size_, page_size_);
    if (number_at<uint64_t>(page, 0) != number || (number_at<uint16_t>(page, 10) & flags) == 0)
      refuse_page(number, "is no page of the kind that is expected");
    return page;
  }

  /// A large value, which begins on a page of its own.
  std::span<const std::byte> large_value(uint64_t number, uint64_t size) const {
    const uint64_t pages = number_at<uint32_t>(page(number, kOverflow), 12);
    const uint64_t begin = number * page_size_;
    if (pages > (bytes_.size() - begin) / page_size_ || size > pages * page_size_ - kPageHead)
      refuse_page(number, "is too short for its value of " + counted(size, "byte"));
    return bytes_.subspan(begin + kPageHead, size);
  }

  [[noreturn]] void refuse_page(uint64_t number, const std::string& why) const {
    refuse_lmdb("is damaged at byte " + std::to_string(number * page_size_) + ": page " + std::to_string(number) + " " +
                why + "; copy it again");
  }

  uint64_t offset_of(std::span<const std::byte> piece) const {
    return static_cast<uint64_t>(piece.data() - bytes_.data());
  }
  uint64_t page_size() const { return page_size_; }
  uint64_t num_pages() const { return bytes_.size() / page_size_; }

 private:
  // What stands where in the two first pages.
  static constexpr size_t kMagic = 16, kVersion = 20, kFreeDatabase = 40, kMainDatabase = 88, kTransaction = 144,
                          kMetaBytes = 152;

  uint64_t find_page_size() const {
    if (bytes_.size() < kMetaBytes) refuse_lmdb("is no LMDB file, it has " + counted(bytes_.size(), "byte"));
    require_meta(bytes_, 0);
    const uint64_t size = Database(bytes_.subspan(kFreeDatabase, Database::kBytes)).page_size;
    if (size < 512 || size > 65536 || !std::has_single_bit(size) || bytes_.size() / size < 2)
      refuse_lmdb("is damaged at byte " + std::to_string(kFreeDatabase) + ": pages of " + counted(size, "byte") +
                  "; copy it again");
    require_meta(bytes_.subspan(size, size), size);
    return size;
  }

  static void require_meta(std::span<const std::byte> page, uint64_t at) {
    constexpr uint32_t kLmdb = 0xBEEFC0DE, kKnown = 1;
    if (number_at<uint32_t>(page, kMagic) != kLmdb || (number_at<uint16_t>(page, 10) & kMeta) == 0)
      refuse_lmdb("has no LMDB page at byte " + std::to_string(at) + "; it must be an LMDB file of a 64-bit machine");
    if (const auto version = number_at<uint32_t>(page, kVersion); version != kKnown)
      refuse_lmdb("has data version " + std::to_string(version) +
                  ", known is 1, of liblmdb 0.9; copy it with mdb_copy 0.9");
  }

  std::span<const std::byte> meta(uint64_t number) const { return page(number, kMeta); }

  std::span<const std::byte> bytes_;
  uint64_t page_size_;
};

/// A node of a page, which lies in it.
struct Node {
  std::span<const std::byte> head;
  std::span<const std::byte> key;
  std::span<const std::byte> rest;  ///< Of the page, behind the key.

  uint16_t flags() const { return number_at<uint16_t>(head, 4); }
  uint64_t value_size() const { return number_at<uint32_t>(head, 0); }
  uint64_t child() const { return number_at<uint32_t>(head, 0) | uint64_t{flags()} << 32; }
};

class Walk {
 public:
  explicit Walk(const File& file) : file_(file) {}

  std::vector<LmdbEntry> entries_of(const Database& database) {
    constexpr uint16_t kDupSort = 0x04;
    if ((database.flags & kDupSort) != 0) refuse_lmdb("has several values a key (dupsort), which are not read");
    constexpr uint16_t kReverseKey = 0x02, kIntegerKey = 0x08;
    is_in_order_of_bytes_ = (database.flags & (kReverseKey | kIntegerKey)) == 0;
    found_.clear();
    if (database.root != Database::kNoRoot) visit(database.root, database.depth);
    if (found_.size() != database.entries)
      refuse_lmdb("is damaged: " + counted(found_.size(), "entry") + " of the " + std::to_string(database.entries) +
                  " that it promises; copy it again");
    return std::move(found_);
  }

  /// The record of the database of that name, which is an entry of the main one.
  std::optional<Database> find(const Database& database, std::string_view name) {
    wanted_ = name;
    entries_of(database);
    return wanted_database_;
  }

  bool has_databases() const { return has_databases_; }

 private:
  void visit(uint64_t number, unsigned depth) {
    if (depth == 0) file_.refuse_page(number, "lies deeper than its database says");
    // Pages that lead back to themselves would be visited for ever.
    if (++visited_ > file_.num_pages()) file_.refuse_page(number, "is reached in a circle");
    const auto page = file_.page(number, depth == 1 ? kLeaf : kBranch);
    const size_t lower = number_at<uint16_t>(page, 12);
    if (lower < kPageHead || lower > page.size() || lower % 2 != 0)
      file_.refuse_page(number, "has a damaged list of nodes");
    const size_t nodes = (lower - kPageHead) / 2;
    for (size_t i = 0; i < nodes; ++i) {
      const Node node = node_at(number, page, number_at<uint16_t>(page, kPageHead + 2 * i));
      if (depth > 1)
        visit(node.child(), depth - 1);
      else
        take(number, node);
    }
  }

  Node node_at(uint64_t number, std::span<const std::byte> page, size_t at) const {
    if (at < kPageHead || at > page.size() - kNodeHead) file_.refuse_page(number, "has a node outside of it");
    const auto head = page.subspan(at, kNodeHead);
    const size_t key_size = number_at<uint16_t>(head, 6);
    const auto rest = page.subspan(at + kNodeHead);
    if (key_size > rest.size()) file_.refuse_page(number, "has a key that goes beyond it");
    return {head, rest.first(key_size), rest.subspan(key_size)};
  }

  void take(uint64_t number, const Node& node) {
    if ((node.flags() & kSeveralValues) != 0) refuse_lmdb("has several values a key (dupsort), which are not read");
    const uint64_t size = node.value_size();
    std::span<const std::byte> value = node.rest;
    if ((node.flags() & kBigValue) != 0) {
      if (value.size() < sizeof(uint64_t)) file_.refuse_page(number, "has a value that goes beyond it");
      value = file_.large_value(number_at<uint64_t>(value, 0), size);
    }
    if (size > value.size()) file_.refuse_page(number, "has a value that goes beyond it");
    require_order(number, node.key);
    if ((node.flags() & kDatabase) != 0) {
      has_databases_ = true;
      const std::string_view name(reinterpret_cast<const char*>(node.key.data()), node.key.size());
      if (name == wanted_ && size == Database::kBytes) wanted_database_.emplace(value.first(size));
    }
    found_.push_back({file_.offset_of(node.key), file_.offset_of(value), static_cast<uint32_t>(node.key.size()),
                      static_cast<uint32_t>(size)});
  }

  // Keys of all pages together ascend; where they are numbers, or compared from behind, this is not asked.
  void require_order(uint64_t number, std::span<const std::byte> key) {
    if (!found_.empty() && is_in_order_of_bytes_ && !std::ranges::lexicographical_compare(last_key_, key))
      file_.refuse_page(number, "has keys that are not in order");
    last_key_ = key;
  }

  const File& file_;
  std::vector<LmdbEntry> found_;
  bool is_in_order_of_bytes_ = true;
  std::span<const std::byte> last_key_;
  uint64_t visited_ = 0;
  std::string_view wanted_;
  std::optional<Database> wanted_database_;
  bool has_databases_ = false;
};

}  // namespace

std::vector<LmdbEntry> list_lmdb_entries(std::span<const std::byte> bytes, std::string_view name) {
  const File file(bytes);
  if (!name.empty()) {
    const auto database = Walk(file).find(file.main(), name);
    if (!database) refuse_lmdb("has no database " + in_quotes(name));
    return Walk(file).entries_of(*database);
  }
  Walk walk(file);
  auto entries = walk.entries_of(file.main());
  if (walk.has_databases()) refuse_lmdb("has databases inside, of which one is to be named");
  return entries;
}

}  // namespace millrace::detail
