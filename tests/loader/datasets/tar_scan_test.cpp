// Reading tar files and their indexes: what is in them, every kind of damage, and that an index is never believed too
// long. No torch here.
#include "millrace/loader/datasets/tar_scan.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_sums.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/sanitizer.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using millrace::test::Directory;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string golden(const std::string& name) { return test::data("shards/" + name); }

std::string octal(int64_t value, size_t digits = 11) {
  std::string text(digits, '0');
  for (size_t i = digits; i-- > 0; value /= 8) text[i] = static_cast<char>('0' + value % 8);
  return text;
}

void put_checksum(std::string& block, int64_t error = 0) {
  block.replace(148, 8, 8, ' ');
  int64_t sum = error;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  block.replace(148, 7, octal(sum, 6) + '\0');
}

/// Tar files byte by byte, the sizes and magics of the caller's choice.
struct Header {
  std::string name;
  char type = '0';
  std::string size_field = "00000000000";
  std::string prefix = {};
  std::string magic = "ustar" + std::string(1, '\0') + "00";

  std::string bytes(int64_t checksum_error = 0) const {
    std::string block(512, '\0');
    block.replace(0, name.size(), name);
    block.replace(124, size_field.size(), size_field);
    block[156] = type;
    block.replace(257, magic.size(), magic);
    block.replace(345, prefix.size(), prefix);
    put_checksum(block, checksum_error);
    return block;
  }
};

std::string blocks_of(std::string payload) {
  payload.resize((payload.size() + 511) / 512 * 512);
  return payload;
}

std::string member(const std::string& name, const std::string& payload, char type = '0') {
  Header header{name, type};
  header.size_field = octal(static_cast<int64_t>(payload.size()));
  return header.bytes() + blocks_of(payload);
}

std::string record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  size_t length = rest.size();
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

const std::string kEnd(1024, '\0');

TarContents scan(const std::string& bytes) {
  const Directory directory;
  directory.write("x.tar", bytes);
  return scan_tar(directory.path() + "/x.tar");
}

std::vector<std::string> names(const std::vector<TarMember>& members) {
  std::vector<std::string> all;
  for (const auto& member : members) all.push_back(member.name);
  return all;
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const TarError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "no error";
}

std::string scan_error(const std::string& bytes) {
  return error_of([&] { scan(bytes); });
}

TEST(TarScan, ListsFilesWithNameOffsetAndSize) {
  const TarContents contents = scan(member("a", "1") + member("b/c", std::string(513, 'x')) + member("d", "") + kEnd);
  EXPECT_THAT(contents.members,
              ElementsAre(TarMember{"a", 512, 1}, TarMember{"b/c", 1536, 513}, TarMember{"d", 3072, 0}));
  EXPECT_EQ(contents.stamp.size, 3072 + 1024);
}

TEST(TarScan, AnArchiveWithoutFilesIsEmpty) {
  EXPECT_THAT(scan(kEnd).members, IsEmpty());
  EXPECT_THAT(scan(std::string(512, '\0')).members, IsEmpty());
}

TEST(TarScan, PassesOverWhatIsNoFile) {
  // The sizes of links and devices mean nothing; what is of an unknown type has a payload.
  std::string bytes;
  for (const char type : std::string("23456")) bytes += Header{"no", type, octal(5000)}.bytes();
  bytes += member("no", "label", 'V') + member("unknown", "payload", 'Z') + Header{"v7/", '\0'}.bytes();
  EXPECT_EQ(
      names(
          scan(bytes + member("yes", "1") + member("old", "2", '\0') + member("contiguous", "3", '7') + kEnd).members),
      (std::vector<std::string>{"yes", "old", "contiguous"}));
}

