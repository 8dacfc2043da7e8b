// What a picture from a stranger may do: give pixels or an error, and nothing else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/decode.h"
#include "millrace/tests/loader/images/pictures.h"

namespace millrace::image::hostile_test {
namespace {

using millrace::test::Bytes;
using millrace::test::bytes_of;
using millrace::test::data_path;
using millrace::test::read_bytes;
using ::testing::HasSubstr;

template <class Call>
bool succeeds(Call call) {
  try {
    call();
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

/// Decodes in every way, to pixels or to an error, whichever it is. Mutated sizes may be anything up to the limit,
/// which would make a run take minutes.
bool decodes(const Bytes& file) {
  PictureOptions upright(ImageMode::kGray);
  upright.orientation = Orientation::kExif;
  upright.max_pixels = 1 << 20;
  PictureOptions options;
  options.max_pixels = upright.max_pixels;
  succeeds([&] { decode(file, upright); });
  succeeds([&] { decode_numbers(file, options.max_pixels); });
  return succeeds([&] { decode(file, options); });
}

std::vector<Bytes> fixtures() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_path("formats"))) {
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with("expected."))
      paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> files;
  for (const std::string& path : paths) files.push_back(read_bytes(path));
  return files;
}

/// What GDAL, GDCM and others take for theirs, some of it naming other files and hosts.
std::vector<std::string> heads() {
  using std::string_literals::operator""s;
  const std::string vrt =
      "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>"
      "<SourceFilename relativeToVRT=\"0\">/etc/passwd</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
      "</VRTRasterBand></VRTDataset>";
  return {"NITF02.10" + std::string(60, '0') + vrt,
          "NSIF01.00"s,
          std::string(128, '\0') + "DICM\2\0\0\0UL\4\0",
          vrt,
          "<?xml version=\"1.0\"?>" + vrt,
          "<GDAL_WMS><Service name=\"WMS\"><ServerUrl>http://127.0.0.1:9/</ServerUrl></Service></GDAL_WMS>",
          "<WCS_GDAL><ServiceURL>http://127.0.0.1:9/</ServiceURL></WCS_GDAL>",
          "<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"file:///etc/passwd\"/></svg>",
          "\x89HDF\r\n\x1a\n"s,
          "\x0e\x03\x13\x01"s,
          "CDF\x01"s,
          "UHL1"s,
          "SIMPLE  =                    T"s,
          "%PDF-1.4\n"s,
          "%!PS-Adobe-3.0\n"s,
          "#?RADIANCE\n"s,
          "\x76\x2f\x31\x01"s,
          "\0\0\0\x0cjP  \r\n\x87\n"s,
          "\xff\x4f\xff\x51"s,
          "HFA_HEADER_TAG"s,
          "DSBB"s,
          "ENVI\n"s,
          "PDS_VERSION_ID"s,
          "GRIB"s,
          "PK\3\4"s,
          "/vsicurl/http://127.0.0.1:9/x.tif"s,
          "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"s};
}

std::vector<Bytes> strangers() {
  using std::string_literals::operator""s;
  std::vector<Bytes> files;
  const std::string filling(400, ' ');
  for (const std::string& head : heads()) {
    for (const std::string& signature : {""s, "\x89PNG\r\n\x1a\n"s, "\xff\xd8\xff\xe0"s, "II*\0"s, "MM\0*"s, "BM"s,
                                         "GIF89a"s, "RIFF\1\2\0\0WEBP"s, "P6\n"s})
      files.push_back(bytes_of(signature + head + filling));
  }
  // And within whole pictures, where DICOM looks for its mark.
  for (Bytes file : fixtures()) {
    if (file.size() > 132) std::memcpy(file.data() + 128, "DICM", 4);
    files.push_back(std::move(file));
  }
  return files;
}

/// From now on this process dies by SIGSYS when it opens a file, makes a socket or starts a program.
void forbid_opening() {
  std::vector<sock_filter> program = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long call : {SYS_openat, SYS_openat2, SYS_socket, SYS_connect, SYS_execve, SYS_execveat, SYS_memfd_create,
                          SYS_unlinkat, SYS_renameat2}) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    ::_exit(77);
}

/// Runs `child` in a process of its own; gives its wait status.
template <class Child>
int run_alone(const Child& child) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    child();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return status;
}

