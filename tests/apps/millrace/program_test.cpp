// Runs the millrace program as a user does and looks at its exit code and at what it prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/os/processors.h"
#include "millrace/tests/support/paths.h"

namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

// A directory for each test: configurations, pictures and what the program prints.
class Program : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / ("millrace_" + std::string(info->name()) + "." + std::to_string(getpid()));
    fs::create_directories(folder_);
  }

  void TearDown() override { fs::remove_all(folder_); }

  Result run(const std::string& arguments) const {
    const auto out = folder_ / "out", err = folder_ / "err";
    const std::string command = "cd '" + folder_.string() + "' && timeout 60 '" +
                                millrace::test::built("apps/millrace") + "' " + arguments + " </dev/null >'" +
                                out.string() + "' 2>'" + err.string() + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(out), text_of(err)};
  }

  // Expects a failure with this code and one line that starts and goes on as given.
  void expect_error(const std::string& arguments, int exit_code, const std::string& start,
                    const std::string& part = "") {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_THAT(result.err, StartsWith("millrace: " + start));
    EXPECT_THAT(result.err, HasSubstr(part));
  }

  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  static std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }

  // Two classes of four photos each, "dress" and "hat", below photos/.
  void copy_photos() const {
    for (const char* name : {"dress", "hat"}) {
      fs::create_directories(folder_ / "photos" / name);
      int count = 0;
      for (const auto& entry : fs::directory_iterator(fs::path(millrace::test::data("photos")) / name))
        if (count++ < 4) fs::copy(entry.path(), folder_ / "photos" / name / (std::to_string(count) + ".jpg"));
    }
  }

  void write_train_config(const std::string& root) const {
    write("train.yaml", "dataset: {type: image_folder, root: " + root +
                            "}\n"
                            "transforms: [random_resized_crop: {size: 16}]\n"
                            "sampler: {type: random}\n"
                            "loader: {batch_size: 4, num_workers: 2, seed: 3}\n"
                            "test:\n"
                            "  dataset: {type: image_folder, root: \"${dataset.root}\"}\n"
                            "  transforms: [resize: {size: [16, 16]}]\n"
                            "  loader: {batch_size: 4}\n"
                            "model: {widths: [4, 8]}\n"
                            "optimizer: {type: adam}\n"
                            "epochs: 2\n");
  }

  fs::path folder_;
};

// bench on a table of 256 rows, quickly.
const std::string kBenchTiny = "bench " + millrace::test::source("configs") +
                               "/bench_tiny.yaml --warmup 0.5 --window 0.05 --repeats 2 dataset.size=256";

TEST_F(Program, HelpsWhenAsked) {
  const auto result = run("--help");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("train"));
  EXPECT_THAT(result.out, HasSubstr("bench"));
  EXPECT_EQ(result.err, "");
}

TEST_F(Program, ListsItsCommandsWhenItIsGivenNone) {
  const auto result = run("");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, run("--help").out);
}

TEST_F(Program, RefusesWrongUsage) {
  expect_error("fly", 2, "expected a command, init, train, ", "found 'fly'; see millrace --help");
  expect_error("trian", 2, "expected a command, ", "found 'trian', did you mean train?; see millrace --help");
  expect_error("train", 2, "CONFIG is required, or --resume; see millrace train --help");
  expect_error("bench", 2, "CONFIG is required; see millrace bench --help");
  expect_error(kBenchTiny + " --windw 3", 2, "", "--windw, did you mean --window?; see millrace bench --help");
  expect_error(kBenchTiny + " --repeats 0", 2, "", "--repeats");
}

TEST_F(Program, CallsAnArgumentWhatItsHelpCallsIt) {
  for (const auto& [command, word] : std::vector<std::pair<std::string, std::string>>{{"show", "CONFIG"},
                                                                                      {"init", "PATH"},
                                                                                      {"predict", "RUN"},
                                                                                      {"export", "RUN"},
                                                                                      {"export run", "FILE"},
                                                                                      {"pack", "INPUT"},
                                                                                      {"help", "TOPIC"},
                                                                                      {"completion", "SHELL"}}) {
    expect_error(command, 2, word + " is required; see millrace ");
    EXPECT_THAT(run(command.substr(0, command.find(' ')) + " --help").out, HasSubstr(word)) << command;
  }
  expect_error("export run weights.onnx", 2, "FILE: expected a file that ends in ");
}