TEST(TarScan, ArchivesOneBehindTheOtherAreReadToTheEnd) {
  const std::string zeros(512 * 17, '\0');
  const TarContents contents =
      scan(member("a", "1") + kEnd + member("b", "2") + zeros + member("c", "3") + std::string(512, '\0'));
  EXPECT_EQ(names(contents.members), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(contents.members[1].offset, 1024U + 1024 + 512);
  // What holds for a whole archive ends with it.
  EXPECT_EQ(
      names(scan(member("pax", record("path", "x"), 'g') + member("a", "1") + kEnd + member("b", "2") + kEnd).members),
      (std::vector<std::string>{"x", "b"}));
}

TEST(TarScan, BytesBehindTheEndMarkThatAreNoArchiveAreRefused) {
  for (const std::string& behind : {std::string("x"), std::string(512, 'x'), member("b", "2").substr(0, 511)})
    EXPECT_THAT(scan_error(member("a", "1") + kEnd + behind),
                AllOf(HasSubstr("at byte 2048: bytes behind the end-of-archive mark that are no archive"),
                      HasSubstr("cut them off")));
}

/// A member that is another name of `target`.
std::string hard_link(const std::string& name, const std::string& target) {
  std::string block = Header{name, '1', octal(5000)}.bytes();
  block.replace(157, target.size(), target);
  put_checksum(block);
  return block;
}

TEST(TarScan, HardLinksGiveTheBytesOfTheFileThatTheyName) {
  const TarContents contents = scan(member("a", "old") + member("a", "12") + hard_link("b", "a") + hard_link("c", "b") +
                                    member("K", "a" + std::string(1, '\0'), 'K') + hard_link("d", "short") +
                                    member("pax", record("linkpath", "a"), 'x') + hard_link("e", "short") + kEnd);
  EXPECT_EQ(names(contents.members), (std::vector<std::string>{"a", "a", "b", "c", "d", "e"}));
  for (size_t i = 2; i < contents.members.size(); ++i) {
    EXPECT_EQ(contents.members[i].offset, contents.members[1].offset) << i;
    EXPECT_EQ(contents.members[i].size, 2U) << i;
  }
}

TEST(TarScan, HardLinkToNothingIsRefused) {
  EXPECT_THAT(scan_error(hard_link("b", "a") + member("a", "1") + kEnd),
              AllOf(HasSubstr("at byte 0: 'b' is a hard link to 'a', which is not before it"), HasSubstr("repack")));
}

TEST(TarScan, JoinsPrefixesOfUstarOnly) {
  Header header{"name", '0'};
  header.prefix = "long/prefix";
  EXPECT_EQ(names(scan(header.bytes() + kEnd).members), std::vector<std::string>{"long/prefix/name"});
  header.magic = std::string("ustar  \0", 8);  // GNU, which keeps times there.
  EXPECT_EQ(names(scan(header.bytes() + kEnd).members), std::vector<std::string>{"name"});
  header.magic.clear();
  EXPECT_EQ(names(scan(header.bytes() + kEnd).members), std::vector<std::string>{"name"});
}

TEST(TarScan, ReadsNumbersInEveryWay) {
  for (const std::string& size : {std::string("5 "), std::string("    5"), std::string("0000000005 "),
                                  std::string("\x80\0\0\0\0\0\0\0\0\0\0\x05", 12)}) {
    Header header{"a", '0', size};
    EXPECT_EQ(scan(header.bytes() + blocks_of("12345") + kEnd).members.at(0).size, 5U);
  }
  EXPECT_THAT(scan_error(Header{"a", '0', "12x"}.bytes() + kEnd),
              HasSubstr("at byte 0: a header whose size is no number"));
  EXPECT_THAT(scan_error(Header{"a", '0', std::string(12, '\xff')}.bytes() + kEnd), HasSubstr("size is no number"));
  EXPECT_THAT(scan_error(Header{"a", '0', "\x80" + std::string(11, '\x7f')}.bytes() + kEnd),
              HasSubstr("size is no number"));
  // The largest that is a number.
  EXPECT_THAT(
      scan_error(Header{"a", '0', std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12)}.bytes() + kEnd),
      HasSubstr("the file ends inside 'a', which has 9223372036854775807 bytes"));
}

