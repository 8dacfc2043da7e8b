#include "millrace/packing/sources.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/loader/datasets/brace_expansion.h"
#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/image_files.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/loader/images/datasets/shard_classes.h"
#include "millrace/packing/sample_keys.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/surveys/place.h"

namespace millrace::packing {
namespace {

namespace fs = std::filesystem;

std::string ending_of(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return ending.empty() ? ending : ending.substr(1);
}

/// A file that is packed whole. One that is not there is found out when it is read, as all that cannot be read.
SourceFile whole_file(const std::string& path, const std::string& extension) {
  SourceFile file{extension, path, {}, {}, 0, 0};
  if (const auto stamp = stamp_at(path)) file.stamp = *stamp;
  file.size = file.stamp.size;
  return file;
}

SourceFile text_file(const std::string& extension, std::string text) {
  return {extension, {}, std::move(text), {}, 0, 0};
}

/// A path as it is below `root`, or as it is.
std::string below(const std::string& root, const std::string& path) {
  const std::string folder = root.ends_with('/') ? root : root + "/";
  return path.starts_with(folder) ? path.substr(folder.size()) : path;
}

std::string picture_extension(const std::string& path) {
  std::string ending = ending_of(path);
  if (ending.empty() || ending.starts_with('_'))
    throw std::runtime_error("pack: " + in_quotes(path) +
                             " has no ending, by which readers of shards know a picture; rename it, to .jpg for one");
  return ending;
}

std::string number_text(float value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end};
}

std::string boxes_text(std::span<const transforms::TargetBox> boxes) {
  std::string text = "{\"boxes\": [";
  for (size_t i = 0; i < boxes.size(); ++i) {
    text += i == 0 ? "[" : ", [";
    for (size_t side = 0; side < boxes[i].size(); ++side) text += (side == 0 ? "" : ", ") + number_text(boxes[i][side]);
    text += "]";
  }
  return text + "]}";
}

/// What a row of a manifest says of its picture, beside the picture itself.
void add_targets(const ImageManifest& manifest, const ImageManifestOptions& options, size_t i, SourceSample& sample) {
  if (!options.label.empty()) {
    if (options.label_type == LabelType::kClass)
      sample.files.push_back(text_file("cls", std::to_string(manifest.label(i))));
    else
      sample.files.push_back(text_file("txt", number_text(manifest.number(i))));
  }
  if (!options.boxes.empty()) sample.files.push_back(text_file("json", boxes_text(manifest.boxes(i))));
  if (!options.mask.empty()) {
    const std::string mask = manifest.mask_path(i);
    sample.files.push_back(whole_file(mask, "mask." + picture_extension(mask)));
  }
}

Source list_pictures(const std::string& path) {
  const ImageFiles pictures(path);
  const std::string root = detail::user_path(path);
  Source source;
  SampleKeys keys;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::string picture = pictures.describe(i);
    source.samples.add({keys.of_path(below(root, picture)), {whole_file(picture, picture_extension(picture))}});
  }
  return source;
}

Source list_classes(const std::string& path) {
  const ImageFolder pictures(path);
  const std::string root = detail::user_path(path);
  Source source{{}, pictures.classes(), {}};
  SampleKeys keys;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::string picture = pictures.describe(i);
    source.samples.add(
        {keys.of_path(below(root, picture)),
         {whole_file(picture, picture_extension(picture)), text_file("cls", std::to_string(pictures.label(i)))}});
  }
  return source;
}

}  // namespace

Source list_folder(const std::string& path) {
  const surveys::Place place = surveys::list_place(path);
  if (const auto parts = surveys::parts_of(place))
    throw std::runtime_error("pack: " + in_quotes(path) + " has parts that are no classes: pack each by itself, " +
                             in_quotes(parts->train) + (parts->test ? " and " + in_quotes(*parts->test) : ""));
  return place.folders.empty() ? list_pictures(path) : list_classes(path);
}

Source list_manifest(const std::string& path, const ImageManifestOptions& options) {
  const ImageManifest manifest(path, options);
  const std::string root =
      detail::user_path(options.root.empty() ? fs::path(path).parent_path().string() : options.root);
  Source source{{}, manifest.classes(), {}};
  SampleKeys keys;
  for (size_t i = 0; i < manifest.size(); ++i) {
    const std::string picture = manifest.describe(i);
    SourceSample sample{keys.of_path(below(root, picture)), {whole_file(picture, picture_extension(picture))}};
    add_targets(manifest, options, i, sample);
    source.samples.add(sample);
  }
  return source;
}

Source list_shards(const std::vector<std::string>& tars) {
  const TarShards shards(tars);
  Source source{{}, classes_beside(tars), {}};
  SampleKeys keys;
  for (size_t i = 0; i < shards.size(); ++i) {
    SourceSample sample{keys.of_key(std::string(shards.key(i))), {}};
    for (const std::string_view extension : shards.extensions(i)) {
      const auto place = shards.place(i, extension);
      if (!place)
        throw std::runtime_error("pack: sample " + in_quotes(shards.describe(i)) + " has a file " +
                                 in_quotes(extension) + ", which has a ';', so that no reader could ask for it");
      sample.files.push_back(
          {std::string(extension), std::string(place->shard), {}, place->stamp, place->offset, place->size});
    }
    source.samples.add(sample);
  }
  return source;
}

std::vector<std::string> tar_files_at(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(detail::user_path(path), error)) return expand_shards(path);
  const surveys::Place place = surveys::list_place(path);
  std::vector<std::string> tars;
  for (const std::string& name : place.files_ending({".tar"})) tars.push_back(place.below(name));
  return tars;
}

Source list_source(const std::string& input, const ImageManifestOptions& columns) {
  std::error_code error;
  if (fs::is_directory(detail::user_path(input), error)) {
    const auto tars = tar_files_at(input);
    Source source = tars.empty() ? list_folder(input) : list_shards(tars);
    source.folder = detail::user_path(input);
    return source;
  }
  if (ending_of(input) != "tar" && !fs::exists(detail::user_path(input), error))
    throw std::runtime_error("pack: no such file or folder: " + in_quotes(input) +
                             "; check the path (it is relative to " + printable(fs::current_path().string()) + ")");
  return ending_of(input) == "tar" ? list_shards(tar_files_at(input)) : list_manifest(input, columns);
}

}  // namespace millrace::packing