// More than a few a processor, however many this machine has.
TEST_F(Program, WarnsOnceOfMoreWorkersThanMakeSense) {
  const int processors = millrace::processors().usable();
  if (processors > 8) GTEST_SKIP() << "would start more than 32 processes";
  const std::string warning = " workers are to share ",
                    many = " loader.num_workers=" + std::to_string(std::max(9, 4 * processors + 1));
  copy_photos();
  write_train_config("photos");
  for (const std::string& command :
       {"train train.yaml --validate" + many, kBenchTiny + " --batches 1" + many, "train train.yaml epochs=1" + many}) {
    const auto result = run(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const size_t at = result.err.find(warning);
    EXPECT_NE(at, std::string::npos) << command << ": " << result.err;
    EXPECT_EQ(result.err.find(warning, at + 1), std::string::npos) << result.err;
  }
  EXPECT_THAT(run("train train.yaml --validate").err, Not(HasSubstr(warning)));
}

TEST_F(Program, WritesNoControlCharactersThatItWasGiven) {
  expect_error("\"$(printf 'f\\033[2Jly')\"", 2, "expected a command, ", "found 'f\\x1b[2Jly'");
  expect_error("bench tiny.yaml \"$(printf -- '--f\\033[2Jly')\"", 2, "", "f\\x1b[2Jly");
  write_train_config("\"pho\\e[2Jtos\"");
  expect_error("train train.yaml", 2,
               "train.yaml:1:37: dataset.root: image_folder: no such directory: 'pho\\x1b[2Jtos'");
}

TEST_F(Program, RefusesAWrongConfiguration) {
  expect_error("train missing.yaml", 2, "missing.yaml: cannot read: No such file or directory");
  write("bad.yaml", "loader: {batch_size: 4\n");
  expect_error("train bad.yaml", 2, "bad.yaml:2:1: not valid YAML: ");
  write("unknown.yaml", "dataset: {type: image_folder, root: x}\nlaoder: {}\n");
  expect_error("bench unknown.yaml", 2, "unknown.yaml:2:1: laoder: unknown key, did you mean loader?");
  expect_error(kBenchTiny + " loader.batchsize=3", 2,
               "command line 'loader.batchsize=3': loader.batchsize: unknown key, did you mean batch_size?");
  expect_error(kBenchTiny + " loader.batch_size=many", 2, "", "loader.batch_size: expected an integer, found 'many'");
  expect_error(kBenchTiny + " dataset.size=0", 2, "", "dataset.size: must be at least 1, found 0");
  expect_error(kBenchTiny + " loader.batch_size=512", 2, "", "an epoch has no batch");
}

TEST_F(Program, TellsAllErrorsOfAConfigurationWithTheirNumber) {
  write_train_config("photos");
  const auto result = run("train train.yaml loader.batchsize=3 optimizer.learning_rate=1 epochs=0");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      "millrace: command line 'loader.batchsize=3': loader.batchsize: unknown key, did you mean batch_size?\n"
      "millrace: command line 'optimizer.learning_rate=1': optimizer.learning_rate: unknown key, did you mean lr?\n"
      "millrace: command line 'epochs=0': epochs: must be at least 1, found 0\n"
      "millrace: 3 errors in the configuration\n");
}

TEST_F(Program, ValidatesByReadingAFirstBatch) {
  copy_photos();
  write_train_config("photos");
  const auto result = run("train train.yaml --validate");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "dataset: 8 samples in 2 classes, the first batch: image: Byte [4, 3, 16, 16], label: Long [4]\n"
            "test.dataset: 8 samples in 2 classes, the first batch: image: Byte [4, 3, 16, 16], label: Long [4]\n");
  const auto rows = run(kBenchTiny + " --validate");
  EXPECT_EQ(rows.out, "dataset: 256 samples, the first batch: data: Float [64, 16], label: Long [64]\n") << rows.err;
}

TEST_F(Program, ValidationSaysWhatFailsAtTheFirstSample) {
  copy_photos();
  write_train_config("photos");
  write("photos/dress/0.png", text_of(millrace::test::data("formats/rgb.png")));
  const auto result = run("train train.yaml --validate 'transforms=[resize: {size: 16}]' test.dataset.root=gone");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("train.yaml:1:10: dataset: its first batch cannot be made: "));
  EXPECT_THAT(result.err, ContainsRegex("such as resize: \\{size: \\[[0-9]+, [0-9]+\\]\\} or random_resized_crop"));
  EXPECT_THAT(
      result.err,
      HasSubstr("test.dataset.root: image_folder: no such directory: 'gone'; check the path (it is relative to "));
  EXPECT_THAT(result.err, EndsWith("millrace: 2 errors in the configuration\n"));
}