TEST(HostilePictures, OpenNoFileAndNoSocket) {
  const auto files = strangers();
  EXPECT_GT(files.size(), 200u);
  int wrong = 0;
  for (size_t i = 0; i < files.size() && wrong < 3; ++i) {
    const int status = run_alone([&] {
      forbid_opening();
      decodes(files[i]);
    });
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "this kernel has no seccomp";
    if (status == 0) continue;
    ++wrong;
    ADD_FAILURE() << "file " << i << " ended its process by signal " << WTERMSIG(status)
                  << (WTERMSIG(status) == SIGSYS ? ": it opened something" : "");
  }
}

/// From now on this process gets no more than 256 MiB beside what it has.
void forbid_large_allocations() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t most = pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) + (rlim_t{256} << 20);
  const rlimit limit = {most, most};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(77);
}

TEST(PictureLimits, AreAskedBeforeAllocationInEveryFormat) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("formats/huge"))) {
    const Bytes file = read_bytes(entry.path().string());
    ++files;
    const int status = run_alone([&] {
      forbid_large_allocations();
      try {
        decode(file, ImageMode::kRGB);
      } catch (const std::exception& error) {
        const std::string what = error.what();
        if (what.find("pixels, over the limit of 178956970 pixels; where the file is to be trusted, raise the "
                      "dataset's max_pixels") != what.npos)
          ::_exit(0);
        std::cerr << entry.path() << ": " << what << std::endl;
      }
      ::_exit(1);
    });
    EXPECT_EQ(status, 0) << entry.path();
  }
  EXPECT_EQ(files, 7);
}

TEST(PictureLimits, HoldToThePixel) {
  const Bytes file = read_bytes(data_path("formats/pillow/rgb_tiles.tiff"));
  PictureOptions options;
  options.max_pixels = 11 * 17;
  EXPECT_EQ(decode(file, options).size(), (Size{11, 17}));
  options.max_pixels = 11 * 17 - 1;
  try {
    decode(file, options);
    FAIL() << "a picture over the limit was decoded";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a picture of 11x17 pixels, over the limit of 186 pixels"));
  }
  EXPECT_THROW(decode_numbers(read_bytes(data_path("formats/masks/gray8.png")), 63), std::runtime_error);
}

TEST(Room, GivesBackWhatAHugePictureNeeded) {
  Room<uint8_t> room;
  constexpr size_t kHuge = size_t{100} << 20;
  room.at_least(kHuge);
  room.at_least(1000);
  EXPECT_EQ(room.size(), kHuge) << "the next may be as large";
  for (int i = 0; i < 100; ++i) room.at_least(1000);
  EXPECT_EQ(room.size(), 1000u);
}

TEST(Room, KeepsWhatIsNeededNowAndThen) {
  Room<uint8_t> room;
  for (int i = 0; i < 100; ++i) room.at_least(i % 20 == 0 ? size_t{100} << 20 : size_t{1000});
  EXPECT_EQ(room.size(), size_t{100} << 20);
}

TEST(HostilePictures, ForbiddingIsSeen) {
  const int status = run_alone([] {
    forbid_opening();
    std::ifstream("/etc/passwd");
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

TEST(HostilePictures, MutationsGivePixelsOrAnError) {
  constexpr int kMutations = 4000;
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::cout << "seed " << seed << '\n';
  std::mt19937 rng(seed);
  const auto files = fixtures();
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(rng); };
  constexpr std::array<unsigned char, 8> kExtremes = {0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x10};
  int good = 0;
  for (int i = 0; i < kMutations; ++i) {
    Bytes file = files[below(files.size())];
    if (file.empty()) continue;
    // Headers are where the sizes are.
    const size_t reach = rng() % 2 ? file.size() : std::min<size_t>(file.size(), 64);
    for (size_t n = 1 + below(4); n > 0; --n)
      file[below(reach)] =
          std::byte{rng() % 2 ? kExtremes[below(kExtremes.size())] : static_cast<unsigned char>(rng())};
    if (rng() % 4 == 0) file.resize(below(file.size()));
    good += decodes(file);
  }
  EXPECT_GT(good, 0);
}

TEST(HostilePictures, EveryTruncationGivesPixelsOrAnError) {
  for (const Bytes& file : fixtures()) {
    for (size_t length = 0; length < file.size(); length += 1 + file.size() / 64)
      decodes(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)));
  }
}

}  // namespace
}  // namespace millrace::image::hostile_test
