#include "millrace/surveys/look_at.h"

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/surveys/array_files.h"
#include "millrace/surveys/class_folders.h"
#include "millrace/surveys/paired_folders.h"
#include "millrace/surveys/picture_lists.h"
#include "millrace/surveys/place.h"
#include "millrace/surveys/published.h"
#include "millrace/surveys/shard_files.h"

namespace millrace::surveys {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWanted =
    "a folder for each class with pictures in it, also below train and test; a list (.csv, .jsonl, .txt) of pictures; "
    "folders of pictures and masks called images and masks, or of pairs called input and target; .npy and .npz files; "
    "tar shards; MNIST's or CIFAR's files";

std::string found_in(const Place& place) {
  std::string text = in_quotes(place.path) + " has " + counted(place.folders.size(), "folder") + " and " +
                     counted(place.files.size(), "file");
  if (!place.files.empty()) text += ", the first " + in_quotes(place.files.front());
  return text;
}

Survey survey_folder(const Place& place, const Looked& looked) {
  if (auto found = survey_published(place)) return *std::move(found);
  if (const auto list = find_list(place)) return survey_list(place, *list, looked);
  if (auto found = survey_arrays(place)) return *std::move(found);
  if (auto found = survey_npz_files(place)) return *std::move(found);
  if (auto found = survey_shards(place, looked)) return *std::move(found);
  if (auto found = survey_paired_folders(place, looked)) return *std::move(found);
  const auto parts = parts_of(place);
  if (!place.folders.empty()) return survey_class_folders(parts ? *parts : Parts{place.path, std::nullopt}, looked);
  const auto pictures = place.files_ending({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"});
  if (!pictures.empty())
    throw std::runtime_error(in_quotes(place.path) + " has " + counted(pictures.size(), "picture") +
                             " and nothing that says what they show: put them into a folder for each class, or write a "
                             "list beside them, train.csv with the columns path and label");
  throw std::runtime_error(found_in(place) + ", which is none of what is known: " + kWanted);
}

// One file stands for itself and for what lies beside it: train.csv has its test.csv there.
Survey survey_file(const fs::path& path, const Looked& looked) {
  const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  const std::string name = path.filename().string();
  Place place = list_place(parent);
  const std::string ending = path.extension().string();
  if (ending == ".csv" || ending == ".tsv" || ending == ".jsonl" || ending == ".ndjson" || ending == ".json" ||
      ending == ".txt")
    return survey_list(place, name, looked);
  if (ending == ".npy") return *survey_arrays(place);
  if (ending == ".npz") return survey_npz(place, name);
  if (ending == ".tar") {
    place.files = {name};
    return *survey_shards(place, looked);
  }
  throw std::runtime_error(in_quotes(path.string()) + " is a file that is not known; give its folder, or " + kWanted);
}

}  // namespace

Survey look_at(const std::string& path, const Looked& looked) {
  std::string given = path;
  while (given.size() > 1 && given.ends_with('/')) given.pop_back();
  std::error_code error;
  const fs::file_status status = fs::status(detail::user_path(given), error);
  if (status.type() == fs::file_type::not_found)
    throw std::runtime_error("no such file or folder: " + in_quotes(given) + "; check the path (it is relative to " +
                             printable(fs::current_path().string()) + ")");
  if (status.type() == fs::file_type::none)
    throw std::runtime_error("cannot look at " + in_quotes(given) + ": " + error.message());
  if (status.type() == fs::file_type::directory) return survey_folder(list_place(given), looked);
  return survey_file(given, looked);
}

}  // namespace millrace::surveys
