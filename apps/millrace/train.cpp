#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/clock.h"
#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/mixed_precision.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/trace.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/build.h"
#include "millrace/configs/device_name.h"
#include "millrace/loader/data_loader.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/models/small_cnn.h"

namespace millrace::apps {
namespace {

// A folder of pictures and the loader that reads it.
struct Split {
  std::vector<std::string> classes;
  SampleSpec spec;
  int64_t samples = 0;
  std::unique_ptr<DataLoader> loader;
};

// The split that a map with dataset, transforms, sampler and loader describes, with batches on the device.
Split open_split(const configs::Node& pipeline, torch::Device device) {
  auto folder = configs::build_image_folder(pipeline["dataset"], pipeline.find("transforms"));
  Split split{folder.classes(), folder.spec(), static_cast<int64_t>(folder.size()), nullptr};
  const auto loader = pipeline["loader"];
  if (const auto node = loader.find("device"))
    throw node->error("training has one device for batches and model, the key 'device' above; remove this one");
  const auto options = configs::read_loader_options(loader).device(device);
  split.loader = configs::build_loader(loader, options, std::move(folder));
  return split;
}

std::optional<Split> open_test_split(const configs::Node& run, const Split& train, torch::Device device) {
  const auto node = run.find("test");
  if (!node) return std::nullopt;
  configs::Section keys(*node);
  for (const char* key : {"dataset", "transforms", "sampler", "collate", "loader"}) keys.find(key);
  keys.finish();
  Split test = open_split(*node, device);
  if (test.classes != train.classes)
    throw(*node)["dataset"].error(
        "its folders are not the classes that training has: " + std::to_string(test.classes.size()) + " here, " +
        std::to_string(train.classes.size()) + " there; give both splits the same folders");
  if (test.spec != train.spec)
    throw(*node)["dataset"].error("its samples are " + to_string(test.spec) + ", but those of training are " +
                                  to_string(train.spec) + "; give both splits transforms of one size");
  return test;
}

// Where training runs.
struct Place {
  torch::Device device = torch::kCPU;
  std::optional<torch::Dtype> amp;  // What autocast computes in.
};

torch::Device read_device(configs::Section& settings) {
  const auto node = settings.find("device");
  const auto name = node ? configs::read<std::string>(*node) : "auto";
  if (name == "auto") return torch::cuda::is_available() ? torch::Device(torch::kCUDA, 0) : torch::kCPU;
  const auto named = configs::device_named(name);
  if (!named) throw node->error("expected auto, cpu, cuda or cuda:0, cuda:1, ..., found " + in_quotes(name));
  if (named->is_cpu()) return torch::kCPU;
  if (!torch::cuda::is_available())
    throw node->error(cuda::Driver::find() ? "LibTorch finds no CUDA device: it was built without CUDA"
                                           : cuda::Driver::status().text);
  const torch::DeviceIndex index = named->has_index() ? named->index() : torch::DeviceIndex{0};
  if (index >= static_cast<int>(torch::cuda::device_count()))
    throw node->error("there is no " + name + ": CUDA devices here: " + std::to_string(torch::cuda::device_count()));
  return {torch::kCUDA, index};
}

Place read_place(configs::Section& settings) {
  using Type = std::optional<torch::Dtype>;
  return {read_device(settings),
          settings.choice<Type>("amp", {{"none", std::nullopt}, {"bfloat16", torch::kBFloat16}, {"half", torch::kHalf}},
                                std::nullopt)};
}

// A model, and what pictures go through before it.
struct Classifier {
  training::SmallCnn model{nullptr};
  transforms::Normalize normalize;
  Place place;

