#include "millrace/configs/build.h"

#include <chrono>

#include "millrace/configs/check.h"
#include "millrace/configs/datasets.h"
#include "millrace/configs/device_name.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/loader_keys.h"
#include "millrace/loader/device/pinning.h"

namespace millrace::configs {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(1e3 * seconds));
}

template <class... T>
void add_all(DatasetTypes& types, tables::TypeList<T...>) {
  (types.add(std::string(T::kName), open_dataset<T>), ...);
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

DatasetTypes::DatasetTypes() {
  add_all(*this, tables::NamedDatasets());
  own_.datasets.clear();  // All so far are those of the tables.
}

DatasetTypes::LoaderMaker DatasetTypes::open(const Node& loader) const {
  check_pipeline(loader.parent(), own_);
  const Node dataset = loader.parent()["dataset"];
  const Node type = dataset["type"];
  const auto name = read<std::string>(type);
  const auto found = makers_.find(name);
  if (found != makers_.end()) return found->second(dataset, loader);
  std::vector<std::string> names;
  for (const auto& [known, maker] : makers_) names.push_back(known);
  throw unknown_word(type, name, names);
}

std::unique_ptr<DataLoader> build_loader(const Node& loader, const DatasetTypes& types) { return types.open(loader)(); }

}  // namespace millrace::configs
