// `millrace export`: Python's libraries read what a run has trained, and predict the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::export_test {
namespace {

using testing::HasSubstr;

class Export : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      const std::string name = std::to_string(i) + ".ppm";
      folder_.write("photos/dark/" + name, picture(i));
      folder_.write("photos/light/" + name, picture(i + 100));
    }
    folder_.write("photos.yaml",
                  "dataset: {type: image_folder, root: photos}\n"
                  "transforms: [resize: {size: [32, 32]}]\n"  // Which leaves them as they are.
                  "test: {dataset: {type: image_folder, root: photos}, transforms: [resize: {size: [32, 32]}]}\n"
                  "loader: {batch_size: 4, num_workers: 0}\n"
                  "optimizer: {type: sgd, lr: 0.01}\n"
                  "model: small_cnn\nepochs: 1\ndevice: cpu\n");
  }

  test::Ended run(const std::string& line) const {
    return test::run_in(folder_.path(), "PATH='" + test::built("apps") + "':$PATH; " + line);
  }

  // Trains a ResNet-18, exports it in both ways, and asks it about the pictures; then Python does the same.
  test::Ended train_and_ask_python(const std::string& settings, const std::string& section) const {
    std::string told;
    for (const std::string& line : {"millrace train photos.yaml model=resnet18 " + settings,
                                    std::string("millrace export runs/photos photos.safetensors"),
                                    std::string("millrace export runs/photos/best.pt photos.pt"),
                                    std::string("millrace predict runs/photos photos --top 2")}) {
      const auto here = run(line);
      EXPECT_EQ(here.exit_code, 0) << line << "\n" << here.err;
      told += here.out;
    }
    EXPECT_THAT(told, HasSubstr(section == "ema" ? "122 tensors of runs/photos/best.pt, the averaged weights (ema)"
                                                 : "122 tensors of runs/photos/best.pt, the weights with which"));
    return run("'" + test::python() + "' '" + test::source("tests/apps/millrace/exported_weights.py") + "' '" +
               test::source("docs/training.md") + "' " + section);
  }

 private:
  // 32 by 32 pixels of three colours, another for each brightness.
  static std::string picture(int brightness) {
    std::string text = "P6 32 32 255\n";
    for (int i = 0; i < 32 * 32 * 3; ++i) text += static_cast<char>(brightness + i * 37 % 101);
    return text;
  }

  test::Directory folder_;
};

constexpr int kNoLibrary = 3, kNoPython = 127;
constexpr const char* kNone = "no Python with torch, torchvision and safetensors: scripts/setup --live installs them";

TEST_F(Export, IsReadByPythonWhichPredictsTheSame) {
  const auto python = train_and_ask_python("", "model");
  if (python.exit_code == kNoLibrary || python.exit_code == kNoPython) GTEST_SKIP() << kNone;
  EXPECT_EQ(python.exit_code, 0) << python.err;
  EXPECT_EQ(python.out, "8\n");
}

TEST_F(Export, IsOfTheAveragedWeightsWhereThereAreSome) {
  const auto python = train_and_ask_python("ema.decay=0.9 epochs=2", "ema");
  if (python.exit_code == kNoLibrary || python.exit_code == kNoPython) GTEST_SKIP() << kNone;
  EXPECT_EQ(python.exit_code, 0) << python.err;
  EXPECT_EQ(python.out, "8\n");
}

TEST_F(Export, NeverReplacesAFile) {
  ASSERT_EQ(run("millrace train photos.yaml && cp runs/photos/last.pt before").exit_code, 0);
  const auto ended = run("millrace export runs/photos runs/photos/last.pt");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("'runs/photos/last.pt' is there already: remove it, or give another name"));
  EXPECT_EQ(run("cmp before runs/photos/last.pt").exit_code, 0);
}

TEST_F(Export, SaysWhichEndingsAFileMayHave) {
  const auto ended = run("millrace export runs/photos photos.onnx");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err,
              HasSubstr("FILE: expected a file that ends in .safetensors, .pt or .pth, found 'photos.onnx'"));
}

}  // namespace
}  // namespace millrace::export_test
