#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/configs/transform_types.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/options.h"
#include "millrace/samplers/sampler.h"

/// Objects from configuration sections. A loader is described by a map with these keys, which build_loader() reads
/// starting from the last of them:
///
///   dataset:     {type: image_folder, root: photos/train, mode: rgb}
///   transforms:  [random_resized_crop: {size: 224}, random_horizontal_flip]
///   sampler:     {type: random, seed: 1}
///   loader:      {batch_size: 64, num_workers: 2, seed: 1}
///
/// All functions throw ConfigError, at the place of the value that is to blame, for unknown keys and wrong values.
namespace millrace::configs {

/// The keys of `loader`: the options of DataLoaderOptions by their names, timeout in seconds.
DataLoaderOptions read_loader_options(const Node& loader);

/// The order of `samples` samples. Without a section: sequential. type: sequential, or random with replacement,
/// num_samples and seed (left out: the loader's).
AnySampler read_sampler(const std::optional<Node>& sampler, int64_t samples, const DataLoaderOptions& options);

/// A list whose elements are a transform's name, or its name with a map of its parameters.
transforms::Chain read_transforms(const std::optional<Node>& transforms,
                                  const TransformTypes& types = TransformTypes());

/// A dataset of type image_folder.
ImageFolder build_image_folder(const Node& dataset, const std::optional<Node>& transforms);

/// A loader for a dataset that exists already, with options that read_loader_options() gave and the caller may have
/// changed. The dataset's section is not looked at.
template <class Dataset>
std::unique_ptr<DataLoader> build_loader(const Node& loader, const DataLoaderOptions& options, Dataset dataset) {
  auto sampler = read_sampler(loader.parent().find("sampler"), static_cast<int64_t>(dataset.size()), options);
  return build_at(loader, [&] { return make_data_loader(std::move(dataset), std::move(sampler), options); });
}

template <class Dataset>
std::unique_ptr<DataLoader> build_loader(const Node& loader, Dataset dataset) {
  return build_loader(loader, read_loader_options(loader), std::move(dataset));
}

/// The types that `dataset.type` may name. A program adds its own.
class DatasetTypes {
 public:
  /// A loader whose dataset has been opened. To be called once.
  using LoaderMaker = std::function<std::unique_ptr<DataLoader>()>;

  /// With image_folder.
  DatasetTypes();

  /// `make(dataset, transforms)` opens the dataset; it gets the dataset's section as a Node and the transforms', if
  /// any.
  template <class Make>
  DatasetTypes& add(const std::string& type, Make make) {
    makers_[type] = [make = std::move(make)](const Node& dataset, const Node& loader) -> LoaderMaker {
      return [loader, opened = make(dataset, loader.parent().find("transforms"))]() mutable {
        return build_loader(loader, std::move(opened));
      };
    };
    return *this;
  }

  /// Opens the dataset beside `loader`, which costs what the dataset costs, so that a loader can be made from it.
  LoaderMaker open(const Node& loader) const;

 private:
  std::map<std::string, std::function<LoaderMaker(const Node& dataset, const Node& loader)>> makers_;
};

/// The loader that a map describes, given its `loader` key: build_loader(run["loader"]).
std::unique_ptr<DataLoader> build_loader(const Node& loader, const DatasetTypes& types);
inline std::unique_ptr<DataLoader> build_loader(const Node& loader) { return build_loader(loader, DatasetTypes()); }

}  // namespace millrace::configs
