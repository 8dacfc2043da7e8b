#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/check.h"
#include "millrace/configs/collates.h"
#include "millrace/configs/document.h"
#include "millrace/configs/keyed_dataset.h"
#include "millrace/configs/own_types.h"
#include "millrace/configs/samplers.h"
#include "millrace/configs/transform_types.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/datasets/any_dataset.h"
#include "millrace/loader/datasets/chain_dataset.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/options.h"

/// Objects from configuration sections. A loader is described by a map with the keys below. build_loader() gets the
/// node of the last one, `loader`, and finds the others beside it:
///
///   dataset:     {type: image_folder, root: photos/train, mode: rgb}
///   transforms:  [random_resized_crop: {size: 224}, random_horizontal_flip]
///   sampler:     {type: random, seed: 1}
///   collate:     {type: pad, value: -1}
///   loader:      {batch_size: 64, num_workers: 2, seed: 1}
///
/// What each section may say is in the tables of configs/tables, and in docs/configs.md, which is made from them. All
/// functions throw ConfigError, at the place of the value that is to blame, for unknown keys and wrong values.
namespace millrace::configs {

/// Reads the section `loader`: the options of DataLoaderOptions by their names, times in seconds (tables::Loader).
DataLoaderOptions read_loader_options(const Node& loader);

/// Reads a list of transforms. An element is a transform's name, or its name with a map of its parameters.
transforms::Chain read_transforms(const std::optional<Node>& transforms,
                                  const TransformTypes& types = TransformTypes());

/// Opens a dataset of type image_folder.
ImageFolder build_image_folder(const Node& dataset, const std::optional<Node>& transforms);

namespace detail {

/// Whether the dataset gives samples of any shape, which a collate function makes batches of.
template <class Dataset>
constexpr bool collates() {
  if constexpr (InPlaceDataset<Dataset> || StatefulDataset<Dataset> || BatchDataset<Dataset> || SizeDataset<Dataset>)
    return false;
  else
    return GetDataset<Dataset> || IterableDataset<Dataset>;
}

/// Whether the dataset has indices, which a sampler puts into an order.
template <class Dataset>
constexpr bool has_indices() {
  return !StatefulDataset<Dataset> &&
         (InPlaceDataset<Dataset> || BatchDataset<Dataset> || SizeDataset<Dataset> || GetDataset<Dataset>);
}

}  // namespace detail

/// A loader for a dataset that exists already, with options that read_loader_options() gave and the caller may have
/// changed. The section `dataset` is not looked at.
template <class Dataset>
std::unique_ptr<DataLoader> build_loader(const Node& loader, const DataLoaderOptions& options, Dataset dataset) {
  const auto sampler = loader.parent().find("sampler");
  const auto collate = loader.parent().find("collate");
  if (sampler && options.shuffle()) throw sampler->error("loader.shuffle says an order too; remove one of the two");
  if constexpr (!detail::collates<Dataset>())
    if (collate) throw collate->error("samples of this type of dataset need none; remove it");
  if constexpr (!detail::has_indices<Dataset>())
    if (sampler) throw sampler->error("this type of dataset has an order of its own; remove it");

  const auto load = [&](auto function) -> std::unique_ptr<DataLoader> {
    if constexpr (detail::has_indices<Dataset>()) {
      if (sampler) {
        auto order = read_order(*sampler, facts_of(dataset, static_cast<int64_t>(dataset.size())), options);
        if (order.batches)
          return make_data_loader(std::move(dataset), *std::move(order.batches), options, std::move(function));
        return make_data_loader(std::move(dataset), *std::move(order.samples), options, std::move(function));
      }
    }
    return make_data_loader(std::move(dataset), options, std::move(function));
  };
  // What samples look like is asked here, where transforms meet pictures.
  std::vector<Node> sections{loader};
  for (const char* const key : {"transforms", "dataset"})
    if (const auto section = loader.parent().find(key)) sections.push_back(*section);
  return build_of(sections, loader, [&] {
    if constexpr (detail::collates<Dataset>()) {
      if (collate) return std::visit(load, read_collate(*collate));
    }
    return load(collate::Default());
  });
}

template <class Dataset>
std::unique_ptr<DataLoader> build_loader(const Node& loader, Dataset dataset) {
  return build_loader(loader, read_loader_options(loader), std::move(dataset));
}

/// A dataset that a section described, and the loader that may be made of it.
struct OpenedDataset {
  std::vector<std::string> classes;  ///< The names of its labels, where it has some.
  std::optional<int64_t> samples;    ///< Nothing where it does not know how many there are.
  bool has_indices = false;          ///< Whether a sampler decides their order.

