#pragma once

#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace init`
struct Init {
  std::string path;    ///< The folder or file to look at.
  std::string output;  ///< The file to write; empty: the last name of the path with .yaml, here.
  bool json = false;   ///< One line of JSON in place of what was seen, in words.

  static constexpr std::string_view kName = "init";
  static constexpr std::string_view kAbout = "Write a configuration for a folder of pictures, after looking at it";
  static constexpr Example kExamples[] = {
      {"millrace init photos", "says what is in photos and writes photos.yaml, each line with a comment"},
      {"millrace init photos --output cats.yaml", "the same into another file"},
      {"millrace init photos --json", "what was seen, and the file's name, as one line of JSON"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the file is written"},
      {kWorkFailed, "nothing to train on was found, or the file is there already; nothing is written"},
      {kWrongUsage, "the command line is wrong"},
  };
  static constexpr std::string_view kMore =
      "It knows folders of classes (also below train and test), lists (.csv, .jsonl, .txt), folders of pictures and\n"
      "masks or of pairs, .npy and .npz files of pictures or vectors, tar shards, MNIST and CIFAR. A file\n"
      "that is there is never overwritten";
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
