// Configurations that come with Millrace are found by their name, behind those of the user.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::shipped_configs_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kProgram = "'" + test::built("apps/millrace") + "' ";

test::Ended ask(const test::Directory& folder, const std::string& arguments) {
  return test::run_in(folder.path(), kProgram + arguments);
}

TEST(ShippedConfigs, AreListedWithTheFirstLineOfTheirComment) {
  const test::Directory folder;
  const auto list = test::lines_of(ask(folder, "configs").out);
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(test::source("configs")))
    files += entry.path().extension() == ".yaml";
  EXPECT_EQ(list.size(), files);
  EXPECT_THAT(list, ::testing::Contains(StartsWith("digits         Handwritten digits: ")));
}

TEST(ShippedConfigs, AreFoundByName) {
  const test::Directory folder;
  const auto settings = ask(folder, "train photos --print-config dataset.root=x");
  EXPECT_EQ(settings.exit_code, 0) << settings.err;
  EXPECT_THAT(settings.out, HasSubstr("share/millrace/configs/photos.yaml:"));
  EXPECT_THAT(settings.out, HasSubstr("root: x  # command line 'dataset.root=x'"));
}

TEST(ShippedConfigs, StandBehindFilesOfTheUser) {
  const test::Directory folder;
  fs::create_directory(folder.path() + "/photos");  // Of pictures, as likely as not.
  folder.write("photos.yaml", "dataset: {type: mnist, root: mine}\n");
  EXPECT_THAT(ask(folder, "train photos --print-config").out, HasSubstr("root: mine  # photos.yaml:1:30"));
  folder.write("digits", "dataset: {type: mnist, root: here}\n");
  EXPECT_THAT(ask(folder, "train digits --print-config").out, HasSubstr("root: here  # digits:1:30"));
}

TEST(ShippedConfigs, AreNoFoldersOfPictures) {
  const test::Directory folder;
  fs::create_directory(folder.path() + "/gray");
  fs::create_directory(folder.path() + "/photos");
  for (const std::string& given : {std::string("gray"), folder.path() + "/gray"}) {
    const auto ended = ask(folder, "train " + given);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.err, HasSubstr("'" + given + "' is a directory and no configuration; millrace init " + given +
                                     " looks at it and writes one"));
  }
  EXPECT_EQ(ask(folder, "train photos --print-config dataset.root=x").exit_code, 0) << "comes with Millrace";
  folder.write("runs/photos/config.yaml", "epochs: 1\n");
  EXPECT_THAT(ask(folder, "show runs/photos").err,
              HasSubstr("'runs/photos' is the directory of a run: write runs/photos/config.yaml for its configuration; "
                        "millrace train --resume runs/photos goes on with it"));
}

TEST(CommandLine, AnswersOptionsOfOtherProgramsWithTheirKeys) {
  const test::Directory folder;
  for (const auto& [option, cure] : {std::pair("--epochs 3", "write epochs=VALUE"),
                                     {"--lr=0.1", "write optimizer.lr=VALUE"},
                                     {"--batch-size 4", "write loader.batch_size=VALUE"},
                                     {"--valdate", "did you mean --validate?"}}) {
    const auto ended = ask(folder, "train digits " + std::string(option));
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.err, HasSubstr(cure)) << option;
  }
}

TEST(ShippedConfigs, AreIncludedByName) {
  const test::Directory folder;
  folder.write("photos.yaml", "include: photos\ndataset: {root: mine}\n");
  const auto settings = ask(folder, "train photos --print-config").out;
  EXPECT_THAT(settings, HasSubstr("root: mine  # photos.yaml:2:17"));
  EXPECT_THAT(settings, HasSubstr("share/millrace/configs/photos.yaml:"));
  folder.write("base.yaml", "dataset: {type: mnist, root: beside}\n");
  folder.write("run.yaml", "include: base\n");
  EXPECT_THAT(ask(folder, "train run --print-config").out, HasSubstr("root: beside  # base.yaml:1:30"));
  folder.write("wrong.yaml", "include: photo\n");
  EXPECT_THAT(ask(folder, "train wrong").err,
              StartsWith("millrace: wrong.yaml:1:10: there is no file photo, no photo.yaml, and no configuration of "
                         "that name comes with Millrace, did you mean photos?"));
}

// What a comment of a configuration offers in the place of a value.
struct Offer {
  std::string config;
  std::string setting;  // As on a command line.
};

// "  type: sgd  # Or adam, adamw." below "optimizer:" offers optimizer={type: adam} and optimizer={type: adamw}.
std::vector<Offer> offers_of(const fs::path& file) {
  static const std::regex kSection("([a-z_]+):.*"),
      kOffer(R"(( *)([a-z_]+): .*# (?:.*\b)?[Oo]r ((?:[a-z0-9_]+, )*[a-z0-9_]+)[.:].*)"), kName("[a-z0-9_]+");
  std::vector<Offer> offers;
  std::ifstream lines(file);
  std::string section;
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, kSection)) section = match[1];
    if (!std::regex_match(line, match, kOffer)) continue;
    const std::string key = match[2], names = match[3];
    const bool is_section = match[1].length() == 0;
    for (std::sregex_iterator name(names.begin(), names.end(), kName), end; name != end; ++name) {
      const std::string other = name->str();
      offers.push_back({file.stem(), is_section      ? key + "=" + other
                                     : key == "type" ? section + "={type: " + other + "}"
                                                     : section + "." + key + "=" + other});
    }
  }
  return offers;
}

TEST(ShippedConfigs, OfferWhatCanBeTaken) {
  const test::Directory folder;
  for (const std::string part : {"train", "test"})
    for (int i = 0; i < 40; ++i) {
      const std::string file = part + (i % 2 == 0 ? "/cat/" : "/dog/") + std::to_string(i);
      folder.write("photos/" + file + ".ppm", "P6 80 80 255\n" + std::string(80 * 80 * 3, 'x'));
      folder.write("build/digits/" + file + ".pgm", "P5 8 8 255\n" + std::string(8 * 8, 'x'));
    }
  size_t offered = 0;
  for (const auto& entry : fs::directory_iterator(test::source("configs")))
    for (const Offer& offer : offers_of(entry.path())) {
      ++offered;
      const std::string line = offer.config.starts_with("bench_") ? "bench " + offer.config + " --print-config '"
                                                                  : "train " + offer.config + " --validate '";
      const auto ended = ask(folder, line + offer.setting + "'");
      // Some need a key more, which is told.
      const bool needs_a_key = ended.err.find("' is missing (") != std::string::npos;
      EXPECT_TRUE(ended.exit_code == 0 || needs_a_key) << line << offer.setting << ": " << ended.err;
    }
  EXPECT_GE(offered, 19U) << "comments offer less than they did, or in other words";
}

TEST(ShippedConfigs, AnUnknownNameIsToldTheNearest) {
  const test::Directory folder;
  const auto unknown = ask(folder, "train digit");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.err,
            "millrace: digit: there is no file digit, no digit.yaml, and no configuration of that name comes with "
            "Millrace, did you mean digits?; millrace configs lists them\n");
  EXPECT_THAT(ask(folder, "train ./digits").err, StartsWith("millrace: ./digits: cannot read: "));
}

}  // namespace
}  // namespace millrace::shipped_configs_test