  /// How many samples an epoch of a loader with these options gives, see samples_an_epoch(). Null where no sampler
  /// decides their order. Holds a copy of the dataset as `describe` does.
  std::function<std::optional<int64_t>(const DataLoaderOptions& options)> samples_an_epoch;

  /// What the dataset calls a sample, its path in most cases; null where it calls them nothing. Holds a copy of the
  /// dataset, whose files and arrays copies share.
  std::function<std::string(int64_t index)> describe;

  /// The file of a sample's picture, of a pair that of the first one. Otherwise as describe().
  std::function<std::string(int64_t index)> picture_file;

  /// The class of a sample, where the dataset knows that without reading it; null where it does not. Holds a copy of
  /// the dataset as `describe` does.
  std::function<int64_t(int64_t index)> label;

  /// Makes the loader, into which the dataset goes: to be called once. The options are those that
  /// read_loader_options() gave, which the caller may have changed.
  std::function<std::unique_ptr<DataLoader>(const DataLoaderOptions& options)> make_loader;
};

/// The types that `dataset.type` may name. A program adds its own, each in one of two ways:
///
///   struct Waves {                                    // A dataset and its keys (tables/key.h), or the keys alone.
///     int64_t count = 1000;
///     static constexpr std::string_view kName = "waves", kMakes = "Waves", kAbout = "Sine waves of two classes.";
///     static constexpr auto keys() { return list(key("count", &Waves::count, "How many.").at_least(1)); }
///     ...
///   };
///   types.add<Waves>();                               // The struct is the dataset itself.
///   types.add<WaveKeys>([](const WaveKeys& keys) { return Waves(keys.count); });
///   types.add<PhotoKeys>([](const PhotoKeys& keys, transforms::Chain chain) { return Photos(keys.root, chain); });
///
///   types.add("waves", [](const Node& dataset, const std::optional<Node>& transforms) { ... });
///
/// Keys of the first way are checked with all else in the file, and help has them; the sections of the second are read
/// by their function alone.
class DatasetTypes {
 public:
  /// The types of tables::NamedDatasets, and those that are made of others.
  DatasetTypes();

  /// Adds the type T::kName, which `make` makes of T's keys: make(keys), or make(keys, chain) where it takes the chain
  /// of the section `transforms`. Throws std::logic_error when there is a type of that name.
  template <tables::Keyed T, class Make>
  DatasetTypes& add(Make make) {
    add_type(own_type<T>(), [make](const DatasetTypes& types, const Node& dataset, const std::optional<Node>& steps) {
      return open_keyed<T>(dataset, steps, types.transforms_, make);
    });
    if (!TakesTransforms<Make, T>) types_[std::string(T::kName)].transforms = Type::Transforms::kRefused;
    return *this;
  }

  /// The same for a T that is a dataset itself.
  template <tables::Keyed T>
  DatasetTypes& add() {
    return add<T>([](const T& dataset) { return dataset; });
  }

  /// Adds a type whose section `make(dataset, transforms)` reads; it gets the sections `dataset` and `transforms` as
  /// Nodes, the second one if there is any. Throws std::logic_error when there is a type of that name.
  template <class Make>
  DatasetTypes& add(const std::string& type, Make make) {
    add_type(own_type(type), [make](const DatasetTypes&, const Node& dataset, const std::optional<Node>& steps) {
      return make(dataset, steps);
    });
    return *this;
  }

  /// Sets what the section `transforms` may name, for datasets that take a chain; TransformTypes() unless set.
  DatasetTypes& transforms(TransformTypes types);

  /// The types that the program added.
  const std::vector<OwnType>& own() const { return own_.datasets; }

  /// Whether a dataset reads pictures, which the section `transforms` changes, or one that it is made of does. Throws
  /// ConfigError for an unknown type.
  bool takes_transforms(const Node& dataset) const;

  /// Opens the dataset beside `loader`, which takes as long as that dataset takes.
  OpenedDataset open(const Node& loader) const;

