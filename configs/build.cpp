#include "millrace/configs/build.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/check.h"
#include "millrace/configs/combined_datasets.h"
#include "millrace/configs/datasets.h"
#include "millrace/configs/device_name.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/combined_keys.h"
#include "millrace/configs/tables/dataset_keys.h"
#include "millrace/configs/tables/loader_keys.h"
#include "millrace/loader/datasets/brace_expansion.h"
#include "millrace/loader/device/pinning.h"
#include "millrace/loader/images/datasets/shard_classes.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(1e3 * seconds));
}

// The struct of a section whose type is T's name.
template <tables::Keyed T>
T read_section(const Node& dataset) {
  Section section(dataset);
  section.child("type");
  return read_keys<T>(section);
}

// The sections that a dataset made of others has inside.
std::vector<Node> parts_of(const Node& dataset) {
  if (const auto parts = dataset.find("datasets")) return parts->elements();
  const auto part = dataset.find("dataset");
  return part ? std::vector{*part} : std::vector<Node>();
}

// The names of a dataset's classes, where a file beside its shards has them; of a part those of the whole.
std::vector<std::string> classes_beside_shards(const Node& dataset) {
  if (dataset.value().kind != Value::Kind::kMap) return {};
  if (const auto whole = dataset.find("dataset")) return classes_beside_shards(*whole);
  const auto type = dataset.find("type");
  if (!type || type->value().text != tables::TarImages::kName) return {};
  const auto keys = read_section<tables::TarImages>(dataset);
  if (keys.label.empty()) return {};
  return build_at<std::exception>(dataset["shards"], [&] { return classes_beside(expand_shards(keys.shards)); });
}

}  // namespace

DataLoaderOptions read_loader_options(const Node& loader) {
  Section section(loader);
  const auto keys = read_keys<tables::Loader>(section);
  const auto device = device_named(keys.device);
  if (!device) {
    const Node node = loader["device"];
    throw node.error("expected cpu, cuda, or cuda:1 for a certain one, found " + describe(node.value()));
  }
  DataLoaderOptions options;
  if (keys.prefetch_factor) options.prefetch_factor(*keys.prefetch_factor);
  return options.batch_size(keys.batch_size)
      .num_workers(keys.num_workers)
      .worker_mode(meaning_of<WorkerMode>(keys.worker_mode,
                                          {{"process", WorkerMode::kProcess}, {"thread", WorkerMode::kThread}}))
      .start_method(meaning_of<StartMethod>(
          keys.start_method,
          {{"forkserver", StartMethod::kForkServer}, {"fork", StartMethod::kFork}, {"spawn", StartMethod::kSpawn}}))
      .shuffle(keys.shuffle)
      .seed(keys.seed)
      .seed_mode(
          meaning_of<SeedMode>(keys.seed_mode, {{"per_sample", SeedMode::kPerSample}, {"torch", SeedMode::kTorch}}))
      .persistent_workers(keys.persistent_workers)
      .drop_last(keys.drop_last)
      .prefetch(keys.prefetch)
      .prefetch_next_epoch(keys.prefetch_next_epoch)
      .prefetch_bytes(keys.prefetch_bytes)
      .held(keys.held)
      .kept_bytes(keys.kept_bytes)
      .in_order(keys.in_order)
      .timeout(milliseconds(keys.timeout))
      .retries(keys.retries)
      .sample_timeout(milliseconds(keys.sample_timeout))
      .notice_after(milliseconds(keys.notice_after))
      .on_error(meaning_of<OnError>(
          keys.on_error, {{"raise", OnError::kRaise}, {"skip", OnError::kSkip}, {"replace", OnError::kReplace}}))
      .empty_batches(meaning_of<EmptyBatches>(keys.empty_batches,
                                              {{"left_out", EmptyBatches::kLeftOut}, {"given", EmptyBatches::kGiven}}))
      .num_streams(keys.num_streams)
      .max_sample_bytes(keys.max_sample_bytes)
      .pin_memory(keys.pin_memory == "auto" ? can_pin_memory() : keys.pin_memory == "true")
      .device(*device)
      .device_prefetch(keys.device_prefetch)
      .device_batch_bytes(keys.device_batch_bytes)
      .max_jobs(keys.max_jobs);
}

transforms::Chain read_transforms(const std::optional<Node>& transforms, const TransformTypes& types) {
  return transforms ? types.read_chain(*transforms) : transforms::Chain();
}

ImageFolder build_image_folder(const Node& dataset, const std::optional<Node>& transforms) {
  return open_dataset<tables::ImageFolder>(dataset, transforms);
}