TEST_F(Program, ValidationSaysWhichPictureOfTheFirstBatchIsBroken) {
  copy_photos();
  write_train_config("photos");
  write("photos/dress/0.png", "no picture");
  expect_error("train train.yaml --validate loader.batch_size=9 ~test", 2,
               "train.yaml:1:10: dataset: its first batch cannot be made: ", "photos/dress/0.png");
}

// One picture in the middle of many differs, in a folder that sorts behind another.
TEST_F(Program, PicturesOfSeveralSizesAreToldBeforeTheFirstStep) {
  for (int i = 0; i < 60; ++i) {
    const std::string side = i == 41 ? "24" : "16";
    write("many/" + std::string(i < 30 ? "a" : "b") + "/" + std::to_string(100 + i) + ".ppm",
          "P6 16 " + side + " 255\n" + std::string(16 * std::stoul(side) * 3, 'x'));
  }
  write("many.yaml", "dataset: {type: image_folder, root: many}\ntransforms: [resize: {size: 8}]\nepochs: 1\n");
  for (const char* how : {"--validate", "device=cpu"}) {
    expect_error("train many.yaml " + std::string(how), 2,
                 "many.yaml:2:13: transforms: pictures come out with several sizes, and those of a batch need one: "
                 "'many/a/100.ppm' (16x16) as 8x8, 'many/b/141.ppm' (24x16) as 12x8 (height x width); set both sides, "
                 "as resize: {size: [8, 8]}");
    EXPECT_FALSE(fs::exists(folder_ / "runs"));
  }
  EXPECT_EQ(run("train many.yaml --validate 'transforms=[resize: {size: [8, 8]}]'").exit_code, 0);
}

TEST_F(Program, PairsOfSeveralSizesAreToldBeforeTheFirstStep) {
  for (int i = 0; i < 30; ++i)
    for (const char* folder : {"photos", "drawings"}) {
      const std::string side = i == 21 ? "24" : "16";
      write("maps/" + std::string(folder) + "/" + std::to_string(100 + i) + ".ppm",
            "P6 16 " + side + " 255\n" + std::string(16 * std::stoul(side) * 3, 'x'));
    }
  write("maps.yaml",
        "dataset: {type: image_pairs, data: maps/photos, target: maps/drawings}\ntransforms: [resize: {size: 8}]\n");
  for (const char* how : {"--validate", "device=cpu epochs=1"})
    expect_error("train maps.yaml " + std::string(how), 2,
                 "maps.yaml:2:13: transforms: pictures come out with several sizes, and those of a batch need one: "
                 "'maps/photos/100.ppm' (16x16) as 8x8, 'maps/photos/121.ppm' (24x16) as 12x8 (height x width)");
}

TEST_F(Program, ADatasetWithoutSamplesIsToldAsThat) {
  copy_photos();
  const std::string none = "dataset: {type: subset, indices: [], dataset: {type: image_folder, root: photos}}";
  write("none.yaml", none + "\nepochs: 1\ntransforms: [resize: {size: [8, 8]}]\n");
  write("tested.yaml",
        "dataset: {type: image_folder, root: photos}\nepochs: 1\ntransforms: [resize: {size: [8, 8]}]\n"
        "test: {transforms: [resize: {size: [8, 8]}], " +
            none + "}\n");
  for (const char* how : {"--validate", "device=cpu"}) {
    expect_error("train none.yaml " + std::string(how), 2, "none.yaml:1:10: dataset: it has no samples; name files");
    expect_error("train tested.yaml " + std::string(how), 2, "tested.yaml:4:55: test.dataset: it has no samples;");
  }
}

TEST_F(Program, BoxesThatAreNotLearnedAreTold) {
  write("boxes.csv", "path,label,boxes\na.ppm,k,\"[[0, 0, 2, 2]]\"\na.ppm,l,\"[[0, 0, 2, 2]]\"\n");
  write("a.ppm", "P6 8 8 255\n" + std::string(8 * 8 * 3, 'x'));
  write("boxes.yaml", "dataset: {type: image_manifest, path: boxes.csv, boxes: boxes}\ntransforms: []\nepochs: 1\n");
  const auto validated = run("train boxes.yaml --validate");
  EXPECT_EQ(validated.exit_code, 0) << validated.err;
  EXPECT_THAT(validated.err, HasSubstr("the boxes of the samples are left out, 'label' is learned: "));
}