  torch::Tensor logits(const Batch& batch) {
    const Autocast autocast(place.device.type(), place.amp);
    return model(batch.to(place.device, normalize).data()).to(torch::kFloat);
  }
};

Classifier build_classifier(const configs::Node& run, const Split& train, const Place& place) {
  configs::Section model(run["model"]);
  training::SmallCnnOptions options;
  const auto& picture = train.spec.fields.front();
  if (picture.dtype != torch::kByte)
    throw run["transforms"].error(
        "training takes uint8 pictures and normalises them itself; remove normalize here and set model.mean and "
        "model.std");
  const auto& shape = picture.shape;
  options.channels = shape.at(0);
  options.classes = std::ssize(train.classes);
  options.widths = model.get<std::vector<int64_t>>("widths");
  const auto mean = model.get<std::vector<double>>("mean", {0.5});
  const auto deviation = model.get<std::vector<double>>("std", {0.25});
  model.finish();
  const auto channels = static_cast<size_t>(options.channels);
  for (const auto& [key, values] : {std::pair("mean", mean), std::pair("std", deviation)})
    if (values.size() != 1 && values.size() != channels)
      throw model.child(key).error("expected 1 number, or one for each of the " + std::to_string(channels) +
                                   " channels, found " + std::to_string(values.size()));
  if (mean.size() != deviation.size()) throw model.child("std").error("expected as many numbers as mean has");
  if (std::any_of(deviation.begin(), deviation.end(), [](double value) { return value <= 0; }))
    throw model.child("std").error("must be positive");
  if (options.widths.empty() || *std::min_element(options.widths.begin(), options.widths.end()) < 1)
    throw model.child("widths").error("expected the channels of at least one stage, each at least 1");
  const int64_t side = std::min(shape.at(1), shape.at(2));
  if (side >> options.widths.size() == 0)
    throw model.child("widths").error(std::to_string(options.widths.size()) + " stages halve pictures of " +
                                      std::to_string(side) + " pixels to nothing; use fewer stages or larger pictures");
  training::SmallCnn built(options);
  built->to(place.device);
  return {built,
          {{mean.begin(), mean.end()}, {deviation.begin(), deviation.end()}, place.amp.value_or(torch::kFloat)},
          place};
}

std::unique_ptr<torch::optim::Optimizer> build_optimizer(const configs::Node& run, const training::SmallCnn& model) {
  enum class Type { kSgd, kAdam };
  configs::Section optimizer(run["optimizer"]);
  const auto type = optimizer.choice<Type>("type", {{"sgd", Type::kSgd}, {"adam", Type::kAdam}});
  const double rate = optimizer.number("lr", type == Type::kSgd ? 0.1 : 1e-3, 0);
  const double decay = optimizer.number("weight_decay", 0, 0);
  std::unique_ptr<torch::optim::Optimizer> built;
  if (type == Type::kSgd)
    built = std::make_unique<torch::optim::SGD>(
        model->parameters(),
        torch::optim::SGDOptions(rate).momentum(optimizer.number("momentum", 0.9, 0, 1)).weight_decay(decay));
  else
    built =
        std::make_unique<torch::optim::Adam>(model->parameters(), torch::optim::AdamOptions(rate).weight_decay(decay));
  optimizer.finish();
  return built;
}

// How many of an epoch's samples a loader gave, and how many it did not, or not as they are (loader.on_error).
struct Share {
  int64_t given = 0;
  int64_t skipped = 0;
  int64_t replaced = 0;

  bool is_whole() const { return skipped == 0 && replaced == 0; }

  // "12 of 24 samples", "24 samples, 2 replaced".
  std::string str() const {
    std::string text = std::to_string(given);
    if (skipped > 0) text += " of " + std::to_string(given + skipped);
    text += " samples";
    if (replaced > 0) text += ", " + std::to_string(replaced) + " replaced";
    return text;
  }
};

// Counts from when it is made.
class ShareCounter {
 public:
  explicit ShareCounter(const Split& split) : loader_(*split.loader), before_(loader_.stats()) {}

  // Throws std::runtime_error when there was no sample. `epoch` names what they would have been of.
  Share share(const std::string& epoch) const {
    const LoaderStats now = loader_.stats();
    const Share share{difference(now.samples, before_.samples),
                      difference(now.skipped_samples, before_.skipped_samples),
                      difference(now.replaced_samples, before_.replaced_samples)};
    if (share.given > 0) return share;
    if (share.skipped == 0) throw std::runtime_error(epoch + " had no sample");
    throw std::runtime_error(epoch + " had no sample: none of " + std::to_string(share.skipped) +
                             " could be read, the last error: " + now.last_error);
  }

 private:
  static int64_t difference(uint64_t now, uint64_t before) { return static_cast<int64_t>(now - before); }

  const DataLoader& loader_;
  LoaderStats before_;
};

struct EpochResult {
  double loss = 0;    // Mean over the samples.
  double wait_s = 0;  // Inside the loader's next().
  double seconds = 0;
  Share samples;
};

// Notes what the trainer does for as long as it does it.
class Tracing {
 public:
  Tracing(Trace* trace, const char* name, const Trace::Row& row) : trace_(trace) {
    if (trace_) trace_->begin(name, row);
  }
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;
  ~Tracing() {
    if (trace_) trace_->end();
  }

 private:
  Trace* trace_;
};

// Trains, and notes what it does. Losses stay on the device until somebody wants to know them: reading one waits for
// the device, and then the next copy and the next step would not be ready behind each other.
class Trainer {
 public:
  Trainer(Classifier& classifier, torch::optim::Optimizer& optimizer, Trace* trace)
      : classifier_(classifier), optimizer_(optimizer), trace_(trace) {
    if (classifier.place.amp == torch::kHalf) loss_scale_.emplace(classifier.place.device);
  }

