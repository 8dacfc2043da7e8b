#include "millrace/configs/build.h"

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <exception>

#include "millrace/loader/device/pinning.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"

namespace millrace::configs {
namespace {

// pin_memory: auto pins where there is a device that gains by it.
bool pin_memory(Section& keys, bool fallback) {
  enum class Pin { kAuto, kTrue, kFalse };
  const auto pin = keys.choice<Pin>("pin_memory", {{"auto", Pin::kAuto}, {"true", Pin::kTrue}, {"false", Pin::kFalse}},
                                    fallback ? Pin::kTrue : Pin::kFalse);
  return pin == Pin::kAuto ? can_pin_memory() : pin == Pin::kTrue;
}

// device: cpu, cuda or cuda:1.
c10::Device device(Section& keys, c10::Device fallback) {
  const auto node = keys.find("device");
  if (!node) return fallback;
  const auto name = read<std::string>(*node);
  try {
    const c10::Device named(name);
    if (named.is_cpu() || named.is_cuda()) return named;
  } catch (const c10::Error&) {
  }
  throw node->error("expected cpu, cuda, or cuda:1 for a certain one, found " + describe(node->value()));
}

}  // namespace

DataLoaderOptions read_loader_options(const Node& loader) {
  Section keys(loader);
  DataLoaderOptions options;
  options.batch_size(keys.integer("batch_size", options.batch_size(), 1))
      .num_workers(keys.integer("num_workers", options.num_workers(), 0))
      .worker_mode(keys.choice<WorkerMode>(
          "worker_mode", {{"process", WorkerMode::kProcess}, {"thread", WorkerMode::kThread}}, options.worker_mode()))
      .start_method(keys.choice<StartMethod>(
          "start_method",
          {{"forkserver", StartMethod::kForkServer}, {"fork", StartMethod::kFork}, {"spawn", StartMethod::kSpawn}},
          options.start_method()))
      .seed(keys.get<uint64_t>("seed", options.seed()))
      .drop_last(keys.get<bool>("drop_last", options.drop_last()))
      .prefetch(keys.integer("prefetch", options.prefetch(), 1))
      .held(keys.integer("held", options.held(), 1))
      .in_order(keys.get<bool>("in_order", options.in_order()))
      .timeout(std::chrono::milliseconds(static_cast<int64_t>(1e3 * keys.number("timeout", 0, 0, 1e9))))
      .retries(keys.integer("retries", options.retries(), 0))
      .sample_timeout(std::chrono::milliseconds(static_cast<int64_t>(1e3 * keys.number("sample_timeout", 0, 0, 1e9))))
      .on_error(keys.choice<OnError>(
          "on_error", {{"raise", OnError::kRaise}, {"skip", OnError::kSkip}, {"replace", OnError::kReplace}},
          options.on_error()))
      .pin_memory(pin_memory(keys, options.pin_memory()))
      .device(device(keys, options.device()))
      .device_prefetch(keys.integer("device_prefetch", options.device_prefetch(), 0));
  keys.finish();
  return options;
}

AnySampler read_sampler(const std::optional<Node>& sampler, int64_t samples, const DataLoaderOptions& options) {
  enum class Type { kSequential, kRandom };
  if (!sampler) return SequentialSampler(samples);
  Section keys(*sampler);
  const auto type = keys.choice<Type>("type", {{"sequential", Type::kSequential}, {"random", Type::kRandom}});
  if (type == Type::kSequential) {
    keys.finish();
    return SequentialSampler(samples);
  }
  RandomSamplerOptions random;
  random.seed = keys.get<uint64_t>("seed", options.seed());
  random.replacement = keys.get<bool>("replacement", false);
  if (const auto count = keys.find("num_samples")) random.num_samples = read<int64_t>(*count);
  keys.finish();
  return build_at(*sampler, [&] { return RandomSampler(samples, random); });
}

transforms::Chain read_transforms(const std::optional<Node>& transforms, const TransformTypes& types) {
  return transforms ? types.read_chain(*transforms) : transforms::Chain();
}

ImageFolder build_image_folder(const Node& dataset, const std::optional<Node>& transforms) {
  Section keys(dataset);
  keys.choice<int>("type", {{"image_folder", 0}});
  const Node root = keys.child("root");
  const auto mode =
      keys.choice<ImageMode>("mode", {{"rgb", ImageMode::kRGB}, {"gray", ImageMode::kGray}}, ImageMode::kRGB);
  const auto orientation = keys.choice<Orientation>(
      "orientation", {{"ignore", Orientation::kIgnore}, {"exif", Orientation::kExif}}, Orientation::kIgnore);
  const int64_t max_pixels = keys.integer("max_pixels", kMaxPixels, 1);
  const auto damaged = keys.choice<DamagedJpegs>(
      "damaged_jpegs", {{"refuse", DamagedJpegs::kRefuse}, {"read", DamagedJpegs::kRead}}, DamagedJpegs::kRefuse);
  const auto pixel_type = keys.choice<PixelType>(
      "pixel_type", {{"uint8", PixelType::kUInt8}, {"uint16", PixelType::kUInt16}, {"float32", PixelType::kFloat32}},
      PixelType::kUInt8);
  keys.finish();
  auto chain = read_transforms(transforms);
  return build_at<std::exception>(root, [&] {
    return ImageFolder(read<std::string>(root))
        .mode(mode)
        .orientation(orientation)
        .max_pixels(max_pixels)
        .damaged_jpegs(damaged)
        .pixel_type(pixel_type)
        .transform(std::move(chain));
  });
}

DatasetTypes::DatasetTypes() { add("image_folder", build_image_folder); }

DatasetTypes::LoaderMaker DatasetTypes::open(const Node& loader) const {
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
