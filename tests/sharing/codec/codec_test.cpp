#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/crc32c.h"
#include "millrace/sharing/memory/frozen_segment.h"
#include "millrace/sharing/memory/shared_table.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace {
namespace {

using testing::HasSubstr;

template <class T>
T decode(Encoded& encoded) {
  T value{};
  DecodeArchive archive(encoded.bytes, encoded.fds);
  archive(value);
  EXPECT_EQ(archive.remaining(), 0u) << "bytes are left over";
  return value;
}

template <class T>
T round_trip(const T& value) {
  auto encoded = encode(value);
  return decode<T>(encoded);
}

enum class Interpolation : uint8_t { kNearest, kBilinear };

enum class Wide : uint32_t {};
enum class Switch : bool { kOff, kOn };

struct Flip {  // Without members: takes no bytes at all.
  bool operator==(const Flip&) const = default;
};

struct Crop {
  int64_t size = 0;
  std::pair<double, double> scale;
  Interpolation interpolation = Interpolation::kNearest;

  bool operator==(const Crop&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(size), scale, interpolation);
  }
};

struct Recipe {
  std::string name;
  std::vector<Crop> crops;
  std::map<std::string, std::vector<float>> statistics;
  std::optional<Crop> last;
  std::variant<std::monostate, int32_t, std::string> choice;

  bool operator==(const Recipe&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, crops, statistics, last, choice);
  }
};

Recipe some_recipe() {
  return {.name = "photos",
          .crops = {{224, {0.08, 1.0}, Interpolation::kBilinear}, {96, {0.5, 0.75}, Interpolation::kNearest}},
          .statistics = {{"mean", {0.485f, 0.456f}}, {"std", {0.229f}}, {"", {}}},
          .last = Crop{7, {1, 2}, Interpolation::kBilinear},
          .choice = std::string("a choice")};
}

