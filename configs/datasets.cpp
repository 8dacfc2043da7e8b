#include "millrace/configs/datasets.h"

#include "millrace/loader/images/datasets/cifar.h"
#include "millrace/loader/images/datasets/mnist.h"

namespace millrace::configs {
namespace {

template <class Dataset>
Dataset with_pictures(const Dataset& dataset, const tables::Pictures& keys, transforms::Chain chain) {
  return dataset.mode(meaning_of<ImageMode>(keys.mode, {{"rgb", ImageMode::kRGB}, {"gray", ImageMode::kGray}}))
      .pixel_type(meaning_of<PixelType>(
          keys.pixel_type,
          {{"uint8", PixelType::kUInt8}, {"uint16", PixelType::kUInt16}, {"float32", PixelType::kFloat32}}))
      .orientation(
          meaning_of<Orientation>(keys.orientation, {{"ignore", Orientation::kIgnore}, {"exif", Orientation::kExif}}))
      .max_pixels(keys.max_pixels)
      .damaged_jpegs(meaning_of<DamagedJpegs>(keys.damaged_jpegs,
                                              {{"refuse", DamagedJpegs::kRefuse}, {"read", DamagedJpegs::kRead}}))
      .transform(std::move(chain));
}

ImagePairs with_pairs(const ImagePairs& pairs, const tables::Pairs& keys, transforms::Chain chain) {
  const auto changes = meaning_of<ColorChanges>(
      keys.color_changes,
      {{"both", ColorChanges::kBoth}, {"data", ColorChanges::kData}, {"target", ColorChanges::kTarget}});
  return with_pictures(pairs.color_changes(changes), keys.pictures, std::move(chain));
}

template <class Dataset>
PixelDataset published(const tables::Published& keys, transforms::Chain chain) {
  using Mode = PixelDataset::Mode;
  const auto part = meaning_of<Mode>(keys.split, {{"train", Mode::kTrain}, {"test", Mode::kTest}});
  return Dataset(keys.root, part).transform(std::move(chain));
}

Float64 meaning_of_float64(const std::string& word) {
  return meaning_of<Float64>(word, {{"keep", Float64::kKept}, {"float32", Float64::kAsFloat32}});
}

}  // namespace

ImageFolder make_dataset(const tables::ImageFolder& keys, transforms::Chain chain) {
  return with_pictures(ImageFolder(keys.root, keys.classes), keys.pictures, std::move(chain));
}

ImageFiles make_dataset(const tables::ImageFiles& keys, transforms::Chain chain) {
  return with_pictures(ImageFiles(keys.path), keys.pictures, std::move(chain));
}

ImageManifest make_dataset(const tables::ImageManifest& keys, transforms::Chain chain) {
  ImageManifestOptions options;
  options.root = keys.root;
  options.image = keys.image;
  options.label = keys.label;
  options.label_type =
      meaning_of<LabelType>(keys.label_type, {{"class", LabelType::kClass}, {"number", LabelType::kNumber}});
  options.boxes = keys.boxes;
  options.mask = keys.mask;
  options.mask_values = keys.mask_values;
  options.max_boxes = keys.max_boxes;
  return with_pictures(ImageManifest(keys.path, std::move(options)), keys.pictures, std::move(chain));
}

ImageManifest make_dataset(const tables::ImageMasks& keys, transforms::Chain chain) {
  return with_pictures(ImageManifest::with_masks(keys.images, keys.masks, keys.mask_values), keys.pictures,
                       std::move(chain));
}

ImagePairs make_dataset(const tables::ImagePairs& keys, transforms::Chain chain) {
  return with_pairs(ImagePairs::in_folders(keys.data, keys.target), keys.pairs, std::move(chain));
}

ImagePairs make_dataset(const tables::ImagePairsManifest& keys, transforms::Chain chain) {
  ImagePairsOptions options;
  options.root = keys.root;
  options.data = keys.data;
  options.target = keys.target;
  return with_pairs(ImagePairs::in_manifest(keys.path, std::move(options)), keys.pairs, std::move(chain));
}

PixelDataset make_dataset(const tables::Mnist& keys, transforms::Chain chain) {
  return published<MNIST>(keys.files, std::move(chain));
}

TarImages make_dataset(const tables::TarImages& keys, transforms::Chain chain) {
  const TarImages pictures = TarShards(keys.shards).image(keys.image);
  return with_pictures(keys.label.empty() ? pictures : pictures.label(keys.label), keys.pictures, std::move(chain));
}

PixelDataset make_dataset(const tables::Cifar10& keys, transforms::Chain chain) {
  return published<CIFAR10>(keys.files, std::move(chain));
}

PixelDataset make_dataset(const tables::Cifar100& keys, transforms::Chain chain) {
  return published<CIFAR100>(keys.files, std::move(chain));
}

NpyDataset make_dataset(const tables::Npy& keys) {
  return NpyDataset(keys.paths, keys.names).float64(meaning_of_float64(keys.float64));
}

NpyDataset make_dataset(const tables::Npz& keys) {
  return npz_dataset(keys.path, keys.names).float64(meaning_of_float64(keys.float64));
}

TarShards make_dataset(const tables::TarShards& keys) { return TarShards(keys.shards); }

Hdf5Dataset make_dataset(const tables::Hdf5& keys) { return Hdf5Dataset(keys.path, keys.names); }

LmdbDataset make_dataset(const tables::Lmdb& keys) {
  const auto values =
      meaning_of<LmdbValues>(keys.values, {{"string", LmdbValues::kString}, {"tensor", LmdbValues::kTensor}});
  return LmdbDataset(keys.path, keys.database, values);
}

EncodedPictures<LmdbDataset> make_dataset(const tables::LmdbImages& keys, transforms::Chain chain) {
  return with_pictures(EncodedPictures(LmdbDataset(keys.path, keys.database), "value"), keys.pictures,
                       std::move(chain));
}

EncodedPictures<TfRecords> make_dataset(const tables::TfRecordImages& keys, transforms::Chain chain) {
  std::vector<std::string> features{keys.image};
  if (!keys.label.empty()) features.push_back(keys.label);
  return with_pictures(EncodedPictures(TfRecords(keys.files, std::move(features)), keys.image, keys.label),
                       keys.pictures, std::move(chain));
}

TfRecords make_dataset(const tables::TfRecords& keys) { return TfRecords(keys.files, keys.features); }

TokenWindows make_dataset(const tables::Tokens& keys) {
  TokenWindowsOptions options;
  options.length = keys.length;
  options.stride = keys.stride;
  options.documents =
      meaning_of<Documents>(keys.documents, {{"crossed", Documents::kCrossed}, {"kept", Documents::kKept}});
  options.dtype = meaning_of<c10::ScalarType>(keys.dtype, {{"uint8", c10::kByte},
                                                           {"uint16", c10::kUInt16},
                                                           {"uint32", c10::kUInt32},
                                                           {"int32", c10::kInt},
                                                           {"int64", c10::kLong}});
  options.separator = keys.separator;
  options.padding = keys.padding;
  options.vocabulary = keys.vocabulary;
  return TokenWindows(keys.path, options);
}

}  // namespace millrace::configs