TEST(TarScan, TakesChecksumsOfSignedBytesToo) {
  Header header{"\xe4", '0'};
  EXPECT_EQ(scan(header.bytes(-256) + kEnd).members.size(), 1U);
  EXPECT_THAT(scan_error(header.bytes(-255) + kEnd), HasSubstr("not a tar file"));
}

TEST(TarScan, PaxRecordsReplaceNameAndSize) {
  const std::string long_name(300, 'n');
  const TarContents contents =
      scan(member("pax", record("mtime", "1.5") + record("path", long_name) + record("size", "3"), 'x') +
           Header{"short"}.bytes() + blocks_of("abc") + member("next", "1") + kEnd);
  EXPECT_EQ(names(contents.members), (std::vector<std::string>{long_name, "next"}));
  EXPECT_EQ(contents.members[0].size, 3U);
}

TEST(TarScan, GlobalPaxRecordsHoldUntilTheEnd) {
  const TarContents contents =
      scan(member("g", record("comment", "by git") + record("size", "2"), 'g') + Header{"a"}.bytes() + blocks_of("12") +
           Header{"b"}.bytes() + blocks_of("34") + kEnd);
  EXPECT_EQ(names(contents.members), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(contents.members[1], (TarMember{"b", 512 * 5, 2}));
}

TEST(TarScan, GnuLongNamesAndLongLinks) {
  const std::string long_name = std::string(200, 'd') + "/" + std::string(200, 'n');
  EXPECT_EQ(names(scan(member("././@LongLink", std::string(300, 'l'), 'K') +
                       member("././@LongLink", long_name + std::string(1, '\0'), 'L') + member("cut", "1") + kEnd)
                      .members),
            std::vector<std::string>{long_name});
}

TEST(TarScan, RefusesPaxHeadersThatCannotBeUnderstood) {
  for (const std::string& text :
       {std::string("x"), std::string("5"), std::string("99 path=a\n"), std::string("0 path=a\n"),
        std::string("9 path=ab\n"), std::string("3 \n"), std::string("2 \n"), std::string("9 pathab\n"),
        record("size", "3x"), record("size", ""), std::string("99999999999999999999 path=a\n")})
    EXPECT_THAT(scan_error(member("pax", text, 'x') + member("a", "1") + kEnd),
                HasSubstr("at byte 0: a pax header that cannot be understood"))
        << text;
}

TEST(TarScan, RefusesSparseFiles) {
  EXPECT_THAT(scan_error(member("a", "1") + member("s", "1", 'S') + kEnd), HasSubstr("at byte 1024: a sparse file"));
  EXPECT_THAT(scan_error(member("pax", record("GNU.sparse.major", "1"), 'x') + member("s", "1") + kEnd),
              HasSubstr("at byte 0: a sparse file"));
}

TEST(TarScan, SaysWhereAndWhatIsWrongAndWhatToDo) {
  const Directory directory;
  const std::string path = directory.path() + "/x.tar";
  const auto error = [&](const std::string& bytes) {
    directory.write("x.tar", bytes);
    return error_of([&] { scan_tar(path); });
  };
  EXPECT_THAT(
      error(member("a", "1") + Header{"b"}.bytes(1) + kEnd),
      AllOf(HasSubstr("'" + path + "' at byte 1024: a header with a wrong checksum"), HasSubstr("fetch it again")));
  EXPECT_THAT(error(""), AllOf(HasSubstr(path), HasSubstr("the file is empty"), HasSubstr("make it anew")));
  EXPECT_THAT(error("this is text"), HasSubstr("cut short"));
  EXPECT_THAT(error(std::string(600, 't')), HasSubstr("at byte 0: not a tar file"));
  EXPECT_THAT(error(member("a", "1")), HasSubstr("at byte 1024: the file ends without the end-of-archive mark"));
  EXPECT_THAT(error(Header{"a", '0', octal(513)}.bytes() + kEnd.substr(0, 512)),
              HasSubstr("at byte 512: the file ends inside 'a', which has 513 bytes"));
  EXPECT_THAT(error(member("pax", record("path", "b"), 'x') + kEnd),
              HasSubstr("an extension header without the header"));
  EXPECT_THAT(error(Header{"pax", 'x', octal(2 << 20)}.bytes() + kEnd), HasSubstr("more than the largest sensible"));
  for (const auto& [magic, name] : {std::pair<std::string, std::string>{"\x1f\x8b\x08", "gzip"},
                                    {"\x28\xb5\x2f\xfd", "zstd"},
                                    {"BZh9", "bzip2"},
                                    {"\xfd"
                                     "7zXZ",
                                     "xz"},
                                    {"\x04\x22\x4d\x18", "lz4"}})
    EXPECT_THAT(error(magic + std::string(1000, 'c')),
                AllOf(HasSubstr("compressed with " + name), HasSubstr("decompress or repack")));
  EXPECT_THAT(error_of([&] { scan_tar(directory.path() + "/none.tar"); }),
              AllOf(HasSubstr("/none.tar': No such file"), HasSubstr("check the path")));
  EXPECT_THAT(error_of([&] { scan_tar(directory.path()); }),
              HasSubstr("is a directory, not a regular file; give the tar file itself"));
}

// Damaged in any way a tar file is an error or gives fewer files, and never one outside of it.
class DamagedTar : public ::testing::TestWithParam<const char*> {};

TEST_P(DamagedTar, CutAtAnyByteIsAnErrorUntilTheEndMarkIsThere) {
  const std::string whole = text_of(golden(GetParam()));
  const std::vector<TarMember> members = scan_tar(golden(GetParam())).members;
  const uint64_t end = whole.find_last_not_of('\0') + 1;
  const uint64_t mark = (end + 511) / 512 * 512 + 512;
  const Directory directory;
  const std::string path = directory.path() + "/x.tar";
  directory.write("x.tar", whole);
  for (uint64_t length = whole.size(); length-- > 0;) {
    fs::resize_file(path, length);
    if (length >= mark)
      EXPECT_EQ(scan_tar(path).members, members) << length;
    else
      EXPECT_THROW(scan_tar(path), TarError) << length;
  }
}

TEST_P(DamagedTar, WithChangedBytesNeverLeadsOutside) {
  const std::string whole = text_of(golden(GetParam()));
  const uint64_t used = whole.find_last_not_of('\0') + 1;
  std::mt19937_64 random(20);
  const Directory directory;
  const std::string path = directory.path() + "/x.tar";
  directory.write("x.tar", whole);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](uint64_t at, const std::string& bytes) {
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes << std::flush;
  };
  int errors = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    const uint64_t at = random() % used, block_at = at / 512 * 512;
    std::string block = whole.substr(block_at, 512);
    block[at - block_at] = static_cast<char>(random());
    // Every other one with its checksum put right, so that the fields behind are looked at.
    if (turn % 2 == 1 && block.compare(257, 5, "ustar") == 0) put_checksum(block);
    put(block_at, block);
    try {
      for (const TarMember& member : scan_tar(path).members) {
        EXPECT_LE(member.offset, whole.size());
        EXPECT_LE(member.size, whole.size() - member.offset);
      }
    } catch (const TarError&) {
      ++errors;
    }
    put(block_at, whole.substr(block_at, 512));
  }
  EXPECT_GT(errors, 100);  // Else nothing was damaged.
}

