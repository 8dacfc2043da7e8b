// Files that somebody writes to while a dataset reads them, at the one moment that shows: behind the look at the file
// that comes with opening it, and before its bytes are there.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/cifar.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/datasets/image_pairs.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/loader/images/datasets/mnist.h"
#include "millrace/loader/sample_row.h"
#include "millrace/loader/state.h"
#include "millrace/tests/support/directory.h"

namespace {

// The file that is changed when its bytes are first asked for; nothing at other times.
struct Watched {
  std::string path;
  off_t at = 0;  // Of the byte that becomes an X.
  dev_t device = 0;
  ino_t inode = 0;
};
constinit Watched* watched = nullptr;

void before_bytes_of(int fd) {
  struct stat status = {};
  if (watched == nullptr || ::fstat(fd, &status) != 0) return;
  if (status.st_dev != watched->device || status.st_ino != watched->inode) return;
  const Watched& file = *std::exchange(watched, nullptr);
  const int writer = ::open(file.path.c_str(), O_WRONLY | O_CLOEXEC);
  timespec later[2] = {status.st_atim, status.st_mtim};
  ++later[1].tv_sec;  // However coarse the clock is.
  const bool done = ::pwrite(writer, "X", 1, file.at) == 1 && ::futimens(writer, later) == 0;
  ::close(writer);
  if (!done) ADD_FAILURE() << "cannot change " << file.path;
}

}  // namespace

// The program's own stand before the C library's.
ssize_t read(int fd, void* to, size_t size) {
  before_bytes_of(fd);
  return ::syscall(SYS_read, fd, to, size);
}

ssize_t pread(int fd, void* to, size_t size, off_t at) {
  before_bytes_of(fd);
  return ::syscall(SYS_pread64, fd, to, size, at);
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t at) noexcept {
  if (fd >= 0) before_bytes_of(fd);
  return reinterpret_cast<void*>(::syscall(SYS_mmap, address, size, protection, flags, fd, at));
}

namespace millrace::changing_files_test {
namespace {

using test::Directory;
using ::testing::AllOf;
using ::testing::HasSubstr;

// What `read` says when byte `at` of the file becomes another while it reads.
template <class Read>
std::string error_when_changed(const std::string& path, off_t at, Read read) {
  struct stat status = {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  Watched file{path, at, status.st_dev, status.st_ino};
  watched = &file;
  std::string error = "no error";
  try {
    read();
  } catch (const std::exception& e) {
    error = e.what();
  }
  EXPECT_EQ(std::exchange(watched, nullptr), nullptr) << path << " was not read";
  return error;
}

TEST(ChangingFiles, APictureIsNamed) {
  const Directory directory;
  directory.copy("formats/rgb.bmp", "class/0.bmp");
  const std::string path = directory.path() + "/class/0.bmp";
  const auto photos = ImageFolder(directory.path());
  // Its last byte is a pixel: half of one picture and half of another can be read.
  const auto last = static_cast<off_t>(std::filesystem::file_size(path)) - 1;
  EXPECT_THAT(error_when_changed(path, last, [&] { photos.spec(); }),
              AllOf(HasSubstr(path), HasSubstr("the file changed while it was read: write it under another name")));
}

TEST(ChangingFiles, APictureOfAPairIsNamed) {
  const Directory directory;
  directory.copy("formats/rgb.bmp", "data/0.bmp");
  directory.copy("formats/rgb.bmp", "target/0.bmp");
  const std::string path = directory.path() + "/target/0.bmp";
  const auto pairs = ImagePairs::in_folders(directory.path() + "/data", directory.path() + "/target");
  const SampleSpec spec = pairs.spec();
  std::vector<std::byte> data(spec.fields[0].bytes()), target(spec.fields[1].bytes());
  std::byte* rows[] = {data.data(), target.data()};
  SampleRow row(spec, rows);
  SampleContext context(1, 0);
  const auto last = static_cast<off_t>(std::filesystem::file_size(path)) - 1;
  EXPECT_THAT(error_when_changed(path, last, [&] { pairs.read(0, row, context); }),
              AllOf(HasSubstr("cannot read '" + path + "'"), HasSubstr("the file changed while it was read")));
}

TEST(ChangingFiles, AManifestIsNamed) {
  const Directory directory;
  directory.write("a.csv", "path,label\n0.png,cat\n1.png,dog\n");
  directory.write("a.jsonl", "{\"path\": \"0.png\", \"label\": \"cat\"}\n{\"path\": \"1.png\", \"label\": \"dog\"}\n");
  directory.write("a.txt", "0.png cat\n1.png dog\n");
  const std::vector<std::pair<std::string, off_t>> first_paths = {{"a.csv", 11}, {"a.jsonl", 10}, {"a.txt", 0}};
  for (const auto& [name, in_first_path] : first_paths) {
    const std::string path = directory.path() + "/" + name;
    EXPECT_THAT(error_when_changed(path, in_first_path, [&] { ImageManifest{path}; }),
                HasSubstr("manifest: '" + path + "' has changed since it was opened; make the dataset anew"));
  }
}

TEST(ChangingFiles, PicturesAndLabelsOfMnistAreNamed) {
  const Directory directory;
  const std::string images = std::string("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2", 16) + "abcdefgh";
  directory.write("train-images-idx3-ubyte", images);
  directory.write("train-labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\2\0\1", 10));
  for (const auto& [name, at] : {std::pair("train-images-idx3-ubyte", 20), std::pair("train-labels-idx1-ubyte", 9)}) {
    const std::string path = directory.path() + "/" + name;
    EXPECT_THAT(error_when_changed(path, at, [&] { MNIST{directory.path()}; }),
                HasSubstr("'" + path + "' has changed since it was opened; make the dataset anew"));
  }
}

TEST(ChangingFiles, AnyFileOfCifarIsNamed) {
  const Directory directory;
  directory.write("batches.meta.txt", "airplane\nautomobile\n");
  const std::string record = std::string(1, '\1') + std::string(3 * 32 * 32, 'a');
  for (int file = 1; file <= 5; ++file) directory.write("data_batch_" + std::to_string(file) + ".bin", record + record);
  for (const char* name : {"data_batch_1.bin", "data_batch_5.bin"}) {
    const std::string path = directory.path() + "/" + name;
    EXPECT_THAT(error_when_changed(path, 3000, [&] { CIFAR10{directory.path()}; }),
                HasSubstr("'" + path + "' has changed since it was opened; make the dataset anew"));
  }
  const std::string classes = directory.path() + "/batches.meta.txt";
  EXPECT_THAT(error_when_changed(classes, 2, [&] { CIFAR10{directory.path()}; }),
              AllOf(HasSubstr(classes), HasSubstr("the file changed while it was read")));
}

TEST(ChangingFiles, ATarIsNamedWhileItsMembersAreLookedFor) {
  const Directory directory;
  directory.copy("shards/pictures-000000.tar", "a.tar");
  const std::string path = directory.path() + "/a.tar";
  EXPECT_THAT(error_when_changed(path, 512, [&] { TarShards{path}; }),
              AllOf(HasSubstr("tar: '" + path + "'"), HasSubstr("the file was changed while it was read")));
}

TEST(ChangingFiles, AStateIsNamed) {
  const Directory directory;
  const std::string path = directory.path() + "/state";
  save(LoaderState(), path);
  EXPECT_THAT(
      error_when_changed(path, static_cast<off_t>(std::filesystem::file_size(path)) - 1, [&] { load_state(path); }),
      AllOf(HasSubstr(path), HasSubstr("the file changed while it was read")));
}

}  // namespace
}  // namespace millrace::changing_files_test
