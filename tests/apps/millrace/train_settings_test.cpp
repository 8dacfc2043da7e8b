// Settings with which `millrace train` cannot begin: `--validate` and training itself say the same of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::train_settings_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Settings in place of the file's, as words of a shell, and what is said of them.
struct Wrong {
  std::string settings;
  std::string error;
};

class TrainSettings : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string name : {"dress", "hat"}) {
      int count = 0;
      for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / name))
        if (count++ < 4)
          folder_.copy("photos/" + name + "/" + entry.path().filename().string(),
                       "photos/" + name + "/" + std::to_string(count) + ".jpg");
    }
    folder_.write("run.yaml",
                  "dataset: {type: image_folder, root: photos}\n"
                  "transforms: [resize: {size: [32, 32]}]\n"
                  "loader: {batch_size: 4, num_workers: 1}\n"
                  "model: {type: small_cnn, widths: [4]}\n"
                  "epochs: 1\n"
                  "device: cpu\n");
  }

  test::Ended train(const std::string& arguments) const {
    return test::run_in(folder_.path(), "'" + test::built("apps/millrace") + "' train " + arguments);
  }

  static std::string first_error(const test::Ended& ended) {
    for (const std::string& line : test::lines_of(ended.err))
      if (line.starts_with("millrace: ")) return line;
    return "";
  }

  // Expects one error of training, before it begins, and of the validation.
  void expect_refused(const std::string& begin, const Wrong& wrong) const {
    const auto validated = train(begin + " " + wrong.settings + " --validate"),
               trained = train(begin + " " + wrong.settings);
    EXPECT_EQ(trained.exit_code, 2) << wrong.settings << ": " << trained.out << trained.err;
    EXPECT_EQ(validated.exit_code, 2) << wrong.settings << ": " << validated.err;
    EXPECT_THAT(trained.err, HasSubstr(wrong.error)) << wrong.settings;
    EXPECT_EQ(first_error(trained), first_error(validated)) << wrong.settings;
  }

  void expect_refused(const std::vector<Wrong>& all) const {
    for (const Wrong& wrong : all) expect_refused("run.yaml", wrong);
    EXPECT_FALSE(fs::exists(folder_.path() + "/runs")) << "a run's directory was made";
  }

  test::Directory folder_;
};

TEST_F(TrainSettings, OfALoaderThatCannotBeMadeAreRefusedByTrainingAndValidation) {
  expect_refused({
      {"sampler=random loader.shuffle=true", "sampler: loader.shuffle says an order too"},
      {"collate=pad", "collate: samples of this type of dataset need none"},
      {"'sampler={type: sequence, indices: [99]}'", "99"},
      {"'sampler={type: weighted_random, weights: [1]}'", "weights"},
      {"'sampler={type: random, num_samples: 0}'", "num_samples"},
  });
}

}  // namespace
}  // namespace millrace::train_settings_test