TEST(Codec, KeepsNumbersToTheLastBit) {
  EXPECT_EQ(round_trip(std::numeric_limits<int64_t>::min()), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(round_trip(std::numeric_limits<uint64_t>::max()), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(round_trip(std::numeric_limits<double>::denorm_min()), std::numeric_limits<double>::denorm_min());
  EXPECT_TRUE(std::signbit(round_trip(-0.0f)));
  EXPECT_TRUE(std::isnan(round_trip(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(round_trip(true), true);
  EXPECT_EQ(round_trip(false), false);
  EXPECT_EQ(round_trip('x'), 'x');
  EXPECT_EQ(round_trip(Interpolation::kBilinear), Interpolation::kBilinear);
  EXPECT_EQ(round_trip(3.25L), 3.25L);
}

template <class T>
class CodecContainer : public testing::Test {};

template <class T>
T sample() = delete;
#define SAMPLE(type, ...) \
  template <>             \
  type sample<type>() {   \
    return __VA_ARGS__;   \
  }
using Bytes = std::vector<std::byte>;
using ByteArray = std::array<std::byte, 3>;
using Interpolations = std::vector<Interpolation>;
using Switches = std::vector<Switch>;
using Names = std::vector<std::string>;
using Matrix = std::vector<std::vector<double>>;
using Flags = std::vector<bool>;
using FlagArray = std::array<bool, 3>;
using Array = std::array<int16_t, 4>;
using Deque = std::deque<int>;
using List = std::list<std::string>;
using Set = std::set<int>;
using MultiSet = std::multiset<std::string>;
using Map = std::map<int, std::string>;
using MultiMap = std::multimap<int, int>;
using HashSet = std::unordered_set<std::string>;
using HashMap = std::unordered_map<std::string, std::vector<int>>;
using Optional = std::optional<std::vector<int>>;
using Variant = std::variant<int, std::string, std::vector<float>>;
using Tuple = std::tuple<int, std::string, double>;
using Pair = std::pair<std::string, bool>;
using Flips = std::vector<Flip>;
SAMPLE(std::string, std::string("with \0 inside", 13))
SAMPLE(Bytes, {std::byte{0}, std::byte{255}, std::byte{7}})
SAMPLE(ByteArray, {std::byte{1}, std::byte{2}, std::byte{3}})
SAMPLE(Interpolations, {Interpolation::kBilinear, Interpolation::kNearest})
SAMPLE(Switches, {Switch::kOn, Switch::kOff})
SAMPLE(Names, {"", "a", std::string(1000, 'x')})
SAMPLE(Matrix, {{1, 2}, {}, {3}})
SAMPLE(Flags, {true, false, true})
SAMPLE(FlagArray, {true, false, true})
SAMPLE(Array, {1, -2, 3, -4})
SAMPLE(Deque, {1, 2, 3})
SAMPLE(List, {"a", "b"})
SAMPLE(Set, {3, 1})
SAMPLE(MultiSet, {"a", "a"})
SAMPLE(Map, {{1, "one"}, {2, ""}})
SAMPLE(MultiMap, {{1, 2}, {1, 2}})  // cereal does not keep the order of equal keys.
SAMPLE(HashSet, {"a", "b"})
SAMPLE(HashMap, {{"a", {1}}, {"b", {}}})
SAMPLE(Optional, std::vector<int>{1})
SAMPLE(Variant, std::vector<float>{1, 2})
SAMPLE(Tuple, {1, "two", 3.0})
SAMPLE(Pair, {"a", true})
SAMPLE(Flips, Flips(10))
SAMPLE(Recipe, some_recipe())
#undef SAMPLE

using Containers = testing::Types<std::string, Bytes, ByteArray, Interpolations, Switches, Names, Matrix, Flags,
                                  FlagArray, Array, Deque, List, Set, MultiSet, Map, MultiMap, HashSet, HashMap,
                                  Optional, Variant, Tuple, Pair, Flips, Recipe>;
TYPED_TEST_SUITE(CodecContainer, Containers);

TYPED_TEST(CodecContainer, ComesBackEqual) {
  EXPECT_EQ(round_trip(sample<TypeParam>()), sample<TypeParam>());
  EXPECT_EQ(round_trip(TypeParam{}), TypeParam{});
}

TYPED_TEST(CodecContainer, CutShortAnywhereThrowsDecodeError) {
  const auto whole = encode(sample<TypeParam>());
  for (size_t size = 0; size < whole.bytes.size(); ++size) {
    // A copy of exactly that size, so that the address sanitizer sees a read beyond it.
    const std::vector<std::byte> cut(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    TypeParam value{};
    EXPECT_THROW(DecodeArchive(cut, {})(value), DecodeError) << "at " << size << " of " << whole.bytes.size();
  }
}

TEST(Codec, KeepsSharingBetweenSmartPointers) {
  const auto shared = std::make_shared<Recipe>(some_recipe());
  const auto [a, b] = round_trip(std::pair(shared, shared));
  EXPECT_EQ(*a, *shared);
  EXPECT_EQ(a, b);
  const auto unique = std::make_unique<Crop>(Crop{3, {}, {}});
  EXPECT_EQ(*round_trip(unique), *unique);
  EXPECT_EQ(round_trip(std::unique_ptr<Crop>()), nullptr);
}

// The least time of some tries, so that a busy machine does not decide.
template <class T>
std::chrono::nanoseconds time_of_round_trip(const std::vector<T>& values) {
  auto least = std::chrono::nanoseconds::max();
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(round_trip(values).size(), values.size());
    least = std::min<std::chrono::nanoseconds>(least, std::chrono::steady_clock::now() - begin);
  }
  return least;
}

TEST(Codec, BytesTravelAsOneBlock) {
  constexpr size_t kCount = 4 << 20;
  const auto header = encode(Bytes()).bytes.size();
  EXPECT_EQ(header, sizeof(cereal::size_type));
  EXPECT_EQ(encode(Bytes(kCount)).bytes.size(), header + kCount);
  EXPECT_EQ(encode(ByteArray()).bytes.size(), sizeof(ByteArray));
  EXPECT_EQ(encode(std::vector<Wide>(kCount)).bytes.size(), header + kCount * sizeof(Wide));
  // Value by value they take thirty times as long, and more without optimisation.
  EXPECT_LT(time_of_round_trip(Bytes(kCount)), 5 * time_of_round_trip(std::vector<uint8_t>(kCount)));
}

TEST(Codec, ReadsSeveralValuesInTheirOrder) {
  const auto encoded = encode(1, std::string("two"), 3.0);
  int one = 0;
  std::string two;
  double three = 0;
  DecodeArchive(encoded.bytes, {})(one, two, three);
  EXPECT_EQ(std::tie(one, two, three), std::make_tuple(1, "two", 3.0));
}

TEST(Codec, DescriptorsTravelAsDuplicates) {
  const auto memory = create_memfd("travels", 1);
  auto encoded = encode(OwnedFd(::dup(memory.get())));
  ASSERT_EQ(encoded.fds.size(), 1u);
  EXPECT_NE(encoded.fds[0].get(), memory.get());
  EXPECT_EQ(test::inode_of(decode<OwnedFd>(encoded).get()), test::inode_of(memory.get()));
}

TEST(Codec, ListsOfDescriptorsTravelThoughTheyTakeNoBytes) {
  std::vector<OwnedFd> fds;
  for (int i = 0; i < 200; ++i) fds.emplace_back(::dup(STDOUT_FILENO));
  auto encoded = encode(fds);
  EXPECT_EQ(encoded.fds.size(), 200u);
  EXPECT_EQ(decode<std::vector<OwnedFd>>(encoded).size(), 200u);
}

TEST(Codec, AMissingDescriptorIsADecodeError) {
  auto encoded = encode(OwnedFd(::dup(STDOUT_FILENO)), OwnedFd(::dup(STDOUT_FILENO)));
  encoded.fds.pop_back();
  OwnedFd first, second;
  DecodeArchive archive(encoded.bytes, encoded.fds);
  EXPECT_THROW(archive(first, second), DecodeError);
  EXPECT_TRUE(first);
}

TEST(Codec, AClosedDescriptorCannotBeSent) { EXPECT_THROW(encode(OwnedFd()), SyscallError); }

template <class T>
void expect_refusal_of_size(uint64_t size) {
  auto encoded = encode(size, uint32_t{0});
  T value{};
  EXPECT_THROW(DecodeArchive(encoded.bytes, {})(value), DecodeError) << size;
}

TEST(Codec, AnnouncedSizesBeyondTheMessageAllocateNothing) {
  // The larger ones would end in bad_alloc or, under the address sanitizer, in its allocation limit.
  for (const uint64_t size : {uint64_t{2'000}, uint64_t{1} << 32, uint64_t{1} << 60, UINT64_MAX}) {
    expect_refusal_of_size<std::string>(size);
    expect_refusal_of_size<std::vector<double>>(size);
    expect_refusal_of_size<std::vector<bool>>(size);
    expect_refusal_of_size<std::vector<std::string>>(size);
    expect_refusal_of_size<std::deque<int>>(size);
    expect_refusal_of_size<std::list<int>>(size);
    expect_refusal_of_size<std::map<int, int>>(size);
    expect_refusal_of_size<std::unordered_map<int, int>>(size);
    expect_refusal_of_size<std::unordered_set<int>>(size);
    expect_refusal_of_size<std::vector<Recipe>>(size);
    expect_refusal_of_size<std::vector<OwnedFd>>(size);
    expect_refusal_of_size<std::vector<Flip>>(size);
  }
}

TEST(Codec, ABoolThatIsNeitherIsADecodeError) {
  const auto encoded = encode(uint8_t{2});
  bool value = false;
  EXPECT_THROW(DecodeArchive(encoded.bytes, {})(value), DecodeError);
  std::array<bool, 1> array{};
  EXPECT_THROW(DecodeArchive(encoded.bytes, {})(array), DecodeError);
  Switches switches;
  const auto one_switch = encode(cereal::size_type{1}, uint8_t{2});
  EXPECT_THROW(DecodeArchive(one_switch.bytes, {})(switches), DecodeError);
  std::optional<int> optional;
  EXPECT_THROW(DecodeArchive(encoded.bytes, {})(optional), DecodeError);
}

// Everything at once, to be damaged.
using Rich = std::tuple<Recipe, Variant, Optional, HashMap, Matrix, Flags, std::vector<OwnedFd>, SharedStrings,
                        std::shared_ptr<Crop>, std::unique_ptr<Recipe>>;

Encoded some_rich_message() {
  Rich value;
  std::get<0>(value) = some_recipe();
  std::get<1>(value) = sample<Variant>();
  std::get<2>(value) = sample<Optional>();
  std::get<3>(value) = sample<HashMap>();
  std::get<4>(value) = sample<Matrix>();
  std::get<5>(value) = sample<Flags>();
  std::get<6>(value).emplace_back(::dup(STDOUT_FILENO));
  std::get<7>(value) = SharedStrings::make({"a.jpg", "b.jpg"});
  std::get<8>(value) = std::make_shared<Crop>();
  std::get<9>(value) = std::make_unique<Recipe>(some_recipe());
  return encode(value);
}

// Reads it all, also what the table's memory holds.
void read_rich_message(std::span<const std::byte> bytes, std::span<OwnedFd> fds) {
  Rich value;
  DecodeArchive(bytes, fds)(value);
  const auto& table = std::get<7>(value);
  size_t characters = 0;
  for (size_t i = 0; i < table.size(); ++i) characters += table[i].size();
  ASSERT_LE(characters, 1'000'000u);
}

std::vector<OwnedFd> duplicates(const Encoded& encoded) {
  std::vector<OwnedFd> fds;
  for (const int fd : encoded.fd_numbers()) fds.emplace_back(::dup(fd));
  return fds;
}

TEST(Codec, ARichMessageCutShortAtEveryByteThrowsDecodeError) {
  const auto whole = some_rich_message();
  auto all = duplicates(whole);
  EXPECT_NO_THROW(read_rich_message(whole.bytes, all));
  for (size_t size = 0; size < whole.bytes.size(); ++size) {
    auto fds = duplicates(whole);
    const std::vector<std::byte> cut(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THROW(read_rich_message(cut, fds), DecodeError) << "at " << size << " of " << whole.bytes.size();
  }
}

TEST(Codec, DamagedMessagesNeverDoMoreThanThrow) {
  auto random = test::seeded_generator();
  const auto whole = some_rich_message();
  const auto before = test::open_descriptors();
  int refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    auto bytes = whole.bytes;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      const auto at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<std::byte>(random());
          break;
        case 1:
          bytes[at] ^= static_cast<std::byte>(1u << (random() % 8));
          break;
        case 2:
          bytes.resize(at + 1);
          break;
        case 3:
          std::memset(bytes.data() + at, static_cast<int>(random() % 2) * 255, std::min<size_t>(8, bytes.size() - at));
      }
    }
    auto fds = duplicates(whole);
    if (random() % 8 == 0) fds.resize(random() % fds.size());
    try {
      read_rich_message(bytes, fds);
    } catch (const std::runtime_error&) {  // DecodeError, or one of cereal's or of the descriptor's checks.
      ++refused;
    }
  }
  EXPECT_GT(refused, 10'000);
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Codec, GarbageNeverDoesMoreThanThrow) {
  auto random = test::seeded_generator();
  for (int i = 0; i < 100'000; ++i) {
    std::vector<std::byte> bytes(random() % 64);
    for (auto& b : bytes) b = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 3);
    try {
      Recipe value;
      DecodeArchive(bytes, {})(value);
    } catch (const std::runtime_error&) {
      continue;
    }
  }
}

TEST(SharedStrings, GiveBackTheirStrings) {
  const std::vector<std::string> strings = {"", "a", std::string("\0b", 2), std::string(10'000, 'x'), ""};
  const auto table = SharedStrings::make(strings);
  ASSERT_EQ(table.size(), strings.size());
  for (size_t i = 0; i < strings.size(); ++i) EXPECT_EQ(table[i], strings[i]);
}

TEST(SharedStrings, OfNothingAreEmptyAndTravel) {
  const auto table = round_trip(SharedStrings::make(std::vector<std::string>()));
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(round_trip(SharedStrings()).size(), 0u);
}

TEST(SharedStrings, AreOneMemoryForAllWhoReceiveThem) {
  const auto table = SharedStrings::make({"a.jpg", "b.jpg"});
  auto first = encode(table);
  auto again = encode(decode<SharedStrings>(first));
  auto direct = encode(table);
  ASSERT_EQ(again.fds.size(), 1u);
  EXPECT_EQ(test::inode_of(again.fds[0].get()), test::inode_of(direct.fds.at(0).get()));
  EXPECT_LT(again.bytes.size(), 64u);
}

TEST(SharedStrings, LoadRefusesACountThatDoesNotFit) {
  const auto table = encode(SharedStrings::make({"a.jpg", "b.jpg"}));
  for (const uint64_t count : {uint64_t{5}, uint64_t{1} << 61, UINT64_MAX}) {
    auto fds = duplicates(table);
    SharedStrings loaded;
    const auto bytes = encode(count).bytes;
    DecodeArchive archive(bytes, fds);
    EXPECT_THROW(archive(loaded), DecodeError) << count;
  }
}

TEST(SharedStrings, OffsetsThatPointOutsideAreAnErrorThatNamesTheEntry) {
  const uint64_t offsets[] = {24, 1 << 20, 30};
  const auto forged = FrozenSegment::make("forged table", 64, "nothing",
                                          [&](std::byte* memory) { std::memcpy(memory, offsets, sizeof offsets); });
  std::vector<OwnedFd> fds;
  fds.emplace_back(::dup(forged.fd()));
  SharedStrings loaded;
  const auto bytes = encode(uint64_t{2}).bytes;
  DecodeArchive(bytes, fds)(loaded);
  try {
    loaded[1];
    FAIL();
  } catch (const DecodeError& e) {
    EXPECT_THAT(e.what(), HasSubstr("entry 1"));
  }
}

TEST(SharedStrings, CannotBeWrittenToByWhoeverGetsThemNorByTheirMaker) {
  const auto table = SharedStrings::make({"train/cat/1.jpg", "train/dog/2.jpg"});
  const auto message = encode(table);
  const int fd = message.fds.at(0).get();
  EXPECT_EQ(::pwrite(fd, "x", 1, 24), -1);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  const auto page = reinterpret_cast<uintptr_t>(table[0].data()) / 4096 * 4096;
  EXPECT_EQ(::mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE), -1) << "the maker's own mapping";
  EXPECT_EQ(table[1], "train/dog/2.jpg");
}

TEST(SharedStrings, AreRefusedWhenTheirMemoryCanStillBeWrittenTo) {
  const auto segment = SharedSegment::create("forged table", 64, "nothing");
  std::vector<OwnedFd> fds;
  fds.emplace_back(::dup(segment.fd()));
  SharedStrings loaded;
  const auto bytes = encode(uint64_t{2}).bytes;
  DecodeArchive archive(bytes, fds);
  EXPECT_THROW(archive(loaded), std::runtime_error);
}

TEST(SharedStrings, AnIndexThatTheyDoNotHaveIsAnError) {
  const auto table = SharedStrings::make({"a", "b"});
  EXPECT_THROW(table[2], std::out_of_range);
  EXPECT_THROW(table[SIZE_MAX], std::out_of_range);
  EXPECT_THROW(SharedStrings()[0], std::out_of_range);
}

class CodecThroughChild : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, CodecThroughChild, test::every_start_method(), test::start_method_name);

TEST_P(CodecThroughChild, SharedStringsComeBackFromTheSameMemory) {
  const auto table = SharedStrings::make({"train/cat/1.jpg", "train/dog/2.jpg"});
  auto [ours, theirs] = FdSocket::pair();
  auto encoded = encode(table, some_recipe());
  const auto entry = [](std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
    SharedStrings strings;
    Recipe recipe;
    DecodeArchive(bytes, std::span(fds).subspan(1))(strings, recipe);
    if (strings.size() != 2 || strings[1] != "train/dog/2.jpg" || recipe != some_recipe()) return 1;
    const auto reply = encode(strings);
    FdSocket(std::move(fds[0])).send(reply.bytes, reply.fd_numbers());
    return 0;
  };
  std::vector<int> fds = {theirs.fd()};
  for (const int fd : encoded.fd_numbers()) fds.push_back(fd);
  auto child = start_child(GetParam(), {entry, std::move(encoded.bytes), fds, "table"});
  theirs.close();
  auto message = ours.receive(test::kLong, "the child");
  ASSERT_TRUE(message);
  EXPECT_EQ(test::inode_of(message->fds.at(0).get()), test::inode_of(encoded.fds.at(0).get()));
  EXPECT_EQ(child.wait(test::kLong).value().exitcode(), 0);
}

TEST(Crc32c, IsThatOfItsCheckValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu) << "RFC 3720, B.4";
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u) << "RFC 3720, B.4";
}

TEST(Crc32c, OfPiecesIsThatOfTheWhole) {
  const std::string whole = "thirty bytes, cut at every one";
  for (size_t cut = 0; cut <= whole.size(); ++cut)
    EXPECT_EQ(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))), crc32c(whole)) << cut;
}

}  // namespace
}  // namespace millrace