TEST_F(Program, NamesAFolderThatIsNoDataset) {
  write_train_config("photos");
  expect_error("train train.yaml", 2, "train.yaml:1:37: dataset.root: image_folder: no such directory: 'photos'");
  copy_photos();
  fs::create_directory(folder_ / "photos" / "shoes");
  expect_error("train train.yaml", 2, "train.yaml:1:37: dataset.root: image_folder: ", "shoes");
}

TEST_F(Program, NamesADirectoryThatItMayNotList) {
  if (geteuid() == 0) GTEST_SKIP() << "root may list every directory";
  copy_photos();
  write_train_config("photos");
  fs::permissions(folder_ / "photos" / "hat", fs::perms::none);
  expect_error("train train.yaml", 2, "train.yaml:1:37: dataset.root: image_folder: ", "hat");
  fs::permissions(folder_ / "photos" / "hat", fs::perms::owner_all);
}

TEST_F(Program, FailsWithOneLineForABadPicture) {
  copy_photos();
  write_train_config("photos");
  const auto whole = text_of(folder_ / "photos/hat/2.jpg");
  for (const auto& bytes : {std::string(), whole.substr(0, whole.size() / 2), std::string("a text, no picture\n")}) {
    write("photos/hat/2.jpg", bytes);
    expect_error("train train.yaml", 1, "", "photos/hat/2.jpg");
  }
}

TEST_F(Program, FailsWhenAnEpochOfTrainingHasNoSample) {
  for (int i = 0; i < 4; ++i) write("photos/hat/" + std::to_string(i) + ".jpg", "<html>gone</html>");
  write("photos/dress/0.jpg", "<html>gone</html>");
  write_train_config("photos");
  const auto result = run("train train.yaml loader.on_error=skip");
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(
      result.err,
      ContainsRegex("epoch 1 had no sample: none of 5 could be read, the last error: .*photos/(hat|dress)/[0-3].jpg"));
}

TEST_F(Program, SaysOfHowManySamplesLossAndAccuracyAre) {
  copy_photos();
  write_train_config("photos");
  write("photos/hat/2.jpg", "<html>gone</html>");
  const auto result = run("train train.yaml loader.on_error=skip test.loader.on_error=skip");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      ContainsRegex("epoch 1/2: loss [0-9.]+ over 7 of 8 samples, test accuracy [0-9.]+ % of 7 of 8 samples\n"));
  EXPECT_THAT(result.err, ContainsRegex("loader: a sample could not be read and was left out: .*photos/hat/2.jpg"));
  const auto replaced = run("train train.yaml loader.on_error=replace test.loader.on_error=skip epochs=1");
  EXPECT_THAT(replaced.out, ContainsRegex("epoch 1/1: loss [0-9.]+ over 8 samples, 1 replaced, "));
}

TEST_F(Program, FailsWhenTheTestSplitHasNoSample) {
  copy_photos();
  write_train_config("photos");
  for (const char* name : {"hat", "dress"}) write("gone/" + std::string(name) + "/0.jpg", "<html>gone</html>");
  const auto result = run("train train.yaml test.dataset.root=gone test.loader.on_error=skip");
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(result.err, HasSubstr("the test split had no sample: none of 2 could be read, the last error: "));
}

TEST_F(Program, TrainsTheSameModelForTheSameSeedAndAnyNumberOfWorkers) {
  copy_photos();
  write_train_config("photos");
  const auto lines_of_epochs = [&](const std::string& overrides) {
    const auto result = run("train train.yaml " + overrides);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, ContainsRegex("trained 2 epochs in .* samples/s, waited for data .* test accuracy "));
    return result.out.substr(0, result.out.find("trained"));
  };
  const auto first = lines_of_epochs("");
  EXPECT_THAT(first, HasSubstr("epoch 2/2: loss "));
  EXPECT_EQ(lines_of_epochs(""), first);
  EXPECT_EQ(lines_of_epochs("loader.num_workers=0"), first);
  EXPECT_NE(lines_of_epochs("loader.seed=4"), first);
}

TEST_F(Program, TrainsInMixedPrecision) {
  copy_photos();
  write_train_config("photos");
  const auto output = [&](const std::string& overrides) {
    const auto result = run("train train.yaml device=cpu " + overrides);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("epoch 2/2: loss "));
    EXPECT_THAT(result.out, Not(HasSubstr("nan")));
    return result.out.substr(0, result.out.find("trained"));
  };
  const auto whole = output("amp=none");
  EXPECT_NE(output("amp=bfloat16"), whole);
  EXPECT_NE(output("amp=half"), whole);
}

