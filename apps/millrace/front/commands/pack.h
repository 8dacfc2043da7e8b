#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace pack`
struct Pack {
  std::string input;              ///< What is packed; with verify, the shards to read.
  std::string output;             ///< The folder of the shards.
  std::string split = "shard=1";  ///< "train=0.9,test=0.1".
  std::string order = kMixed;     ///< kMixed or kSource.
  std::string columns;            ///< "image=file,label=class".
  uint64_t seed = 0;
  uint64_t shard_bytes = 500'000'000;
  uint64_t shard_samples = 100'000;
  std::string resize;        ///< "256" or "480x640"; empty: pictures stay as they are.
  int quality = 90;          ///< Of the JPEGs that resize makes.
  int workers = 0;           ///< 0: as many as there are processors.
  bool skip_broken = false;  ///< Leave out what cannot be read.
  bool overwrite = false;    ///< Replace shards of other samples.
  bool verify = false;       ///< Compare shards with their sums in place of packing.
  bool json = false;         ///< One line of JSON in place of the summary.

  static constexpr const char* kMixed = "mixed";
  static constexpr const char* kSource = "source";

  static constexpr std::string_view kName = "pack";
  static constexpr std::string_view kAbout = "Pack pictures into tar shards, or verify shards";
  static constexpr Example kExamples[] = {
      {"millrace pack photos shards", "shards/shard-000000.tar and so on, of photos with a folder for each class"},
      {"millrace pack train.csv shards --split train=0.9,test=0.1",
       "of a list, a tenth of it into shards of their own"},
      {"millrace pack photos small --resize 256", "with pictures of 256 pixels on the shorter side, as JPEGs"},
      {"millrace pack shards larger --shard-bytes 2GB", "shards again, into others"},
      {"millrace pack shards --verify", "reads shards, and names each sample of which a bit is another"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "all shards are there; or all bytes are what was written"},
      {kWorkFailed,
       "some samples could not be read, each of which is named, and their shards are not there; or the disk is full, "
       "or "
       "bytes of a shard are not what was written"},
      {kWrongUsage, "the command line is wrong"},
      {kStopped, "stopped by Ctrl-C or SIGTERM; the same command goes on where it was"},
  };
  static constexpr std::string_view kMore =
      "Whatever ends it, the same command goes on: shards that are there are kept, and their bytes depend on nothing "
      "but\n"
      "the samples and the options. More: docs/tar_shards.md, \"Packing\"";
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
