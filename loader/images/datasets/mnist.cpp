#include "millrace/loader/images/datasets/mnist.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDownload = "download it again, and unpack it with gunzip";

[[noreturn]] void fail_mnist(const std::string& what) { throw std::runtime_error("mnist: " + what); }

/// The file of one part: "train-images-idx3-ubyte" as it is published; Kaggle's has a dot for the second hyphen, and
/// may lie in a folder of its own name.
std::string find_idx(const std::string& root, const std::string& stem, const std::string& ending) {
  const std::string name = stem + "-" + ending, dotted = stem + "." + ending;
  std::vector<fs::path> paths;
  for (const auto& directory : {fs::path(root), fs::path(root) / "raw", fs::path(root) / "MNIST/raw"})
    for (const auto& file : {fs::path(name), fs::path(dotted), fs::path(name) / name, fs::path(dotted) / dotted})
      paths.push_back(directory / file);
  std::error_code ignored;  // What cannot be looked at is not there.
  for (const auto& path : paths)
    if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) return path.string();
  for (const auto& path : paths) {
    const std::string packed = path.string() + ".gz";
    if (fs::exists(packed, ignored)) fail_mnist(in_quotes(packed) + " is still packed: gunzip it");
  }
  fail_mnist("no file " + in_quotes(name) + " in " + in_quotes(root) + ", nor in raw or MNIST/raw below it, nor " +
             in_quotes(dotted) + ": unpack MNIST's four files there (relative paths begin at " +
             printable(fs::current_path().string()) + ")");
}

/// "0" to the largest label.
std::vector<std::string> classes_of(std::span<const std::byte> labels) {
  const auto largest = std::ranges::max_element(labels);
  std::vector<std::string> classes;
  if (largest == labels.end()) return classes;
  for (int i = 0; i <= std::to_integer<int>(*largest); ++i) classes.push_back(std::to_string(i));
  return classes;
}

/// A file of bytes in the idx format: a magic number, the sizes of its dimensions (all of four bytes, the highest
/// first), then the bytes in C order.
struct IdxFile {
  detail::MappedFile file;
  std::vector<size_t> sizes;
  std::span<const std::byte> content;

  IdxFile(const std::string& path, size_t dimensions, const std::string& what) : file(path) {
    const size_t header = 4 * (1 + dimensions);
    const auto bytes = file.bytes();
    if (bytes.size() < header)
      fail_mnist(in_quotes(path) + " has only " + std::to_string(bytes.size()) +
                 " bytes, too few for a header: " + kDownload);
    const size_t magic = number(0), expected = 0x0800 + dimensions;  // 8 for uint8.
    if (magic != expected)
      fail_mnist(in_quotes(path) + " holds no " + what + ": it begins with the number " + std::to_string(magic) +
                 ", not " + std::to_string(expected) + "; " + kDownload);
    size_t count = 1;
    std::string shape;
    for (size_t i = 0; i < dimensions; ++i) {
      sizes.push_back(number(1 + i));
      shape += (i > 0 ? "x" : "") + std::to_string(sizes[i]);
      if (__builtin_mul_overflow(count, sizes[i], &count)) count = SIZE_MAX;
    }
    content = bytes.subspan(header);
    if (content.size() != count)
      fail_mnist(in_quotes(path) + " says that it holds " + shape + " bytes behind its header, but there are " +
                 std::to_string(content.size()) + ": " + kDownload);
  }

  size_t number(size_t index) const {
    size_t value = 0;
    for (const std::byte byte : file.bytes().subspan(4 * index, 4)) value = value << 8 | static_cast<size_t>(byte);
    return value;
  }
};

PixelDataset read_files(const std::string& given, PixelDataset::Mode mode) {
  const std::string root = detail::user_path(given);
  const std::string part = mode == PixelDataset::Mode::kTrain ? "train" : "t10k";
  const IdxFile images(find_idx(root, part + "-images", "idx3-ubyte"), 3, "pictures");
  const IdxFile labels(find_idx(root, part + "-labels", "idx1-ubyte"), 1, "labels");
  const size_t count = images.sizes[0];
  if (labels.sizes[0] != count)
    fail_mnist(in_quotes(images.file.path()) + " holds " + counted(count, "picture") + ", but " +
               in_quotes(labels.file.path()) + " " + counted(labels.sizes[0], "label") + ": take both from one source");
  const auto possible = [](size_t side) { return side > 0 && side <= INT32_MAX; };
  if (!possible(images.sizes[1]) || !possible(images.sizes[2]))
    fail_mnist(in_quotes(images.file.path()) + " holds pictures of " + std::to_string(images.sizes[1]) + "x" +
               std::to_string(images.sizes[2]) + " pixels: " + kDownload);

  PixelDataset::Format format{part == "train" ? "MNIST train" : "MNIST test",
                              ImageMode::kGray,
                              {static_cast<int>(images.sizes[1]), static_cast<int>(images.sizes[2])},
                              classes_of(labels.content)};
  return {std::move(format), count, [&](std::span<int64_t> to_labels, std::span<uint8_t> to_pixels) {
            std::ranges::transform(labels.content, to_labels.begin(),
                                   [](std::byte label) { return static_cast<int64_t>(label); });
            std::memcpy(to_pixels.data(), images.content.data(), to_pixels.size());
            labels.file.require_unchanged();
            images.file.require_unchanged();
          }};
}

}  // namespace

MNIST::MNIST(const std::string& root, Mode mode) : PixelDataset(read_files(root, mode)) {}

}  // namespace millrace