INSTANTIATE_TEST_SUITE_P(Formats, DamagedTar, ::testing::Values("odd_pax.tar", "odd_gnu.tar", "odd_ustar.tar"));

/// A tar file of two files with an index beside it.
class TarIndexFile : public ::testing::Test {
 protected:
  TarIndexFile() {
    directory.write("x.tar", member("a", "1") + member("b", "22") + kEnd);
    contents = open_tar_index(tar);
  }

  void save(const TarIndex& index) const { save_tar_index(tar, open_tar(tar).get(), index); }

  /// What is taken from the index instead of a scan: a name that only the index has.
  bool index_is_used() {
    TarContents marked = contents;
    marked.members[0].name = "from the index";
    const auto kept = load_tar_index(tar);
    EXPECT_TRUE(kept);
    marked.stamp = kept->contents.stamp;
    save({marked, std::nullopt, 0});
    return open_tar_index(tar).members[0].name == "from the index";
  }

  Directory directory;
  const std::string tar = directory.path() + "/x.tar";
  TarContents contents;
};

TEST_F(TarIndexFile, IsMadeOnceAndSaysTheSameAsTheScan) {
  EXPECT_EQ(contents, scan_tar(tar));
  EXPECT_EQ(load_tar_index(tar), (TarIndex{contents, std::nullopt, 0}));
  EXPECT_TRUE(index_is_used());
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 2);  // And no passing file.
}

