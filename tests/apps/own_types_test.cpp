// A program with types of its own, apps/examples/own_types.cpp, and `millrace` with the same types in a shared library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::own_types_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

std::string library() { return test::built("apps/libown_types.so"); }

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// A folder with own_types.yaml, in which programs run.
class OwnTypes : public testing::Test {
 protected:
  void SetUp() override { write("own_types.yaml", text_of(test::source("apps/examples/own_types.yaml"))); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder() / name) << text; }

  // The same with the types from a library, on which more lines follow.
  void write_with_library(const std::string& library, const std::string& more = "") const {
    write("library.yaml", "libraries: [" + library + "]\n" + text_of(folder() / "own_types.yaml") + more);
  }

  Result run(const std::string& program, const std::string& arguments) const {
    const auto out = (folder() / "out").string(), err = (folder() / "err").string();
    const std::string command = "cd '" + folder().string() + "' && timeout 120 '" + test::built("apps/" + program) +
                                "' " + arguments + " </dev/null >'" + out + "' 2>'" + err + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(out), text_of(err)};
  }
  Result program(const std::string& arguments) const { return run("example_own_types", arguments); }
  Result millrace(const std::string& arguments) const { return run("millrace", arguments); }

  // What `millrace` says of a configuration with that library.
  std::string refusal_of(const std::string& library) const {
    write_with_library(library);
    const auto result = millrace("train library.yaml");
    EXPECT_EQ(result.exit_code, 2) << result.err;
    return result.err;
  }

  fs::path folder() const { return folder_.path(); }

 private:
  test::Directory folder_;
};

TEST_F(OwnTypes, TakeLessThanSixtyLines) {
  const std::string program = text_of(test::source("apps/examples/own_types.cpp"));
  EXPECT_GT(std::ranges::count(program, '\n'), 40);
  EXPECT_LT(std::ranges::count(program, '\n'), 60);
}

TEST_F(OwnTypes, TrainAndGoOn) {
  const auto first = program("train own_types.yaml epochs=1");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, AllOf(HasSubstr("256 samples in 2 classes"), HasSubstr("epoch 1/1: ")));
  const auto second = program("train --resume runs/own_types epochs=2");
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, AllOf(HasSubstr("epoch 2/2: "), Not(HasSubstr("epoch 1/2"))));
  const auto predicted = program("predict runs/own_types");
  EXPECT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_THAT(predicted.out, HasSubstr("predicted 64 samples"));
}

TEST_F(OwnTypes, AreReadByWorkersOfEachStartMethod) {
  std::string expected;
  for (const char* start : {"forkserver", "fork", "spawn"}) {
    const auto result =
        program("train own_types.yaml epochs=1 \"output=''\" loader.start_method=" + std::string(start));
    EXPECT_EQ(result.exit_code, 0) << start << result.err;
    const auto epoch = result.out.substr(0, result.out.find("\ntrained"));
    if (expected.empty()) expected = epoch;
    EXPECT_EQ(epoch, expected) << start;
  }
}

TEST_F(OwnTypes, TellTyposInTheirKeysWithTheirPlaces) {
  write("typos.yaml",
        "dataset: {type: bars, cuont: 256}\n"
        "transforms: [treshold, threshold: {laest: 3}]\n"
        "model: {type: two_layers, widht: 16}\n");
  const auto result = program("train typos.yaml");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("typos.yaml:1:23: dataset.cuont: unknown key, did you mean count?"));
  EXPECT_THAT(result.err, HasSubstr("typos.yaml:2:14: transforms.0: expected one of "));
  EXPECT_THAT(result.err, HasSubstr("found 'treshold', did you mean threshold?"));
  EXPECT_THAT(result.err, HasSubstr("transforms.1.threshold.laest: unknown key, did you mean least?"));
  EXPECT_THAT(result.err, HasSubstr("typos.yaml:3:27: model.widht: unknown key, did you mean width?"));
  EXPECT_THAT(result.err, HasSubstr("4 errors in the configuration"));
}

TEST_F(OwnTypes, TellValuesOutOfTheirBounds) {
  const auto result = program("train own_types.yaml dataset.count=0 model.type=two_layer");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("dataset.count: must be at least 1, found 0"));
  EXPECT_THAT(result.err, HasSubstr("found 'two_layer', did you mean two_layers?"));
}

TEST_F(OwnTypes, StandInHelpBesideThoseOfMillrace) {
  EXPECT_THAT(program("help config dataset").out,
              AllOf(HasSubstr("bars (Bars): Bars above or below the middle.\n"),
                    HasSubstr("  count: 256\n      How many."), HasSubstr("image_folder (ImageFolder)")));
  EXPECT_THAT(program("help config transforms.threshold").out, HasSubstr("  least: 128"));
  EXPECT_THAT(program("help config model.two_layers").out, HasSubstr("  width: 32"));
  EXPECT_EQ(millrace("help config dataset.bars").exit_code, 2);
}

