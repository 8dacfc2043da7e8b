#include "millrace/sharing/os/new_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "millrace/sharing/os/output_place.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::new_file_test {
namespace {

// What the test's program asked of the disk.
std::vector<std::string>& disk_calls() {
  static std::vector<std::string> calls;
  return calls;
}

}  // namespace
}  // namespace millrace::new_file_test

// In the place of the C library's, which do the same and note nothing.
extern "C" int fsync(int fd) {
  struct stat file{};
  ::fstat(fd, &file);
  millrace::new_file_test::disk_calls().push_back(S_ISDIR(file.st_mode) ? "fsync of a folder" : "fsync of a file");
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int rename(const char* from, const char* to) noexcept {
  millrace::new_file_test::disk_calls().push_back("rename");
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

namespace millrace::new_file_test {
namespace {

TEST(NewFile, TakesItsNameWhenCommittedAndLeavesNothingElse) {
  const test::Directory directory;
  const std::string path = directory.path() + "/file";
  const auto text = [&] {
    std::string first;
    std::ifstream(path) >> first;
    return first;
  };
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(directory.path()), {}); };
  for (const char* content : {"old", "new"}) {
    NewFile file(path);
    EXPECT_EQ(write(file.fd(), content, 3), 3);
    EXPECT_NE(text(), content);
    file.commit();
    EXPECT_EQ(text(), content);
    EXPECT_EQ(files(), 1);
  }
  {
    NewFile first(path), second(path);
    EXPECT_NE(first.passing_path(), second.passing_path());
    EXPECT_EQ(files(), 3);
  }
  EXPECT_EQ(text(), "new");
  EXPECT_EQ(files(), 1);
  EXPECT_THROW(NewFile(directory.path() + "/none/file"), SyscallError);
}

TEST(NewFile, SaysWhatIsInTheWayAndWhatToDo) {
  const test::Directory directory;
  const std::string& folder = directory.path();
  directory.write("file", "text");
  EXPECT_EQ(test::error_of([&] { NewFile(folder + ""); }),
            "cannot write '" + folder + "': Is a directory; name a file");
  EXPECT_EQ(test::error_of([&] { NewFile(folder + "/none/file"); }),
            "cannot write '" + folder + "/none/file': No such file or directory; make the folder '" + folder +
                "/none' first");
  EXPECT_EQ(test::error_of([&] { NewFile(folder + "/file/file"); }), "cannot write '" + folder +
                                                                         "/file/file': Not a directory; '" + folder +
                                                                         "/file' is no folder, name another place");
  EXPECT_TRUE(std::filesystem::is_directory(folder));
}

TEST(MakeFolders, MakesThoseThatItLiesInAndSaysWhatIsInTheWay) {
  const test::Directory directory;
  const std::string& folder = directory.path();
  detail::make_folders(folder + "/a/b/");
  detail::make_folders(folder + "/a/b");
  EXPECT_TRUE(std::filesystem::is_directory(folder + "/a/b"));
  directory.write("file", "text");
  EXPECT_EQ(test::error_of([&] { detail::make_folders(folder + "/file"); }),
            "'" + folder + "/file' is a file, where a folder would be; name another place");
  EXPECT_EQ(test::error_of([&] { detail::make_folders(folder + "/file/a/b"); }),
            "'" + folder + "/file' is a file, where the folder '" + folder + "/file/a/b' would be; name another place");
}

TEST(NewFile, WritesAllOfWhatItIsGivenPieceByPiece) {
  const test::Directory directory;
  const std::string path = directory.path() + "/file";
  const std::string half(3 << 20, 'x');
  NewFile file(path);
  file.write(std::as_bytes(std::span(half)));
  file.write({});
  file.write(std::as_bytes(std::span(half)));
  file.commit();
  EXPECT_EQ(std::filesystem::file_size(path), 2 * half.size());
}

TEST(NewFile, IsOnTheDiskBeforeItHasItsNameAndItsNameWhenCommitToDiskReturns) {
  const test::Directory directory;
  const auto write = [](const std::string& path) {
    NewFile file(path);
    file.write(std::as_bytes(std::span("whole", 5)));
    disk_calls().clear();
    file.commit_to_disk();
    EXPECT_EQ(std::filesystem::file_size(path), 5u);
  };
  const std::vector<std::string> safe{"fsync of a file", "rename", "fsync of a folder"};
  write(directory.path() + "/file");
  EXPECT_EQ(disk_calls(), safe);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  write("beside");  // A name without a folder.
  std::filesystem::current_path(before);
  EXPECT_EQ(disk_calls(), safe);
}

}  // namespace
}  // namespace millrace::new_file_test
