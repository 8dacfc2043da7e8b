// Runs `millrace show` as a user does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::show_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Ended {
  int exit_code = -1;
  std::string text;  // stdout and stderr.
};

class ShowCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_.copy("formats/rgb.png", "photos/cat/1.png");
    folder_.copy("formats/gray.png", "photos/cat/2.png");
    folder_.copy("formats/rgb.bmp", "photos/dog/1.bmp");
    folder_.write("photos.yaml",
                  "dataset: {type: image_folder, root: photos}\ntransforms: [resize: {size: [16, 16]}]\n"
                  "loader: {batch_size: 2}\n");
  }

  Ended show(const std::string& arguments) const {
    const std::string command = "cd '" + folder_.path() + "' && timeout 60 '" + test::built("apps/millrace") +
                                "' show " + arguments + " </dev/null >out 2>&1";
    const int status = std::system(command.c_str());
    std::ostringstream text;
    text << std::ifstream(folder_.path() + "/out").rdbuf();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
  }

  bool has(const std::string& file) const { return std::filesystem::exists(folder_.path() + "/" + file); }

  const test::Directory folder_;
};

TEST_F(ShowCommand, WritesASheetAndAPageAndTellsWhatTheDatasetIs) {
  const Ended ended = show("photos.yaml");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.text, AllOf(HasSubstr("3 samples read\n"), HasSubstr("2 classes: cat 2, dog 1\n"),
                                HasSubstr("written: photos_show.png, photos_show.html\n")));
  EXPECT_TRUE(has("photos_show.png") && has("photos_show.html"));
}

TEST_F(ShowCommand, FailsWhereTrainingWould) {
  folder_.write("photos/dog/2.jpg", "no picture");
  const Ended ended = show("photos.yaml --output looked");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.text, AllOf(HasSubstr("3 samples read, 1 cannot be read\n"), HasSubstr("photos/dog/2.jpg")));
  EXPECT_TRUE(has("looked.png") && has("looked.html"));
  EXPECT_EQ(show("photos.yaml loader.on_error=skip").exit_code, 0) << "its settings say that this is no matter";
}

TEST_F(ShowCommand, TellsOnceWhatIsLeftOut) {
  folder_.copy("formats/rgb.png", "photos/beside.png");
  folder_.write("photos/dog/2.jpg", "no picture");
  const std::string text = show("photos.yaml").text;
  const size_t warning = text.find("millrace: warning: ");
  ASSERT_NE(warning, text.npos) << text;
  EXPECT_THAT(text.substr(warning), HasSubstr("beside.png"));
  EXPECT_EQ(text.find("millrace: warning: ", warning + 1), text.npos) << text;
}

TEST_F(ShowCommand, TriesItsFilesBeforeItReads) {
  const Ended nowhere = show("photos.yaml --output gone/looked");
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_EQ(nowhere.text,
            "millrace: cannot write 'gone/looked.png': No such file or directory; make the folder 'gone' first\n");
  folder_.write("looked.html/file", "");
  EXPECT_EQ(show("photos.yaml --output looked").text,
            "millrace: cannot write 'looked.html': Is a directory; name a file\n");
  EXPECT_FALSE(has("looked.png"));
}

TEST_F(ShowCommand, LeavesLostSamplesToTheStatistics) {
  folder_.write("photos/dog/2.jpg", "no picture");
  const std::string text = show("photos.yaml loader.on_error=skip").text;
  EXPECT_THAT(text, HasSubstr("3 samples read, 1 cannot be read\n"));
  const size_t warning = text.find("loader: a sample could not be read and was left out");
  ASSERT_NE(warning, text.npos) << text;
  EXPECT_EQ(text.find("a sample could not be read and was left out", warning + 20), text.npos) << text;
}

TEST_F(ShowCommand, TellsOfWorkersThatDieWhileItCounts) {
  // Far behind what is shown, the first 16.
  folder_.write("deadly.yaml", "libraries: ['" + test::built("tests/libplanted_samples.so") +
                                   "']\ndataset: {type: planted, samples: 1000, deadly: 450, died: " + folder_.path() +
                                   "/died}\nloader: {batch_size: 2, num_workers: 1}\n");
  const Ended ended = show("deadly.yaml");
  EXPECT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_THAT(ended.text, AllOf(HasSubstr("1000 samples read\n"), HasSubstr(", and another takes its place"),
                                HasSubstr("2 worker processes died and were replaced")));
}

TEST_F(ShowCommand, TellsAProgramInJson) {
  const auto told = nlohmann::json::parse(show("photos.yaml --json").text);
  EXPECT_EQ(told["shown"], 3);
  EXPECT_EQ(told["statistics"]["classes"], (nlohmann::json{{"cat", 2}, {"dog", 1}}));
  EXPECT_EQ(told["statistics"]["cannot_be_read"], nlohmann::json::array());
  EXPECT_FALSE(nlohmann::json::parse(show("photos.yaml --json --statistics none").text).contains("statistics"));
}

TEST_F(ShowCommand, ReplacesItsFilesAndNothingElse) {
  folder_.write("photos_show.png", "old");
  EXPECT_EQ(show("photos.yaml --statistics none").exit_code, 0);
  EXPECT_GT(std::filesystem::file_size(folder_.path() + "/photos_show.png"), 100u);
}

TEST_F(ShowCommand, SaysThatARunHasNoTestSplit) {
  const Ended ended = show("photos.yaml --part test");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.text, HasSubstr("test"));
}

TEST_F(ShowCommand, SaysWhereNothingCanBeShown) {
  folder_.write("bad/x/1.png", "no picture");
  const Ended ended = show("photos.yaml dataset.root=bad");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.text, AllOf(HasSubstr("nothing to show"), HasSubstr("bad/x/1.png")));
}

}  // namespace
}  // namespace millrace::show_test
