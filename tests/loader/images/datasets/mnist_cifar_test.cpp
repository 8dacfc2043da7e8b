#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/data/datasets/mnist.h>

#include <filesystem>
#include <string>

#include "millrace/loader/images/datasets/cifar.h"
#include "millrace/loader/images/datasets/mnist.h"
#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"

namespace millrace {
namespace {

using namespace millrace::transforms;
using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// Pixel p of picture i.
char pixel(size_t i, size_t p) { return static_cast<char>((i * 7 + p * 13) % 256); }

std::string pixels(size_t i, size_t count) {
  std::string bytes;
  for (size_t p = 0; p < count; ++p) bytes += pixel(i, p);
  return bytes;
}

std::string idx_images(size_t count, uint32_t height = 28, uint32_t width = 28) {
  std::string bytes =
      big_endian(2051) + big_endian(static_cast<uint32_t>(count)) + big_endian(height) + big_endian(width);
  for (size_t i = 0; i < count; ++i) bytes += pixels(i, height * width);
  return bytes;
}

std::string idx_labels(size_t count) {
  std::string bytes = big_endian(2049) + big_endian(static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) bytes += static_cast<char>(i % 10);
  return bytes;
}

void write_train(const Directory& directory, const std::string& folder = "") {
  directory.write(folder + "train-images-idx3-ubyte", idx_images(20));
  directory.write(folder + "train-labels-idx1-ubyte", idx_labels(20));
}

TEST(MNIST, EqualsTorchData) {
  const Directory directory;
  directory.write("t10k-images-idx3-ubyte", idx_images(10'000));  // torch::data takes no other number.
  directory.write("t10k-labels-idx1-ubyte", idx_labels(10'000));
  const torch::data::datasets::MNIST theirs(directory.path(), torch::data::datasets::MNIST::Mode::kTest);
  const MNIST ours(directory.path(), MNIST::Mode::kTest);
  ASSERT_EQ(ours.size(), 10'000U);
  const auto raw = test::read_all(ours);
  EXPECT_EQ(to_string(ours.spec()), "image: Byte [1, 28, 28], label: Long []");
  EXPECT_TRUE(at::equal(raw.target(), theirs.targets()));
  const auto scaled = test::read_all(ours.transform(ToDtype(at::kFloat, true)));
  EXPECT_TRUE(at::allclose(scaled.data(), theirs.images(), 0, 1e-7));
  EXPECT_TRUE(at::equal((scaled.data() * 255).round().to(at::kByte), raw.data()));
  const auto normalized = test::read_all(ours.transform(Normalize({0.1307F}, {0.3081F})));
  EXPECT_TRUE(at::allclose(normalized.data(), (theirs.images() - 0.1307) / 0.3081, 0, 1e-5));
}

TEST(MNIST, ReadsTorchvisionsFoldersToo) {
  for (const std::string folder : {"", "raw/", "MNIST/raw/"}) {
    const Directory directory;
    write_train(directory, folder);
    EXPECT_EQ(MNIST(directory.path()).size(), 20U) << folder;
  }
}

TEST(MNIST, IsTheSameInEveryModeAndTravelsAsOnePieceOfMemory) {
  const Directory directory;
  write_train(directory);
  const MNIST digits(directory.path());
  EXPECT_EQ(digits.describe(17), "MNIST train 17");
  EXPECT_EQ(digits.label(17), 7);
  EXPECT_LT(encode(digits).bytes.size(), 400U);
  EXPECT_EQ(test::hash_of(test::travelled(digits), testing::kInline), test::hash_of(digits, testing::kInline));
  test::expect_the_same_in_every_mode(digits);
  test::expect_the_same_in_every_mode(digits.transform(RandomCrop(28, Pad(4)) | RandomHorizontalFlip()));
}

TEST(MNIST, TransformsMayChangeTheSize) {
  const Directory directory;
  write_train(directory);
  const auto digits = MNIST(directory.path()).transform(Pad(2)).transform(CenterCrop(30));
  EXPECT_EQ(digits.spec().fields[0].shape, (std::vector<int64_t>{1, 30, 30}));
  const auto batch = test::read_all(digits);
  const auto raw = test::read_all(MNIST(directory.path()));
  EXPECT_TRUE(at::equal(batch.data().slice(2, 1, 29).slice(3, 1, 29), raw.data()));
  EXPECT_EQ(batch.data().slice(2, 0, 1).sum().item<int64_t>(), 0);
}

TEST(MNIST, IsFoundUnderTheNamesOfKaggle) {
  const std::string images = "train-images.idx3-ubyte", labels = "train-labels.idx1-ubyte";
  for (const std::string& folder : {std::string(), images + "/"}) {
    const Directory directory;
    directory.write(folder + images, idx_images(20));
    directory.write(folder.empty() ? labels : labels + "/" + labels, idx_labels(20));
    EXPECT_EQ(MNIST(directory.path()).size(), 20U) << folder;
  }
  const Directory nested;
  nested.write("train-images-idx3-ubyte/train-images-idx3-ubyte", idx_images(20));
  nested.write("train-labels-idx1-ubyte/train-labels-idx1-ubyte", idx_labels(20));
  EXPECT_EQ(MNIST(nested.path()).size(), 20U);
}

TEST(MNIST, ClassesAreCountedFromTheData) {
  const Directory directory;
  write_train(directory);
  EXPECT_EQ(MNIST(directory.path()).classes().size(), 10U);
  // EMNIST's letters go to 26.
  const std::string labels = big_endian(2049) + big_endian(20) + idx_labels(20).substr(8, 19) + '\x1a';
  directory.write("train-labels-idx1-ubyte", labels);
  EXPECT_EQ(MNIST(directory.path()).classes().size(), 27U);
  EXPECT_EQ(MNIST(directory.path()).classes().back(), "26");
}

TEST(MNIST, HomeFoldersAreExpandedAndFifosRefused) {
  const Directory directory;
  write_train(directory, "digits/");
  const test::Environment home("HOME", directory.path());
  EXPECT_EQ(MNIST("~/digits").size(), 20U);
  std::filesystem::remove(directory.path() + "/digits/train-labels-idx1-ubyte");
  ASSERT_EQ(::mkfifo((directory.path() + "/digits/train-labels-idx1-ubyte").c_str(), 0600), 0);
  EXPECT_THAT(error_of([] { MNIST("~/digits"); }), HasSubstr("a FIFO, not a regular file"));
}

TEST(MNIST, IndexOutsideIsAnError) {
  const Directory directory;
  write_train(directory);
  EXPECT_EQ(error_of([&] { MNIST(directory.path()).label(20); }),
            "MNIST train: index 20 is outside a dataset of 20 samples");
}

TEST(MNIST, BadFilesAreErrorsThatNameTheCure) {
  const Directory directory;
  const auto error = [&] { return error_of([&] { MNIST{directory.path()}; }); };
  const std::string images = "train-images-idx3-ubyte", path = directory.path() + "/" + images;
  EXPECT_THAT(error(), AllOf(HasSubstr("no file '" + images + "' in '" + directory.path()), HasSubstr("unpack")));
  directory.write("raw/" + images + ".gz", "");
  EXPECT_THAT(error(), EndsWith("/raw/" + images + ".gz' is still packed: gunzip it"));
  write_train(directory);
  EXPECT_EQ(error(), "no error");
  directory.write(images, "\x1f\x8b");
  EXPECT_EQ(error(), "mnist: '" + path +
                         "' has only 2 bytes, too few for a header: download it again, and unpack it with gunzip");
  directory.write(images, idx_labels(20));
  EXPECT_THAT(error(), HasSubstr(path + "' holds no pictures: it begins with the number 2049, not 2051; download"));
  directory.write(images, idx_images(20).substr(0, 1000));
  EXPECT_THAT(error(), HasSubstr("says that it holds 20x28x28 bytes behind its header, but there are 984: download"));
  directory.write(images, big_endian(2051) + std::string(12, '\xff'));
  EXPECT_THAT(error(), HasSubstr("4294967295x4294967295x4294967295 bytes behind its header, but there are 0"));
  directory.write(images, idx_images(20, 0, 28));
  EXPECT_THAT(error(), HasSubstr("holds pictures of 0x28 pixels"));
  directory.write(images, idx_images(19));
  EXPECT_THAT(error(), AllOf(HasSubstr("holds 19 pictures, but '"), HasSubstr("20 labels: take both from one source")));
}

std::string cifar_records(const std::vector<std::pair<std::string, size_t>>& labels_and_pictures) {
  std::string bytes;
  for (const auto& [labels, picture] : labels_and_pictures) bytes += labels + pixels(picture, 3 * 32 * 32);
  return bytes;
}

void write_cifar10(const Directory& directory, const std::string& folder) {
  directory.write(folder + "batches.meta.txt", "airplane\nautomobile\nbird\n\n");
  for (size_t file = 1; file <= 5; ++file)
    directory.write(folder + "data_batch_" + std::to_string(file) + ".bin",
                    cifar_records({{std::string(1, '\1'), 2 * file}, {std::string(1, '\2'), 2 * file + 1}}));
  directory.write(folder + "test_batch.bin", cifar_records({{std::string(1, '\0'), 50}}));
}

TEST(CIFAR10, ReadsTheFilesOneBehindTheOther) {
  for (const std::string folder : {"", "cifar-10-batches-bin/"}) {
    const Directory directory;
    write_cifar10(directory, folder);
    const CIFAR10 train(directory.path());
    EXPECT_EQ(train.classes(), (std::vector<std::string>{"airplane", "automobile", "bird"}));
    const auto batch = test::read_all(train);
    EXPECT_EQ(to_string(train.spec()), "image: Byte [3, 32, 32], label: Long []");
    ASSERT_EQ(batch.size(), 10);
    for (int64_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(batch.target()[i].item<int64_t>(), 1 + i % 2);
      const auto picture = batch.data()[i].reshape({-1});
      for (const int64_t p : {0, 1, 1023, 1024, 3071})
        EXPECT_EQ(picture[p].item<uint8_t>(), static_cast<uint8_t>(pixel(static_cast<size_t>(i) + 2, p)));
    }
    EXPECT_EQ(CIFAR10(directory.path(), CIFAR10::Mode::kTest).size(), 1U);
    test::expect_the_same_in_every_mode(train.transform(RandomCrop(32, Pad(4)) | Normalize({0.5F}, {0.25F})));
  }
}

TEST(CIFAR100, TakesTheFineLabels) {
  const Directory directory;
  directory.write("cifar-100-binary/fine_label_names.txt", "apple\r\nfish\r\n");
  directory.write("cifar-100-binary/train.bin", cifar_records({{{'\7', '\1'}, 3}, {{'\5', '\0'}, 4}}));
  directory.write("cifar-100-binary/test.bin", "");
  const CIFAR100 train(directory.path());
  EXPECT_EQ(train.classes(), (std::vector<std::string>{"apple", "fish"}));
  const auto batch = test::read_all(train);
  EXPECT_TRUE(at::equal(batch.target(), at::arange(1, -1, -1, at::kLong)));
  EXPECT_EQ(batch.data()[1][0][0][0].item<uint8_t>(), static_cast<uint8_t>(pixel(4, 0)));
  EXPECT_EQ(CIFAR100(directory.path(), CIFAR100::Mode::kTest).size(), 0U);
}

TEST(CIFAR10, NamesOfClassesMayBeginWithAByteOrderMark) {
  const Directory directory;
  write_cifar10(directory, "");
  directory.write("batches.meta.txt",
                  "\xEF\xBB\xBF"
                  "airplane\r\nautomobile\r\nbird\r\n");
  const test::Environment home("HOME", directory.path());
  EXPECT_THAT(CIFAR10("~").classes(), ::testing::ElementsAre("airplane", "automobile", "bird"));
  std::filesystem::remove(directory.path() + "/batches.meta.txt");
  ASSERT_EQ(::mkfifo((directory.path() + "/batches.meta.txt").c_str(), 0600), 0);
  EXPECT_THAT(error_of([] { CIFAR10("~"); }), HasSubstr("batches.meta.txt': a FIFO, not a regular file"));
}

TEST(CIFAR10, BadFilesAreErrorsThatNameTheCure) {
  const Directory directory;
  const auto error = [&] { return error_of([&] { CIFAR10{directory.path()}; }); };
  EXPECT_THAT(error(), AllOf(HasSubstr("cifar: no file 'batches.meta.txt' in '" + directory.path()),
                             HasSubstr("unpack cifar-10-binary.tar.gz there, the binary version")));
  write_cifar10(directory, "");
  directory.write("data_batch_3.bin", "short");
  EXPECT_THAT(error(), AllOf(HasSubstr("/data_batch_3.bin' has 5 bytes, no multiple of the 3073 of a picture"),
                             HasSubstr("unpack cifar-10-binary.tar.gz again")));
  directory.write("data_batch_3.bin", cifar_records({{"\3", 0}}));
  EXPECT_THAT(error(), HasSubstr("data_batch_3.bin' has a picture with label 3, but batches.meta.txt names 3 classes"));
  std::filesystem::remove(directory.path() + "/data_batch_3.bin");
  EXPECT_THAT(error(), HasSubstr("cannot read '" + directory.path() + "/data_batch_3.bin': No such file"));
}

}  // namespace
}  // namespace millrace
