// What the front prints with --json, errors too, is one line of JSON.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::json_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

test::Ended ask(const test::Directory& folder, const std::string& arguments) {
  return test::run_in(folder.path(), "'" + test::built("apps/millrace") + "' " + arguments);
}

// The one line that was printed.
nlohmann::json only_line(const std::string& text) {
  EXPECT_THAT(test::lines_of(text), SizeIs(1));
  return nlohmann::json::parse(text);
}

TEST(Json, SettingsHaveTheirTypesAndOrigins) {
  const test::Directory folder;
  folder.write(
      "run.yaml",
      "dataset: {type: mnist, root: \"7\"}\nloader: {drop_last: true}\nnormalize: {std: [0.5]}\nseed: ${env:PWD}\n");
  const auto printed = only_line(ask(folder, "train run --print-config --json epochs=3 ~seed").out);
  EXPECT_EQ(printed["settings"], nlohmann::json::parse(R"({"dataset": {"type": "mnist", "root": "7"},
      "loader": {"drop_last": true}, "normalize": {"std": [0.5]}, "epochs": 3})"));
  EXPECT_EQ(printed["origins"]["dataset.root"], "run.yaml:1:30");
  EXPECT_EQ(printed["origins"]["normalize.std.0"], "run.yaml:3:19");
  EXPECT_EQ(printed["origins"]["epochs"], "command line 'epochs=3'");
}

TEST(Json, SecretsOfTheEnvironmentAreNotPrinted) {
  const test::Directory folder;
  folder.write("run.yaml", "dataset: {type: mnist, root: \"${env:SECRET}\"}\n");
  const auto printed = test::run_in(
      folder.path(), "SECRET=opened '" + test::built("apps/millrace") + "' train run --print-config --json");
  EXPECT_EQ(only_line(printed.out)["settings"]["dataset"]["root"], "${env:SECRET}") << printed.err;
}

TEST(Json, ErrorsOfAConfigurationHaveTheirPlaces) {
  const test::Directory folder;
  folder.write("run.yaml", "dataset: {type: mnist, rot: x}\n");
  const auto result = ask(folder, "train run --json epochs=0");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  const auto told = only_line(result.err);
  EXPECT_EQ(told["exit_code"], 2);
  ASSERT_THAT(told["errors"], SizeIs(2)) << result.err;
  EXPECT_EQ(told["errors"][0]["file"], "run.yaml");
  EXPECT_EQ(told["errors"][0]["line"], 1);
  EXPECT_FALSE(told["errors"][1].contains("file")) << "is on the command line";
}

TEST(Json, WrongUsageIsToldInJsonToo) {
  const test::Directory folder;
  const auto result = ask(folder, "bench --json");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(only_line(result.err)["errors"][0]["text"].get<std::string>(), HasSubstr("CONFIG is required"));
}

// Two classes of a few pictures, below photos/, and a run of two epochs on them.
void write_run(const test::Directory& folder) {
  for (const char* name : {"dress", "hat"})
    for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / name))
      folder.copy(fs::relative(entry.path(), test::data("")),
                  "photos/" + std::string(name) + "/" + entry.path().filename().string());
  folder.write("run.yaml",
               "dataset: {type: image_folder, root: photos}\ntransforms: [resize: {size: [8, 8]}]\n"
               "test: {dataset: {type: image_folder, root: photos}, transforms: [resize: {size: [8, 8]}]}\n"
               "model: {type: small_cnn, widths: [4]}\nepochs: 2\ndevice: cpu\n");
}

