#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::surveys {

/// The names of what lies in a directory, sorted. Litter (loader/datasets/litter.h) is left out.
struct Place {
  std::string path;  ///< As the user gave it, without a slash at its end.
  std::vector<std::string> folders;
  std::vector<std::string> files;

  /// The folder of that name, in any case: its name as it is written there.
  std::optional<std::string> folder(std::string_view name) const;
  std::string below(const std::string& name) const { return path + "/" + name; }

  /// The names of files with one of these endings, in any case: {".csv", ".tsv"}.
  std::vector<std::string> files_ending(const std::vector<std::string_view>& endings) const;
};

/// Lists a directory. Throws std::runtime_error for what cannot be listed.
Place list_place(const std::string& path);

/// The parts of a dataset that lies in folders called train and test, or the like, in any case; nothing where it does
/// not.
struct Parts {
  std::string train;
  std::optional<std::string> test;
};
std::optional<Parts> parts_of(const Place& place);

/// What training parts and test parts are called, in any case.
const std::vector<std::string_view>& train_names();
const std::vector<std::string_view>& test_names();

/// The name that the test part has whose training part has this one: "test.csv" of "train.csv", if it is among
/// `names`.
std::optional<std::string> test_name_of(const std::string& train, const std::vector<std::string>& names);

/// A text as a value of YAML, in quotes where it needs them.
std::string yaml_text(const std::string& text);

}  // namespace millrace::surveys
