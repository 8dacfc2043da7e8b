#pragma once

#include <optional>
#include <utility>

#include "millrace/configs/keyed_dataset.h"
#include "millrace/configs/tables/dataset_keys.h"
#include "millrace/configs/transform_types.h"
#include "millrace/formats/hdf5_dataset.h"
#include "millrace/formats/lmdb_dataset.h"
#include "millrace/formats/npz.h"
#include "millrace/formats/tf_records.h"
#include "millrace/formats/token_windows.h"
#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/encoded_pictures.h"
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
ImageManifest make_dataset(const tables::ImageMasks& keys, transforms::Chain chain);
ImagePairs make_dataset(const tables::ImagePairs& keys, transforms::Chain chain);
ImagePairs make_dataset(const tables::ImagePairsManifest& keys, transforms::Chain chain);
PixelDataset make_dataset(const tables::Mnist& keys, transforms::Chain chain);
PixelDataset make_dataset(const tables::Cifar10& keys, transforms::Chain chain);
PixelDataset make_dataset(const tables::Cifar100& keys, transforms::Chain chain);
TarImages make_dataset(const tables::TarImages& keys, transforms::Chain chain);
NpyDataset make_dataset(const tables::Npy& keys);
NpyDataset make_dataset(const tables::Npz& keys);
TarShards make_dataset(const tables::TarShards& keys);
Hdf5Dataset make_dataset(const tables::Hdf5& keys);
LmdbDataset make_dataset(const tables::Lmdb& keys);
EncodedPictures<LmdbDataset> make_dataset(const tables::LmdbImages& keys, transforms::Chain chain);
TfRecords make_dataset(const tables::TfRecords& keys);
EncodedPictures<TfRecords> make_dataset(const tables::TfRecordImages& keys, transforms::Chain chain);
TokenWindows make_dataset(const tables::Tokens& keys);

namespace detail {

/// make_dataset() as one function.
struct MakeDataset {
  template <class T>
  auto operator()(const T& keys, transforms::Chain chain) const -> decltype(make_dataset(keys, std::move(chain))) {
    return make_dataset(keys, std::move(chain));
  }
  template <class T>
  auto operator()(const T& keys) const -> decltype(make_dataset(keys)) {
    return make_dataset(keys);
  }
};

}  // namespace detail

/// The dataset that a section describes, whose type is T's name. Throws ConfigError.
template <tables::Keyed T>
auto open_dataset(const Node& dataset, const std::optional<Node>& steps,
                  const TransformTypes& transforms = TransformTypes()) {
  return open_keyed<T>(dataset, steps, transforms, detail::MakeDataset());
}

}  // namespace millrace::configs