TEST_F(OwnTypes, TellTheirDefaultsWhereAllSettingsArePrinted) {
  const auto printed = program("train own_types.yaml ~model.width --print-config=all");
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("width: 32  # default"));
}

TEST_F(OwnTypes, AreCompletedByShells) {
  EXPECT_EQ(program("complete -- train own_types.yaml dataset.type=ba").out, "dataset.type=bars \n");
  EXPECT_EQ(program("complete -- train own_types.yaml dataset.co").out, "dataset.count=\n");
  EXPECT_EQ(program("complete -- help config model.two").out, "model.two_layers \n");
  EXPECT_THAT(program("completion bash").out, HasSubstr("-F _millrace example_own_types\n"));
}

TEST_F(OwnTypes, AreTakenByEachCommand) {
  const auto validated = program("train own_types.yaml --validate");
  EXPECT_EQ(validated.exit_code, 0) << validated.err;
  EXPECT_THAT(validated.out, HasSubstr("256 samples, the first batch: "));
  EXPECT_THAT(program("train own_types.yaml --print-config").out, HasSubstr("type: bars"));
  const auto measured = program("bench own_types.yaml --batches 3");
  EXPECT_EQ(measured.exit_code, 0) << measured.err;
}

TEST_F(OwnTypes, ComeFromALibraryToo) {
  write_with_library(library());
  const auto first = millrace("train library.yaml epochs=1 loader.num_workers=2");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("epoch 1/1: "));
  const auto second = millrace("train --resume runs/library epochs=2");
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("epoch 2/2: "));
  const auto predicted = millrace("predict runs/library");
  EXPECT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_THAT(predicted.out, HasSubstr("predicted 64 samples"));
}

TEST_F(OwnTypes, OfALibraryReachWorkersOfEachStartMethod) {
  write_with_library(library());
  for (const char* start : {"loader.start_method=fork", "loader.start_method=spawn", "loader.worker_mode=thread"}) {
    const auto result = millrace("train library.yaml epochs=1 \"output=''\" " + std::string(start));
    EXPECT_EQ(result.exit_code, 0) << start << result.err;
  }
}

TEST_F(OwnTypes, OfALibraryAreCheckedByItsKeys) {
  write_with_library(library());
  const auto result = millrace("train library.yaml '~dataset.count' +dataset.cuont=3 model.type=two_layer");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("dataset.cuont: unknown key, did you mean count?"));
  EXPECT_THAT(result.err, HasSubstr("found 'two_layer', did you mean two_layers?"));
}

// `millrace` itself cannot load a library. It leaves to the other program what only that can know.
TEST_F(OwnTypes, OfALibraryKeepNoOtherErrorFromBeingTold) {
  write_with_library("missing.so", "optimizer: {type: sgd, rl: 1}\n");
  const auto result = millrace("train library.yaml loader.batch_sise=2");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("loader.batch_sise: unknown key, did you mean batch_size?"));
  EXPECT_THAT(result.err, HasSubstr("optimizer.rl: unknown key, did you mean lr?"));
  EXPECT_THAT(result.err, HasSubstr("2 errors in the configuration"));
}

TEST_F(OwnTypes, OfALibraryThatIsNoneAreRefused) {
  EXPECT_THAT(refusal_of("missing.so"), AllOf(HasSubstr("library.yaml:1:13: libraries.0: there is no file '"),
                                              HasSubstr("/missing.so'"), Not(HasSubstr("bars"))));
  EXPECT_THAT(refusal_of("own_types.yaml"), HasSubstr("libraries.0: cannot be loaded: "));
  EXPECT_THAT(refusal_of("."), HasSubstr("libraries.0: there is no file '"));
  EXPECT_THAT(refusal_of("/lib/x86_64-linux-gnu/libz.so.1"), HasSubstr("is a library without types for Millrace"));
}

TEST_F(OwnTypes, OfALibraryOfAnotherBuildAreRefused) {
  EXPECT_THAT(refusal_of(test::built("tests/libother_build.so")),
              HasSubstr("libraries.0: was built with Millrace 0.0.1, LibTorch 1.0.0, and this program with Millrace "));
}

TEST_F(OwnTypes, OfTwoLibrariesHaveTwoNames) {
  EXPECT_THAT(refusal_of(library() + ", " + library()), HasSubstr("there is a dataset 'bars' already"));
}

TEST(OwnTypesPage, HasTheProgramAsItIs) {
  const std::string page = text_of(test::source("docs/own_types.md"));
  EXPECT_THAT(page, HasSubstr("```cpp\n" + text_of(test::source("apps/examples/own_types.cpp")) + "```"));
  EXPECT_THAT(page, HasSubstr("```yaml\n" + text_of(test::source("apps/examples/own_types.yaml")) + "```"));
}

}  // namespace
}  // namespace millrace::own_types_test