 private:
  /// What can be done with a section of a type; what is null cannot.
  struct Type {
    std::function<OpenedDataset(const DatasetTypes& types, const Node& dataset, const Node& loader)> load;
    /// As a part of another dataset.
    std::function<AnyDataset(const DatasetTypes& types, const Node& dataset, const std::optional<Node>& transforms)>
        open_part;
    /// Several, one behind the other.
    std::function<OpenedDataset(const DatasetTypes& types, const std::vector<Node>& datasets, const Node& loader)>
        chain;
    enum class Transforms : uint8_t { kTaken, kRefused, kGivenToParts } transforms = Transforms::kTaken;
  };

  template <class Dataset>
  static OpenedDataset opened(const Node& loader, Dataset dataset) {
    OpenedDataset opened;
    if constexpr (requires { std::vector<std::string>(dataset.classes()); }) opened.classes = dataset.classes();
    if constexpr (requires { static_cast<int64_t>(dataset.size()); })
      opened.samples = static_cast<int64_t>(dataset.size());
    opened.has_indices = detail::has_indices<Dataset>();
    if constexpr (millrace::detail::Describes<Dataset> && std::copy_constructible<Dataset>)
      opened.describe = [dataset](int64_t index) { return std::string(dataset.describe(static_cast<size_t>(index))); };
    if constexpr (millrace::detail::Labels<Dataset> && std::copy_constructible<Dataset>)
      opened.label = [dataset](int64_t index) -> int64_t { return dataset.label(static_cast<size_t>(index)); };
    opened.picture_file = opened.describe;
    constexpr bool kHasPairs = requires(const Dataset& fixed) { std::string(fixed.data_path(size_t{0})); };
    if constexpr (kHasPairs && std::copy_constructible<Dataset>)
      opened.picture_file = [dataset](int64_t index) {
        return std::string(dataset.data_path(static_cast<size_t>(index)));
      };
    constexpr bool kTellsItsSize = requires(const Dataset& fixed) { static_cast<int64_t>(fixed.size()); };
    if constexpr (detail::has_indices<Dataset>() && kTellsItsSize && std::copy_constructible<Dataset>) {
      if (loader.parent().find("sampler"))
        opened.samples_an_epoch = [loader, dataset](const DataLoaderOptions& options) {
          return configs::samples_an_epoch(loader, facts_of(dataset, static_cast<int64_t>(dataset.size())), options);
        };
      else
        opened.samples_an_epoch = [loader, samples = *opened.samples](const DataLoaderOptions& options) {
          return configs::samples_an_epoch(loader, {samples}, options);
        };
    }
    opened.make_loader = [loader, dataset = std::move(dataset)](const DataLoaderOptions& options) mutable {
      return build_loader(loader, options, std::move(dataset));
    };
    return opened;
  }

  /// Adds a type whose section open(types, dataset, transforms) reads.
  template <class Open>
  void add_type(OwnType own, Open open) {
    using Made = std::invoke_result_t<Open&, const DatasetTypes&, const Node&, const std::optional<Node>&>;
    Type& added = new_type(own.description.name);
    own_.datasets.push_back(std::move(own));
    added.load = [open](const DatasetTypes& types, const Node& dataset, const Node& loader) {
      return opened(loader, open(types, dataset, loader.parent().find("transforms")));
    };
    if constexpr (std::constructible_from<AnyDataset, Made>)
      added.open_part = [open](const DatasetTypes& types, const Node& dataset, const std::optional<Node>& steps) {
        return AnyDataset(open(types, dataset, steps));
      };
    if constexpr (IterableDataset<Made>)
      added.chain = [open](const DatasetTypes& types, const std::vector<Node>& datasets, const Node& loader) {
        std::vector<Made> made;
        for (const Node& dataset : datasets) made.push_back(open(types, dataset, loader.parent().find("transforms")));
        return opened(loader, ChainDataset<Made>(std::move(made)));
      };
  }

  Type& new_type(const std::string& name);

  template <class T>
  void add_named();
  template <class T>
  void add_combined();
  void add_chain();

  const Type& type_of(const Node& dataset) const;
  AnyDataset open_part(const Node& dataset, const std::optional<Node>& transforms) const;

  std::map<std::string, Type> types_;
  TransformTypes transforms_;
  OwnTypes own_;  // What the program added to both.
};

/// The loader that a map describes, given its `loader` key: build_loader(run["loader"]).
std::unique_ptr<DataLoader> build_loader(const Node& loader, const DatasetTypes& types);
inline std::unique_ptr<DataLoader> build_loader(const Node& loader) { return build_loader(loader, DatasetTypes()); }

}  // namespace millrace::configs
