#include "millrace/training/data.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/tables/dataset_keys.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/each_dataset.h"

namespace millrace::training {
namespace {

DataLoaderOptions read_options(const configs::Node& loader, const LoadingOptions& loading) {
  if (const auto node = loader.find("device"))
    throw node->error("training has one device for batches and model, the key 'device' above; remove this one");
  auto options = configs::read_loader_options(loader).device(loading.device).profile(loading.profile);
  if (loading.num_workers) options.num_workers(*loading.num_workers);
  if (!loader.find("seed")) options.seed(loading.seed);
  return options;
}

// Of two lists of classes: how many they have, or else the first two that are not the same.
std::string difference(const std::vector<std::string>& here, const std::vector<std::string>& there) {
  if (here.size() != there.size())
    return std::to_string(here.size()) + " here, " + std::to_string(there.size()) + " there";
  const auto [one, other] = std::ranges::mismatch(here, there);
  return in_quotes(*one) + " here where " + in_quotes(*other) + " is there";
}

// Whether labels are of shards, beside which the names of the classes may lie or not.
bool is_of_shards(const configs::Node& pipeline) {
  bool is = false;
  for_each_dataset(pipeline["dataset"].value(), [&](const configs::Value& section) {
    const configs::Value* const type = section.find("type");
    is |= type != nullptr && type->text == configs::tables::TarImages::kName;
  });
  return is;
}

}  // namespace

std::string sample_text(const std::vector<int64_t>& indices, size_t place, const Split& split) {
  if (place >= indices.size()) return "a sample";
  const std::string name = split.describe ? split.describe(indices[place]) : "";
  return "sample " + std::to_string(indices[place]) + (name.empty() ? "" : " (" + in_quotes(name) + ")");
}

void require_samples(const configs::Node& pipeline, const std::optional<int64_t>& samples) {
  if (samples == 0) throw pipeline["dataset"].error("it has no samples; name files, or a part of them, that have some");
}

Split open_split(const configs::Node& pipeline, const LoadingOptions& loading) {
  const auto loader = pipeline["loader"];
  auto options = read_options(loader, loading);
  auto dataset = loading.types->open(loader);
  require_samples(pipeline, dataset.samples);
  const bool says_nothing = !pipeline.find("sampler") && !loader.find("shuffle");
  if (says_nothing && dataset.has_indices) options.shuffle(loading.shuffle);
  // Before the split, which takes its members one by one: g++ 12 destroys twice what stands in inner braces of an
  // aggregate, of which something behind them throws.
  auto made = dataset.make_loader(options);
  Split split;
  split.classes = std::move(dataset.classes);
  split.spec = made->spec();
  split.samples = dataset.samples;
  split.samples_an_epoch =
      dataset.samples_an_epoch ? dataset.samples_an_epoch(made->options()) : std::optional(dataset.samples);
  split.has_indices = dataset.has_indices;
  split.loader = std::move(made);
  split.describe = std::move(dataset.describe);
  split.picture_file = std::move(dataset.picture_file);
  split.label = std::move(dataset.label);
  return split;
}

std::optional<Split> open_test_split(const configs::Node& run, const Split& train, LoadingOptions loading) {
  const auto node = run.find("test");
  if (!node) return std::nullopt;
  configs::Section keys(*node);
  for (const char* key : {"dataset", "transforms", "sampler", "collate", "loader"}) keys.find(key);
  keys.finish();
  loading.shuffle = false;
  Split test = open_split(*node, loading);
  // Shards may have no names, and have the numbers of the others then, which those of folders are not for certain.
  const bool are_shards_without_names = test.classes.empty() && is_of_shards(*node);
  const bool are_shards_behind_such = train.classes.empty() && is_of_shards(run) && is_of_shards(*node);
  if (are_shards_without_names || are_shards_behind_such) test.classes = train.classes;
  if (test.classes != train.classes)
    throw(*node)["dataset"].error("its folders are not the classes that training has: " +
                                  difference(test.classes, train.classes) + "; give both splits the same folders");
  if (test.spec != train.spec)
    throw(*node)["dataset"].error("its samples are " + to_string(test.spec) + ", but those of training are " +
                                  to_string(train.spec) + "; give both splits transforms of one size");
  return test;
}

}  // namespace millrace::training
