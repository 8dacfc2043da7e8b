// Each command line of `millrace` that README.md, docs/ and the comments of configs/ print does what it is printed for:
// it is run, in a directory that has what the pages speak of, and what it prints is what tests/docs/command_lines.md
// says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/tests/docs/page_lines.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/console.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::command_lines_test {
namespace {

namespace fs = std::filesystem;

// What stands for a word of the reader's own, and what shortens a measurement.
const std::vector<std::pair<std::string, std::string>> kStandIns = {
    {"COMMAND", "train"},
    {"train digits", "train digits device=cpu"},
    {"FILE.yaml", "photos.yaml"},
    {"OUT.json", "out.json"},
    {"somewhere/train", "photos/train"},
    {"photos/new", "photos/test"},
    {"runs/photos new", "runs/photos photos/test"},
    {"list.csv", "list.txt"},
    {"init photos --json", "init photos --json --output seen.yaml"},
    {"init photos", "init photos/train"},  // There is a photos.yaml already, which it leaves alone.
    {"pack photos", "pack photos/train"},
    {"millrace bench", "millrace bench --warmup 0 --repeats 1 --window 0.05"},
    {" --window 2", ""},  // Is there by the line above.
    {"--make-data resnet50-h100 data", "--make-data cosmoflow-h100 data --files 2 --sample-bytes 1000"},
    {"--workload resnet50-h100 data", "--workload cosmoflow-h100 made"},
};

// Names of commands and of options, and no command lines.
const std::set<std::string> kNames = {
    "millrace train",          "millrace bench", "millrace show", "millrace completion", "millrace train --validate",
    "millrace --print-config", "millrace init",  "millrace pack"};

// Lines whose exit code is not 0.
const std::map<std::string, int> kExitCodes = {};

constexpr std::string_view kPeer = " --peer python";

// Where there is no Python with what --peer asks for, which not all have, a line is run without the option, and what
// that adds to its end is not expected.
void leave_out_peer(std::string& line, std::vector<std::string>& prints) {
  const size_t at = line.find(kPeer);
  if (at == line.npos) return;
  line.erase(at, kPeer.size());
  std::erase_if(prints, [](const auto& printed) { return printed.starts_with("PyTorch's DataLoader"); });
}

bool has_peer() {
  return test::detail::output_of("'" + test::python() + "' -c 'import torch, torchvision' 2>&1").first == 0;
}

std::string with_stand_ins(std::string line) {
  for (const auto& [word, stand_in] : kStandIns)
    if (const size_t at = line.find(word); at != line.npos) line.replace(at, word.size(), stand_in);
  return line;
}

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class CommandLines : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* split : {"train", "test"})
      for (const char* name : {"dress", "hat"})
        for (int copy = 0; copy < 4; ++copy)
          for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / name))
            folder_.copy(fs::relative(entry.path(), test::data("")), std::string("photos/") + split + "/" + name + "/" +
                                                                         std::to_string(copy) +
                                                                         entry.path().filename().string());
    folder_.write("photos.yaml",
                  "dataset: {type: image_folder, root: photos/train}\n"
                  "transforms: [resize: {size: [8, 8]}]\n"
                  "test: {dataset: {type: image_folder, root: photos/test}, transforms: [resize: {size: [8, 8]}]}\n"
                  "model: {type: small_cnn, widths: [4]}\nepochs: 1\ndevice: cpu\n");
    std::string list = "path,label\n";
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() + "/photos/train"))
      if (entry.is_regular_file())
        list += fs::relative(entry.path(), folder_.path()).string() + "," +
                entry.path().parent_path().filename().string() + "\n";
    folder_.write("train.csv", list);
    for (const auto& entry : fs::directory_iterator(folder_.path() + "/photos/test/hat"))
      folder_.write("list.txt", "photos/test/hat/" + entry.path().filename().string() + "\n");
    for (const char* part : {"train", "test"})
      for (const char digit : std::string_view("0123456789"))
        for (const char* name : {"a.pgm", "b.pgm"})
          folder_.write(std::string("build/digits/") + part + "/" + digit + "/" + name,
                        "P5 8 8 255\n" + std::string(64, static_cast<char>(digit * *name)));
    ASSERT_EQ(run("millrace train photos.yaml").exit_code, 0);  // Which makes runs/photos.
    ASSERT_EQ(run("millrace bench photos.yaml --batches 2 --save old.json").exit_code, 0);
    ASSERT_EQ(run("millrace bench --make-data cosmoflow-h100 made --files 2 --sample-bytes 1000").exit_code, 0);
  }

  test::Ended run(const std::string& line) const {
    return test::run_in(folder_.path(), "PATH='" + test::built("apps") + "':$PATH; " + line);
  }

 private:
  test::Directory folder_;
};

TEST_F(CommandLines, OfAllPagesDoWhatTheyArePrintedFor) {
  std::map<std::string, std::string> lines = test::lines_of_pages("millrace");
  std::erase_if(lines, [](const auto& one) {
    return kNames.contains(one.first) || one.first.find('[') != one.first.npos;  // How a command is called.
  });
  ASSERT_GE(lines.size(), 20u) << "the pages have fewer command lines than they had";
  auto expected = test::expected_output("millrace");
  const bool has_python = has_peer();
  for (const auto& [line, where] : lines) {
    const auto step = expected.find(line);
    std::string command = with_stand_ins(line);
    if (!has_python && step != expected.end()) leave_out_peer(command, step->second.lines);
    const auto result = run("{ " + command + "; } 2>&1");
    const auto other = kExitCodes.find(line);
    const std::string printed = where + ": " + command + " printed:\n" + result.out;
    EXPECT_EQ(result.exit_code, other == kExitCodes.end() ? 0 : other->second) << printed;
    test::expect_block(expected, line, result.out, printed);
  }
  test::expect_no_block(expected);
}

// What would be another text on another machine, where numbers alone may differ.
std::vector<std::string> facts_of_this_machine() {
  struct utsname system{};
  ::uname(&system);
  std::vector<std::string> facts{system.release, test::source(""), test::built("")};
  static const std::regex kModel(R"(model name\s*: (.+))");
  std::ifstream processors("/proc/cpuinfo");
  std::smatch match;
  for (std::string line; std::getline(processors, line);)
    if (std::regex_match(line, match, kModel)) facts.push_back(match[1]);
  return facts;
}

TEST(CommandLinesPage, SaysNothingThatIsSoOnlyWhereItWasWritten) {
  for (const char* page : {"tests/docs/command_lines.md", "docs/getting_started.md", "docs/why_slow.md"})
    for (const std::string& fact : facts_of_this_machine())
      EXPECT_THAT(text_of(test::source(page)), testing::Not(testing::HasSubstr(fact)))
          << page << ": leave it out by … as in the block of millrace doctor";
}

}  // namespace
}  // namespace millrace::command_lines_test
