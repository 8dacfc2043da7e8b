#include "millrace/loader/images/datasets/cifar.h"

#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/plain_text.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr image::Size kSize = {32, 32};

/// How one of the two is published.
struct Edition {
  std::string name;
  std::string directory;  // What its archive unpacks to.
  std::string archive;
  std::string class_names;
  size_t label_bytes;  // Before the pixels of each picture; the last one is the label.
  std::vector<std::string> train;
  std::string test;
};

Edition cifar10() {
  return {"CIFAR10",
          "cifar-10-batches-bin",
          "cifar-10-binary.tar.gz",
          "batches.meta.txt",
          1,
          {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
          "test_batch.bin"};
}

Edition cifar100() {
  return {"CIFAR100",    "cifar-100-binary", "cifar-100-binary.tar.gz", "fine_label_names.txt", 2,
          {"train.bin"}, "test.bin"};
}

[[noreturn]] void fail_cifar(const std::string& what) { throw std::runtime_error("cifar: " + what); }

fs::path find_directory(const Edition& edition, const std::string& root) {
  std::error_code ignored;  // What cannot be looked at is not there.
  for (const auto& directory : {fs::path(root), fs::path(root) / edition.directory})
    if (fs::exists(directory / edition.class_names, ignored)) return directory;
  fail_cifar("no file " + in_quotes(edition.class_names) + " in " + in_quotes(root) + ", nor in " + edition.directory +
             " below it: unpack " + edition.archive + " there, the binary version (relative paths begin at " +
             fs::current_path().string() + ")");
}

std::vector<std::string> read_class_names(const fs::path& path) {
  constexpr size_t kLargestList = 1 << 20;
  std::string text;
  try {
    text = detail::plain_text(detail::read_regular(path.string(), kLargestList));
  } catch (const std::exception& error) {
    fail_cifar("cannot read " + in_quotes(path.string()) + ": " + error.what());
  }
  std::istringstream file(text);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

PixelDataset read_files(const Edition& edition, const std::string& root, PixelDataset::Mode mode) {
  const fs::path directory = find_directory(edition, detail::user_path(root));
  const bool train = mode == PixelDataset::Mode::kTrain;
  PixelDataset::Format format{edition.name + (train ? " train" : " test"), ImageMode::kRGB, kSize,
                              read_class_names(directory / edition.class_names)};
  const size_t record = edition.label_bytes + format.picture_bytes();

  std::vector<detail::MappedFile> files;
  size_t count = 0;
  for (const auto& name : train ? edition.train : std::vector{edition.test}) {
    const detail::MappedFile& file = files.emplace_back((directory / name).string());
    if (file.bytes().size() % record != 0)
      fail_cifar(in_quotes(file.path()) + " has " + std::to_string(file.bytes().size()) +
                 " bytes, no multiple of the " + std::to_string(record) + " of a picture: unpack " + edition.archive +
                 " again");
    count += file.bytes().size() / record;
  }

  const size_t classes = format.classes.size();
  return {std::move(format), count, [&](std::span<int64_t> labels, std::span<uint8_t> pixels) {
            const size_t picture = record - edition.label_bytes;
            size_t i = 0;
            for (const auto& file : files) {
              for (auto left = file.bytes(); !left.empty(); left = left.subspan(record), ++i) {
                const auto label = static_cast<size_t>(left[edition.label_bytes - 1]);
                if (label >= classes)
                  fail_cifar(in_quotes(file.path()) + " has a picture with label " + std::to_string(label) + ", but " +
                             edition.class_names + " names " + counted(classes, "class") + ": unpack " +
                             edition.archive + " again");
                labels[i] = static_cast<int64_t>(label);
                std::memcpy(pixels.data() + i * picture, left.data() + edition.label_bytes, picture);
              }
              file.require_unchanged();
            }
          }};
}

}  // namespace

CIFAR10::CIFAR10(const std::string& root, Mode mode) : PixelDataset(read_files(cifar10(), root, mode)) {}

CIFAR100::CIFAR100(const std::string& root, Mode mode) : PixelDataset(read_files(cifar100(), root, mode)) {}

}  // namespace millrace