TEST(Json, TrainTellsItsEvents) {
  const test::Directory folder;
  write_run(folder);
  const auto result = ask(folder, "train run --json");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<nlohmann::json> lines;
  for (const auto& line : test::lines_of(result.out)) lines.push_back(nlohmann::json::parse(line));
  ASSERT_THAT(lines, SizeIs(4)) << result.out;
  EXPECT_EQ(lines[0]["event"], "begin");
  EXPECT_EQ(lines[1]["event"], "epoch");
  EXPECT_EQ(lines[2]["epoch"], 2);
  EXPECT_TRUE(lines[2]["test_accuracy"].is_number());
  EXPECT_EQ(lines[3]["event"], "end");
  EXPECT_EQ(lines[3]["directory"], "runs/run");
  EXPECT_EQ(lines[3]["last"]["epoch"], 2);
  EXPECT_EQ(lines[3]["last"]["test_accuracy"], lines[2]["test_accuracy"]);
  const int best = lines[3]["best"]["epoch"];
  EXPECT_EQ(lines[3]["best"]["test_accuracy"], lines.at(static_cast<size_t>(best))["test_accuracy"]);
}

TEST(Json, ValidationTellsWhatItFound) {
  const test::Directory folder;
  write_run(folder);
  const auto lines = test::lines_of(ask(folder, "train run --validate --json").out);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(lines[1])["section"], "test.dataset");
  EXPECT_THAT(nlohmann::json::parse(lines[1])["found"].get<std::string>(), HasSubstr("image: Byte ["));
}

TEST(Json, AllSettingsAreThoseThatATrainingTakesForGranted) {
  const test::Directory folder;
  write_run(folder);
  const auto all = only_line(ask(folder, "train run --print-config=all --json").out);
  EXPECT_EQ(all["settings"]["epochs"], 2);
  EXPECT_EQ(all["settings"]["loader"]["batch_size"], 32);
  EXPECT_EQ(all["settings"]["optimizer"]["type"], "adamw");
  EXPECT_EQ(all["settings"]["test"]["dataset"]["mode"], "rgb");
  EXPECT_EQ(all["origins"]["dataset.mode"], "default");
  const auto again = test::run_in(folder.path(), "'" + test::built("apps/millrace") +
                                                     "' train run --print-config=all > all.yaml && '" +
                                                     test::built("apps/millrace") + "' train all --validate");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(ask(folder, "train run --print-config=none").exit_code, 2);
}

TEST(Json, HelpAndConfigurationsAreListed) {
  const test::Directory folder;
  const auto sections = only_line(ask(folder, "help config --json").out)["sections"];
  ASSERT_GE(sections.size(), 10u);
  EXPECT_EQ(sections[0]["name"], "dataset");
  EXPECT_EQ(sections[0]["entries"][0]["keys"][0]["name"], "root");
  EXPECT_EQ(only_line(ask(folder, "configs --json").out)["configs"][0]["name"], "bench_big");
  EXPECT_TRUE(only_line(ask(folder, "doctor --quick --json").out).contains("usable"));
}

TEST(Json, HelpOfWhatThereIsNotIsAnError) {
  const test::Directory folder;
  const auto told = ask(folder, "help config nosuch --json");
  EXPECT_EQ(told.exit_code, 2);
  EXPECT_EQ(told.out, "");
  EXPECT_EQ(only_line(told.err)["exit_code"], 2);
}

TEST(Json, InitSaysWhatItSawAndWrote) {
  const test::Directory folder;
  for (const char* name : {"cat", "dog"})
    for (int i = 0; i < 3; ++i)
      folder.write("pets/" + std::string(name) + "/" + std::to_string(i) + ".ppm",
                   "P6 16 16 255\n" + std::string(16 * 16 * 3, 'x'));
  const auto told = only_line(ask(folder, "init pets --json").out);
  EXPECT_EQ(told["output"], "pets.yaml");
  EXPECT_THAT(told["seen"].at(0).get<std::string>(), HasSubstr("6 pictures in 2 classes"));
  EXPECT_TRUE(fs::exists(folder.path() + "/pets.yaml"));
}

TEST(Json, ScriptsAndPagesAreThoseThatArePrintedWithout) {
  const test::Directory folder;
  EXPECT_EQ(only_line(ask(folder, "completion zsh --json").out)["script"], ask(folder, "completion zsh").out);
  EXPECT_EQ(only_line(ask(folder, "reference man --json").out)["page"], ask(folder, "reference man").out);
}

}  // namespace
}  // namespace millrace::json_test