TEST_F(TarIndexFile, IsMadeAnewWhenSizeOrTimeOfTheTarFileDiffer) {
  fs::last_write_time(tar, fs::last_write_time(tar) + std::chrono::nanoseconds(1000));
  EXPECT_FALSE(index_is_used());
  EXPECT_TRUE(index_is_used());
  const auto time = fs::last_write_time(tar);
  directory.write("x.tar", member("a", "1") + member("b", "22") + member("c", "333") + kEnd);
  fs::last_write_time(tar, time);
  EXPECT_EQ(open_tar_index(tar).members.size(), 3U);
  EXPECT_EQ(load_tar_index(tar)->contents.members.size(), 3U);
}

TEST_F(TarIndexFile, DamagedInAnyByteOrCutAnywhereIsNoIndex) {
  const std::string whole = text_of(tar_index_path(tar));
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    directory.write("x.tar.index", damaged);
    EXPECT_FALSE(load_tar_index(tar)) << at;
    directory.write("x.tar.index", whole.substr(0, at));
    EXPECT_FALSE(load_tar_index(tar)) << at;
  }
  EXPECT_EQ(open_tar_index(tar), contents);
  EXPECT_EQ(load_tar_index(tar)->contents, contents);
}

TEST_F(TarIndexFile, KeepsSumsAndPlan) {
  const TarIndex index{contents, sum_tar(open_tar(tar).get(), tar, contents), 0xfeedfacefeedface};
  save(index);
  EXPECT_EQ(load_tar_index(tar), index);
  const std::string whole = text_of(tar_index_path(tar));
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    directory.write("x.tar.index", damaged);
    EXPECT_FALSE(load_tar_index(tar)) << at;
    directory.write("x.tar.index", whole.substr(0, at));
    EXPECT_FALSE(load_tar_index(tar)) << at;
  }
}

TEST_F(TarIndexFile, OfAnotherVersionIsMadeAnew) {
  std::string old = text_of(tar_index_path(tar));
  old[8] = 2;
  directory.write("x.tar.index", old);
  EXPECT_FALSE(load_tar_index(tar));
  EXPECT_EQ(open_tar_index(tar), contents);
  EXPECT_EQ(load_tar_index(tar)->contents, contents);
}