  // `name` is for errors.
  EpochResult epoch(const std::string& name, Split& split, Progress& progress, int64_t samples_before) {
    classifier_.model->train();
    EpochResult result;
    const ShareCounter counter(split);
    int64_t samples = 0;
    auto loss_sum = torch::zeros({}, torch::TensorOptions(torch::kDouble).device(classifier_.place.device));
    const auto start = Clock::now();
    for (;;) {
      const auto asked = Clock::now();
      const auto batch = next(*split.loader);
      result.wait_s += seconds_since(asked);
      if (!batch) break;
      const auto loss = step(*batch);
      loss_sum += loss * batch->size();
      samples += batch->size();
      progress.update(samples_before + samples, [&] {
        char loss_note[32], wait_note[32];
        std::snprintf(loss_note, sizeof loss_note, "loss %.3f", loss.item<double>());
        std::snprintf(wait_note, sizeof wait_note, "data wait %.0f %%", 100 * result.wait_s / seconds_since(start));
        return std::vector<std::string>{loss_note, wait_note};
      });
    }
    result.samples = counter.share(name);
    result.loss = loss_sum.item<double>() / static_cast<double>(samples);
    result.seconds = seconds_since(start);
    if (trace_) trace_->settle();
    return result;
  }

 private:
  std::optional<Batch> next(DataLoader& loader) {
    const Tracing tracing(trace_, "wait for data", {copy_stream(loader), "copies to the device"});
    return loader.next();
  }

  torch::Tensor step(const Batch& batch) {
    const Tracing tracing(trace_, "step", {compute_stream(), "work of the device"});
    optimizer_.zero_grad();
    const auto loss = torch::nn::functional::cross_entropy(classifier_.logits(batch), batch.target());
    if (loss_scale_) {
      loss_scale_->step(loss, optimizer_);
    } else {
      loss.backward();
      optimizer_.step();
    }
    return loss.detach();
  }

  const torch::Device& device() const { return classifier_.place.device; }

  cuda::api::Stream copy_stream(DataLoader& loader) const {
    return device().is_cuda() ? loader.copy_stream(device().index()) : nullptr;
  }

  cuda::api::Stream compute_stream() const {
    return device().is_cuda() ? cuda::current_stream(device().index()) : nullptr;
  }

  Classifier& classifier_;
  torch::optim::Optimizer& optimizer_;
  std::optional<LossScale> loss_scale_;
  Trace* trace_;
};

// ", test accuracy 81.25 %": the share of the split's samples whose class is the model's first guess.
std::string test_accuracy(Classifier& classifier, Split& split) {
  const torch::NoGradGuard no_grad;
  classifier.model->eval();
  const ShareCounter counter(split);
  int64_t right = 0;
  while (const auto batch = split.loader->next())
    right += classifier.logits(*batch).argmax(1).eq(batch->target()).sum().item<int64_t>();
  const Share samples = counter.share("the test split");
  char text[64];
  std::snprintf(text, sizeof text, ", test accuracy %.2f %%",
                100.0 * static_cast<double>(right) / static_cast<double>(samples.given));
  return text + (samples.is_whole() ? "" : " of " + samples.str());
}

// The trainer and its workers share the cores.
int trainer_threads(const configs::Node& run) {
  const int64_t workers = configs::read_loader_options(run["loader"]).num_workers();
  return static_cast<int>(std::max<int64_t>(1, int64_t{std::thread::hardware_concurrency()} - workers));
}

}  // namespace

void train(const configs::Node& run, const TrainOptions& options) {
  configs::Section settings(run);
  const int64_t epochs = settings.integer("epochs", 1, 1);
  const auto seed = settings.get<uint64_t>("seed", 0);
  const Place place = read_place(settings);
  at::set_num_threads(trainer_threads(run));
  Split split = open_split(run, place.device);
  auto test = open_test_split(run, split, place.device);
  torch::manual_seed(seed);
  auto classifier = build_classifier(run, split, place);
  const auto optimizer = build_optimizer(run, classifier.model);
  if (split.loader->size() == 0)
    throw run["loader"].error("an epoch has no batch: drop_last drops the only one; use a smaller batch_size");

  std::printf("%ld samples in %zu classes, %s\n", split.samples, split.classes.size(), to_string(split.spec).c_str());
  std::optional<Trace> trace;
  if (!options.trace.empty()) place.device.is_cuda() ? trace.emplace(place.device.index()) : trace.emplace();
  Trainer trainer(classifier, *optimizer, trace ? &*trace : nullptr);
  Progress progress("training", "samples", epochs * split.samples);
  EpochResult total;
  std::string test_text;
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto result = trainer.epoch("epoch " + std::to_string(epoch), split, progress, total.samples.given);
    total.samples.given += result.samples.given;
    total.seconds += result.seconds;
    total.wait_s += result.wait_s;
    if (test) test_text = test_accuracy(classifier, *test);
    const auto left = result.samples.is_whole() ? "" : " over " + result.samples.str();
    progress.clear();
    std::printf("epoch %ld/%ld: loss %.4f%s%s\n", epoch, epochs, result.loss, left.c_str(), test_text.c_str());
    std::fflush(stdout);
  }
  std::printf("trained %ld epochs in %.2f s: %.0f samples/s, waited for data %.1f %% of the time%s\n", epochs,
              total.seconds, static_cast<double>(total.samples.given) / total.seconds,
              100 * total.wait_s / total.seconds, test_text.c_str());
  if (trace) trace->write(options.trace);
}

}  // namespace millrace::apps
