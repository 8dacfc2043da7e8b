// Each command ends with each exit code that it says it has, when it says so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <utility>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::exit_codes_test {
namespace {

namespace fs = std::filesystem;

using Code = std::pair<std::string, int>;  // Of a command.

// A line for each. Where it is to be stopped, that is done as soon as the first epoch is told.
const std::map<Code, std::string> kLines = {
    {{"init", 0}, "millrace init pets"},
    {{"init", 1}, "millrace init empty"},
    {{"init", 2}, "millrace init"},
    {{"train", 0}, "millrace train run"},
    {{"train", 1}, "millrace train run dataset.root=broken"},
    {{"train", 2}, "millrace train run epochs=-1"},
    {{"train", 3},
     "mkfifo told; millrace train run epochs=100000 >told & "
     "{ grep -m 1 -q 'epoch 1/'; kill -TERM $!; cat; } <told; wait $!"},
    {{"predict", 0}, "millrace predict trained/run pets"},
    {{"predict", 1}, "millrace predict trained/run broken"},
    {{"predict", 2}, "millrace predict trained/run pets loader.batch_size=0"},
    // The file with the rows is there under a passing name until it is asked to stop, and then it is not.
    {{"predict", 3},
     "yes pets/cat/1.ppm | head -n 200000 >many.txt; millrace predict trained/run many.txt loader.batch_size=1 & "
     "while ! ls predictions.csv.*.tmp; do kill -0 $! || break; done; kill -TERM $!; wait $!; code=$?; "
     "! ls predictions.csv.*.tmp && exit $code"},
    {{"export", 0}, "millrace export trained/run pets.safetensors"},
    {{"export", 1}, "millrace export trained/run trained/run/last.pt"},
    {{"export", 2}, "millrace export trained/run pets.onnx"},
    {{"bench", 0}, "millrace bench run --warmup 0 --repeats 1 --window 0.05"},
    {{"bench", 1}, "millrace bench run dataset.root=broken --warmup 0 --repeats 1 --window 0.05"},
    {{"bench", 2}, "millrace bench"},
    {{"pack", 0}, "millrace pack pets shards"},
    {{"pack", 1}, "mkdir -p gone/cat; ln -s nowhere gone/cat/1.ppm; millrace pack gone packed"},
    {{"pack", 2}, "millrace pack pets"},
    // It waits for the folder, which is locked until it has been asked to stop.
    {{"pack", 3},
     "mkdir some; exec 9<some; flock 9; millrace pack pets some --workers 1 --shard-samples 1 9<&- & "
     "while ! grep -q 'SigCgt:.*[4-7c-f]...$' /proc/$!/status; do :; done; kill -TERM $!; exec 9<&-; wait $!"},
    {{"bench", 4},
     "millrace bench run --warmup 0 --repeats 6 --window 0.05 --save old.json && "
     "tr -d '\\n' <old.json | sed 's/\\(\"samples_per_s_of_windows\": *\\)\\[[^]]*\\]/\\1[9e9,9e9,9e9,9e9,9e9,9e9]/' "
     ">fast.json && "
     "millrace bench run --warmup 0 --repeats 6 --window 0.05 --compare fast.json"},
    {{"show", 0}, "millrace show run"},
    {{"show", 1}, "millrace show run dataset.root=broken --output broken.png"},
    {{"show", 2}, "millrace show run dataset.root="},
    {{"doctor", 0}, "millrace doctor"},
    {{"doctor", 1}, "ulimit -v 300000; millrace doctor"},
    {{"doctor", 2}, "millrace doctor --slow"},
    {{"help", 0}, "millrace help config loader"},
    {{"help", 2}, "millrace help config weather"},
    {{"configs", 0}, "millrace configs"},
    {{"configs", 2}, "millrace configs --all"},
    {{"completion", 0}, "millrace completion bash"},
    {{"completion", 2}, "millrace completion fish"},
};

// What docs/commands.md says, which a test compares with what the commands say.
std::map<Code, std::string> said() {
  static const std::regex kCommand("## millrace (.*)"), kCode(R"(\| ([0-9]+) \| (.*) \|)");
  std::ifstream page(test::source("docs/commands.md"));
  std::map<Code, std::string> codes;
  std::string line, command;
  for (std::smatch match; std::getline(page, line);) {
    if (std::regex_match(line, match, kCommand)) command = match[1];
    if (std::regex_match(line, match, kCode)) codes[{command, std::stoi(match[1])}] = match[2];
  }
  return codes;
}

class ExitCodes : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* root : {"pets", "broken"})
      for (const char* name : {"cat", "dog"})
        for (const char* picture : {"1.ppm", "2.ppm", "3.ppm", "4.ppm"})
          folder_.write(std::string(root) + "/" + name + "/" + picture,
                        "P6 16 16 255\n" + std::string(16 * 16 * 3, *name));
    folder_.write("broken/cat/2.ppm", "no picture");
    fs::create_directory(folder_.path() + "/empty");
    folder_.write("run.yaml",
                  "dataset: {type: image_folder, root: pets}\ntransforms: [resize: {size: [8, 8]}]\n"
                  "loader: {batch_size: 2}\nmodel: {type: small_cnn, widths: [4]}\nepochs: 1\ndevice: cpu\n");
    ASSERT_EQ(run("millrace train run output=trained").exit_code, 0);
  }

  test::Ended run(const std::string& line) const {
    return test::run_in(folder_.path(), "PATH='" + test::built("apps") + "':$PATH; " + line);
  }

 private:
  test::Directory folder_;
};

