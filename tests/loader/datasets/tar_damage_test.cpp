// What becomes of shards after they were written: every flipped bit is found, and the place of it is named.
#include "millrace/loader/datasets/tar_damage.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/seed.h"

namespace millrace::tar_damage_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Two shards of 20 samples, one of them with names that need pax headers.
class DamagedShards : public ::testing::Test {
 protected:
  DamagedShards() {
    TarShardWriter writer(directory.path() + "/%d.tar", {.max_shard_samples = 20});
    for (size_t i = 0; i < 40; ++i) {
      const std::string picture(i * 211, static_cast<char>('a' + i % 26)), label = std::to_string(i);
      const std::string key = i % 7 == 0 ? std::string(200, 'n') + label : "folder/" + label;
      writer.write(key, {{"jpg", std::as_bytes(std::span(picture))}, {"cls", std::as_bytes(std::span(label))}});
    }
    writer.close();
    shards = writer.shards();
  }

  static void flip(const std::string& path, uint64_t bit) {
    const OwnedFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const auto at = static_cast<off_t>(bit / 8);
    unsigned char byte = 0;
    ASSERT_EQ(::pread(file.get(), &byte, 1, at), 1);
    byte = static_cast<unsigned char>(byte ^ (1U << (bit % 8)));
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, at), 1);
  }

  const test::Directory directory;
  std::vector<std::string> shards;
};

TEST_F(DamagedShards, EachOfAThousandFlippedBitsIsFoundWhereItIs) {
  std::mt19937_64 random(test::test_seed());
  for (const auto& shard : shards) ASSERT_THAT(find_tar_damage(shard), IsEmpty());
  for (int turn = 0; turn < 1000; ++turn) {
    const std::string& shard = shards[random() % shards.size()];
    const uint64_t bit = random() % (fs::file_size(shard) * 8);
    flip(shard, bit);
    const auto damages = find_tar_damage(shard);
    ASSERT_THAT(damages, SizeIs(1)) << "bit " << bit;
    EXPECT_EQ(damages[0].tar, shard);
    EXPECT_LE(damages[0].begin, bit / 8);
    EXPECT_GT(damages[0].end, bit / 8);
    flip(shard, bit);
  }
  for (const auto& shard : shards) EXPECT_THAT(find_tar_damage(shard), IsEmpty());
}

TEST_F(DamagedShards, EachFlippedBitOfAnIndexIsFound) {
  const std::string index = tar_index_path(shards[0]);
  std::mt19937_64 random(test::test_seed());
  for (int turn = 0; turn < 1000; ++turn) {
    const uint64_t bit = random() % (fs::file_size(index) * 8);
    flip(index, bit);
    const auto damages = find_tar_damage(shards[0]);
    ASSERT_THAT(damages, SizeIs(1)) << "bit " << bit;
    EXPECT_EQ(damages[0].tar, index);
    flip(index, bit);
  }
}

TEST_F(DamagedShards, AreToldWithSampleFileAndBytes) {
  const auto contents = scan_tar(shards[0]);
  const TarMember& picture = contents.members[3];  // Files are sorted by extension: folder/1.cls, folder/1.jpg.
  ASSERT_EQ(picture.name, "folder/1.jpg");
  flip(shards[0], picture.offset * 8);
  flip(shards[0], (picture.offset - 512) * 8);
  flip(shards[0], (picture.offset + picture.size) * 8);
  flip(shards[0], contents.stamp.size * 8 - 1);
  const auto damages = find_tar_damage(shards[0]);
  ASSERT_THAT(damages, SizeIs(4));
  EXPECT_THAT(to_string(damages[0]), HasSubstr("sample 'folder/1', file 'folder/1.jpg': the headers before it are"));
  EXPECT_EQ(to_string(damages[1]),
            "'" + shards[0] + "' from byte " + std::to_string(picture.offset) + " to " +
                std::to_string(picture.offset + picture.size) +
                ", sample 'folder/1', file 'folder/1.jpg': its bytes are not what was written; copy the shard again or "
                "pack it again");
  EXPECT_THAT(to_string(damages[2]), HasSubstr("file 'folder/1.jpg': the padding behind it is"));
  EXPECT_THAT(to_string(damages[3]), AllOf(HasSubstr(": the end of the archive is"), Not(HasSubstr("sample"))));
}

TEST_F(DamagedShards, MayHaveAnotherTimeAndNotAnotherSize) {
  fs::last_write_time(shards[0], fs::file_time_type::clock::now());
  EXPECT_THAT(find_tar_damage(shards[0]), IsEmpty());
  fs::resize_file(shards[0], fs::file_size(shards[0]) - 512);
  const auto damages = find_tar_damage(shards[0]);
  ASSERT_THAT(damages, SizeIs(1));
  EXPECT_THAT(to_string(damages[0]), HasSubstr("bytes and was written with"));
}

TEST_F(DamagedShards, WithoutSumsCannotBeVerifiedAndSaySo) {
  fs::remove(tar_index_path(shards[0]));
  auto damages = find_tar_damage(shards[0]);
  ASSERT_THAT(damages, SizeIs(1));
  EXPECT_THAT(to_string(damages[0]), HasSubstr(".tar.index': no index"));
  open_tar_index(shards[0]);
  damages = find_tar_damage(shards[0]);
  ASSERT_THAT(damages, SizeIs(1));
  EXPECT_THAT(to_string(damages[0]), HasSubstr("no sums in this index"));
  fs::remove(shards[0]);
  EXPECT_THAT(test::error_of<TarError>([&] { find_tar_damage(shards[0]); }), HasSubstr("No such file"));
}

}  // namespace
}  // namespace millrace::tar_damage_test