TEST(TarSums, RegionsCoverTheFileAndLeaveOutHardLinks) {
  const Directory directory;
  directory.write("x.tar", member("a", "1") + member("empty", "") + hard_link("b", "a") + hard_link("c", "empty") +
                               Header{"folder/", '5'}.bytes() + member("d", std::string(600, 'x')) + kEnd);
  const std::string path = directory.path() + "/x.tar";
  const TarContents contents = scan_tar(path);
  ASSERT_EQ(contents.members.size(), 5U);
  uint64_t at = 0;
  std::vector<size_t> members;
  for (const TarRegion& region : regions_of(contents)) {
    EXPECT_EQ(region.begin, at);
    EXPECT_LE(region.begin, region.end);
    at = region.end;
    if (region.kind == TarRegion::Kind::kPayload) members.push_back(region.member);
  }
  EXPECT_EQ(at, contents.stamp.size);
  EXPECT_THAT(members, ElementsAre(0, 1, 4));
}

TEST_F(TarIndexFile, LongerThanItSaysIsNoIndex) {
  directory.write("x.tar.index", text_of(tar_index_path(tar)) + "x");
  EXPECT_FALSE(load_tar_index(tar));
}

TEST_F(TarIndexFile, WhoseEntriesLeadOutsideIsNoIndex) {
  for (const TarMember& member : {TarMember{"a", contents.stamp.size + 1, 0}, TarMember{"a", 1, contents.stamp.size},
                                  TarMember{"a", 1, ~uint64_t{0}}}) {
    save({{contents.stamp, {member}}, std::nullopt, 0});
    EXPECT_FALSE(load_tar_index(tar));
  }
}

TEST_F(TarIndexFile, ThatCannotBeWrittenIsDoneWithout) {
  fs::remove(tar_index_path(tar));
  fs::create_directory(tar_index_path(tar));  // Root may write to read-only folders, but nobody over a folder.
  EXPECT_EQ(open_tar_index(tar), contents);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 2);
}

TEST_F(TarIndexFile, InAFolderThatIsReadOnlyIsDoneWithout) {
  fs::remove(tar_index_path(tar));
  fs::permissions(directory.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(open_tar_index(tar), contents);
  fs::permissions(directory.path(), fs::perms::owner_all);
}

TEST_F(TarIndexFile, HasTheModeOfTheTarFile) {
  for (const mode_t mode : {0600, 0644, 0640, 0400}) {
    fs::remove(tar_index_path(tar));
    ASSERT_EQ(::chmod(tar.c_str(), mode), 0);
    open_tar_index(tar);
    struct stat status = {};
    ASSERT_EQ(::stat(tar_index_path(tar).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, mode);
  }
}

TEST_F(TarIndexFile, ThatIsNoFileIsNotWaitedFor) {
  fs::remove(tar_index_path(tar));
  ASSERT_EQ(::mkfifo(tar_index_path(tar).c_str(), 0600), 0);
  EXPECT_FALSE(load_tar_index(tar));
  EXPECT_EQ(open_tar_index(tar), contents);
}

TEST_F(TarIndexFile, OfThreeGigabytesTakesNoMemory) {
  fs::resize_file(tar_index_path(tar), 3'000'000'000);
  struct rusage before = {}, after = {};
  ::getrusage(RUSAGE_SELF, &before);
  EXPECT_FALSE(load_tar_index(tar));
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100'000);  // KiB.
}

TEST(TarScan, BeyondTheLimitOfOpenFilesNamesThatAndNoRightToRead) {
  if (test::kSanitizerOpensDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  const std::string error = error_of([] { scan_tar("/dev/null"); });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(error, AllOf(HasSubstr("this process may have 0 files open"), Not(HasSubstr("may read"))));
}

TEST(TarScan, FifoIsRefusedByKindWithoutWaiting) {
  const Directory directory;
  const std::string path = directory.path() + "/x.tar";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { scan_tar(path); }), HasSubstr("x.tar' is a FIFO, not a regular file"));
}

TEST_F(TarIndexFile, MayBeMadeByManyAtOnce) {
  for (int turn = 0; turn < 20; ++turn) {
    fs::remove(tar_index_path(tar));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&] { EXPECT_EQ(open_tar_index(tar), contents); });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(load_tar_index(tar)->contents, contents);
  }
}

}  // namespace
}  // namespace millrace