template <class T>
void DatasetTypes::add_named() {
  add<T>(detail::MakeDataset());
}

template <class T>
void DatasetTypes::add_combined() {
  Type& added = new_type(std::string(T::kName));
  added.open_part = [](const DatasetTypes& types, const Node& dataset, const std::optional<Node>& transforms) {
    const auto open = [&](const Node& part) { return types.open_part(part, transforms); };
    return combine(read_section<T>(dataset), dataset, open);
  };
  added.load = [](const DatasetTypes& types, const Node& dataset, const Node& loader) {
    const auto transforms = loader.parent().find("transforms");
    if (transforms && !types.takes_transforms(dataset))
      throw transforms->error("are for pictures; remove them for these types of datasets");
    OpenedDataset made = opened(loader, types.open_part(dataset, transforms));
    // A part of one dataset has its classes, whose names parts do not tell: it is opened once more for them. Only of
    // such a part is it known here whether it knows the labels.
    const auto whole = dataset.find("dataset");
    auto of_whole = whole ? types.type_of(*whole).load(types, *whole, loader) : OpenedDataset();
    made.classes = std::move(of_whole.classes);
    if (!of_whole.label) made.label = nullptr;
    return made;
  };
  added.transforms = Type::Transforms::kGivenToParts;
}

void DatasetTypes::add_chain() {
  new_type(std::string(tables::Chain::kName)).load = [](const DatasetTypes& types, const Node& dataset,
                                                        const Node& loader) {
    read_section<tables::Chain>(dataset);
    const auto parts = parts_of(dataset);
    if (parts.empty()) throw dataset["datasets"].error("is empty; give at least one dataset");
    const Type& type = types.type_of(parts.front());
    if (!type.chain)
      throw parts.front()["type"].error("has indices and is no stream, which a chain is made of; take concat");
    for (const Node& part : parts)
      if (&types.type_of(part) != &type)
        throw part["type"].error("expected the type of the first dataset of the chain");
    return type.chain(types, parts, loader);
  };
}

DatasetTypes::DatasetTypes() {
  tables::for_each_type(tables::NamedDatasets(), [&]<class T>(T) { add_named<T>(); });
  tables::for_each_type(tables::CombinedDatasets(), [&]<class T>(T) { add_combined<T>(); });
  add_chain();
  own_.datasets.clear();  // All so far are those of the tables.
}

DatasetTypes& DatasetTypes::transforms(TransformTypes types) {
  transforms_ = std::move(types);
  own_.transforms = transforms_.own();
  return *this;
}

DatasetTypes::Type& DatasetTypes::new_type(const std::string& name) {
  const auto [place, is_new] = types_.try_emplace(name);
  if (!is_new) throw std::logic_error("DatasetTypes: there is a dataset " + in_quotes(name) + " already");
  return place->second;
}

const DatasetTypes::Type& DatasetTypes::type_of(const Node& dataset) const {
  const Node type = dataset["type"];
  const auto name = read<std::string>(type);
  const auto found = types_.find(name);
  if (found != types_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, maker] : types_) names.push_back(known);
  throw unknown_word(type, name, names);
}

bool DatasetTypes::takes_transforms(const Node& dataset) const {
  const auto transforms = type_of(dataset).transforms;
  if (transforms != Type::Transforms::kGivenToParts) return transforms == Type::Transforms::kTaken;
  const auto parts = parts_of(dataset);
  return std::any_of(parts.begin(), parts.end(), [&](const Node& part) { return takes_transforms(part); });
}

AnyDataset DatasetTypes::open_part(const Node& dataset, const std::optional<Node>& transforms) const {
  const Type& type = type_of(dataset);
  if (!type.open_part) throw dataset["type"].error("has samples of any shape, and cannot be a part of another dataset");
  return type.open_part(*this, dataset, takes_transforms(dataset) ? transforms : std::nullopt);
}

OpenedDataset DatasetTypes::open(const Node& loader) const {
  check_pipeline(loader.parent(), own_);
  const Node dataset = loader.parent()["dataset"];
  OpenedDataset opened = type_of(dataset).load(*this, dataset, loader);
  if (opened.classes.empty()) opened.classes = classes_beside_shards(dataset);
  return opened;
}

std::unique_ptr<DataLoader> build_loader(const Node& loader, const DatasetTypes& types) {
  const auto options = read_loader_options(loader);
  return types.open(loader).make_loader(options);
}

}  // namespace millrace::configs
