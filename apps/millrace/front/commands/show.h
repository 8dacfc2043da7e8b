#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/apps/millrace/front/commands/run_file.h"

namespace millrace::apps::commands {

/// `millrace show`
struct Show {
  RunFile file;
  std::string output;              ///< What the files are called, without an ending; empty: the configuration's name.
  std::string part = kTrain;       ///< kTrain or kTest: which data are shown.
  int64_t samples = 16;            ///< So many of them are drawn.
  int64_t draws = 1;               ///< How often each goes through the transforms.
  std::string statistics = kSome;  ///< kNone, kSome or kAll: how many samples are read to be counted.

  static constexpr const char *kTrain = "train", *kTest = "test";
  static constexpr const char *kNone = "none", *kSome = "some", *kAll = "all";

  static constexpr std::string_view kName = "show";
  static constexpr std::string_view kAbout = "Draw what the trainer gets, and say what a dataset is made of";
  static constexpr Example kExamples[] = {
      {"millrace show photos.yaml", "photos_show.png and photos_show.html: samples, classes, sizes, broken files"},
      {"millrace show photos.yaml --draws 4", "each of them as four epochs would change it"},
      {"millrace show photos.yaml --part test --statistics all", "the test split, every file of which is read"},
      {"millrace show photos.yaml --json", "the statistics as one line of JSON"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the files are written, or the settings are printed or found right"},
      {kWorkFailed,
       "some samples cannot be read, whose names are told: with loader.on_error=skip that is no failure; or nothing "
       "could be shown"},
      {kWrongUsage, "the command line or the configuration is wrong; nothing was written"},
  };
  static constexpr std::string_view kMore = "More: docs/show.md";
  void declare(CLI::App& command);

  /// What the files are called, without an ending: "photos_show" of "configs/photos.yaml".
  std::string name() const;
};

}  // namespace millrace::apps::commands