TEST_F(Program, RefusesADeviceThatThereIsNot) {
  copy_photos();
  write_train_config("photos");
  ASSERT_EQ(setenv("MILLRACE_CUDA_DRIVER", "none", 1), 0);
  expect_error("train train.yaml device=gpu", 2,
               "command line 'device=gpu': device: expected auto, cpu, cuda or cuda:0");
  expect_error("train train.yaml device=cuda:x", 2, "command line 'device=cuda:x': device: expected auto, cpu");
  expect_error("train train.yaml device=cuda", 2, "command line 'device=cuda': device: CUDA is switched off");
  unsetenv("MILLRACE_CUDA_DRIVER");
  expect_error("train train.yaml loader.device=cpu", 2,
               "command line 'loader.device=cpu': loader.device: training has");
  expect_error("train train.yaml amp=int8", 2, "command line 'amp=int8': amp: ");
}

TEST_F(Program, TracesItsStepsAndWaits) {
  copy_photos();
  write_train_config("photos");
  const auto result = run("train train.yaml device=cpu --trace trace.json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto trace = nlohmann::json::parse(text_of(folder_ / "trace.json"));
  std::map<int, std::string> rows;
  std::map<std::string, std::map<std::string, int>> spans;
  std::map<std::string, double> last_end;
  std::set<int64_t> decoded;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "M") rows[event["tid"]] = event["args"]["name"];
    if (event["ph"] != "X") continue;
    const std::string& row = rows.at(event["tid"]);
    ++spans[row][event["name"]];
    EXPECT_GE(event["ts"].get<double>() + 1e-3, last_end[row]) << row << " does one thing after another";
    last_end[row] = event["ts"].get<double>() + event["dur"].get<double>();
    if (event["name"] == "decode") decoded.insert(event["args"]["sample"].get<int64_t>());
  }
  // Two epochs of two batches, each with a wait for its end.
  EXPECT_THAT(spans["trainer"], UnorderedElementsAre(Pair("step", 4), Pair("wait for data", 6)));
  EXPECT_THAT(decoded, Not(IsEmpty()));
  int reads = 0;
  for (const auto& [row, of_row] : spans)
    if (row.starts_with("worker ") && of_row.contains("read")) reads += of_row.at("read");
  EXPECT_GT(reads, 0);
  EXPECT_EQ(trace["otherData"]["spans_of_workers_lost"], 0);
}

TEST_F(Program, RefusesATestSplitThatDoesNotFitTraining) {
  copy_photos();
  write_train_config("photos");
  expect_error("train train.yaml test.transforms.0.resize.size=[8,16]", 2,
               "train.yaml:6:12: test.dataset: its samples are image: ", "give both splits transforms of one size");
  fs::create_directory(folder_ / "other");
  fs::copy(folder_ / "photos" / "hat", folder_ / "other" / "hat", fs::copy_options::recursive);
  expect_error("train train.yaml test.dataset.root=other", 2,
               "train.yaml:6:12: test.dataset: its folders are not the classes that training has: 1 here, 2 there");
  expect_error("train train.yaml dataset.classes=[dress] test.dataset.classes=[hat]", 2,
               "train.yaml:6:12: test.dataset: its folders are not the classes that training has: 'hat' here where "
               "'dress' is there; give both splits the same folders");
  expect_error("train train.yaml 'model.widths=[2, 2, 2, 2, 2]'", 2, "",
               "widths: halving pictures of 16 pixels 5 times leaves nothing");
}

TEST_F(Program, TrainsWithPicturesThatTransformsHaveNormalised) {
  copy_photos();
  write_train_config("photos");
  const auto result =
      run("train train.yaml 'transforms=[random_resized_crop: {size: 16}, normalize]' 'test.transforms=${transforms}'");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("image: Float [3, 16, 16]"));
}

TEST_F(Program, PrintsTheConfigurationWithItsOrigins) {
  const auto result = run(kBenchTiny + " loader.num_workers=3 --print-config");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("num_workers: 3  # command line 'loader.num_workers=3'"));
  EXPECT_THAT(result.out, ContainsRegex("width: 16  # .*bench_tiny.yaml:[0-9]+:[0-9]+"));
}

}  // namespace
