#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/dataset_keys.h"
#include "millrace/configs/transform_types.h"
#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/image_files.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/datasets/image_pairs.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/loader/images/datasets/pixel_dataset.h"
#include "millrace/loader/images/datasets/tar_images.h"
#include "millrace/loader/images/transforms/chain.h"

/// Datasets from configurations: an overload for each type of tables::NamedDatasets, and one function around them. The
/// overloads of datasets that read no pictures take no chain.
namespace millrace::configs {

ImageFolder make_dataset(const tables::ImageFolder& keys, transforms::Chain chain);
ImageFiles make_dataset(const tables::ImageFiles& keys, transforms::Chain chain);
ImageManifest make_dataset(const tables::ImageManifest& keys, transforms::Chain chain);
ImagePairs make_dataset(const tables::ImagePairs& keys, transforms::Chain chain);
ImagePairs make_dataset(const tables::ImagePairsManifest& keys, transforms::Chain chain);
PixelDataset make_dataset(const tables::Mnist& keys, transforms::Chain chain);
PixelDataset make_dataset(const tables::Cifar10& keys, transforms::Chain chain);
PixelDataset make_dataset(const tables::Cifar100& keys, transforms::Chain chain);
TarImages make_dataset(const tables::TarImages& keys, transforms::Chain chain);
NpyDataset make_dataset(const tables::Npy& keys);
TarShards make_dataset(const tables::TarShards& keys);

/// The value of a dataset's first required key. It says where the dataset's files are, so the dataset's complaints are
/// about it.
template <tables::Keyed T>
std::optional<Node> place_of_files(const Node& dataset) {
  std::optional<Node> place;
  tables::for_each_key<T>([&]<class Owner, class Value>(const tables::Key<Owner, Value>& key) {
    if (place) return;
    if constexpr (tables::Keyed<Value>)
      place = place_of_files<Value>(dataset);
    else if (key.is_required)
      place = dataset.find(key.name);
  });
  return place;
}

/// The dataset that a section describes, whose type is T's name. Throws ConfigError.
template <tables::Keyed T>
auto open_dataset(const Node& dataset, const std::optional<Node>& steps) {
  Section section(dataset);
  const Node type = section.child("type");
  if (read<std::string>(type) != T::kName) throw unknown_word(type, read<std::string>(type), {std::string(T::kName)});
  const T keys = read_keys<T>(section);
  section.finish();
  const Node place = place_of_files<T>(dataset).value_or(dataset);
  if constexpr (requires { make_dataset(keys, transforms::Chain()); }) {
    auto chain = steps ? TransformTypes().read_chain(*steps) : transforms::Chain();
    return build_at<std::exception>(place, [&] { return make_dataset(keys, std::move(chain)); });
  } else {
    if (steps) throw steps->error("are for pictures; remove them for this type of dataset");
    return build_at<std::exception>(place, [&] { return make_dataset(keys); });
  }
}

}  // namespace millrace::configs