TEST_F(ExitCodes, OfEachCommandAreThoseOfItsPage) {
  const auto codes = said();
  ASSERT_GE(codes.size(), 20u) << "the page has fewer than it had";
  for (const auto& [code, when] : codes) {
    const auto line = kLines.find(code);
    if (line == kLines.end()) {
      ADD_FAILURE() << "no line here ends with exit code " << code.second << " of " << code.first << ": " << when;
      continue;
    }
    const auto result = run(line->second);
    EXPECT_EQ(result.exit_code, code.second) << line->second << ", but: " << when << "\n" << result.out << result.err;
  }
}

TEST_F(ExitCodes, OfACommandThatIsAskedForJsonComeWithNothingButJson) {
  for (const auto& [code, line] : kLines) {
    if (code.second != 0) continue;
    const auto result = run(line + " --json");
    EXPECT_EQ(result.exit_code, 0) << line << "\n" << result.err;
    const auto lines = test::lines_of(result.out);
    EXPECT_THAT(lines, testing::Not(testing::IsEmpty())) << line;
    for (const auto& told : lines) EXPECT_TRUE(nlohmann::json::accept(told)) << line << " --json says: " << told;
  }
}

TEST_F(ExitCodes, OfBenchWhoseResultWouldReplaceADeviceIsThatOfFailedWork) {
  const auto result = run("millrace bench run --warmup 0 --repeats 1 --window 0.05 --save /dev/full");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, testing::HasSubstr("'/dev/full', which is a device"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(ExitCodes, AreThoseOfFailedWorkWhereStdoutTakesNothing) {
  for (const char* line :
       {"--version", "--help", "help config", "configs", "completion bash", "reference man", "doctor --quick",
        "train run --print-config", "train run", "predict trained/run pets --output -", "init pets", "pack pets shards",
        "show run", "bench run --warmup 0 --repeats 1 --window 0.05"}) {
    const auto result = run("millrace " + std::string(line) + " >/dev/full");
    EXPECT_EQ(result.exit_code, 1) << line << "\n" << result.err;
    EXPECT_THAT(result.err, testing::HasSubstr("millrace: what was printed could not be written")) << line;
  }
}

}  // namespace
}  // namespace millrace::exit_codes_test
