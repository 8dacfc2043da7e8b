#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/small_cnn.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/build.h"
#include "millrace/loader/data_loader.h"

namespace millrace::apps {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A folder of pictures and the loader that reads it.
struct Split {
  std::vector<std::string> classes;
  SampleSpec spec;
  int64_t samples = 0;
  std::unique_ptr<DataLoader> loader;
};

// The split that a map with dataset, transforms, sampler and loader describes.
Split open_split(const configs::Node& pipeline) {
  auto folder = configs::build_image_folder(pipeline["dataset"], pipeline.find("transforms"));
  Split split{folder.classes(), folder.spec(), static_cast<int64_t>(folder.size()), nullptr};
  split.loader = configs::build_loader(pipeline["loader"], std::move(folder));
  return split;
}

std::optional<Split> open_test_split(const configs::Node& run, const Split& train) {
  const auto node = run.find("test");
  if (!node) return std::nullopt;
  configs::Section keys(*node);
  for (const char* key : {"dataset", "transforms", "sampler", "loader"}) keys.find(key);
  keys.finish();
  Split test = open_split(*node);
  if (test.classes != train.classes)
    throw(*node)["dataset"].error(
        "its folders are not the classes that training has: " + std::to_string(test.classes.size()) + " here, " +
        std::to_string(train.classes.size()) + " there; give both splits the same folders");
  if (test.spec != train.spec)
    throw(*node)["dataset"].error("its samples are " + to_string(test.spec) + ", but those of training are " +
                                  to_string(train.spec) + "; give both splits transforms of one size");
  return test;
}

SmallCnn build_model(const configs::Node& run, const Split& train) {
  configs::Section model(run["model"]);
  SmallCnnOptions options;
  const auto& picture = train.spec.fields.front();
  if (picture.dtype != torch::kByte)
    throw run["transforms"].error(
        "the model takes uint8 pictures and normalises them itself; remove normalize here and "
        "set model.mean and model.std");
  const auto& shape = picture.shape;
  options.channels = shape.at(0);
  options.classes = std::ssize(train.classes);
  options.widths = model.get<std::vector<int64_t>>("widths");
  options.mean = model.get<std::vector<double>>("mean", {0.5});
  options.std = model.get<std::vector<double>>("std", {0.25});
  model.finish();
  const auto channels = static_cast<size_t>(options.channels);
  for (const auto& [key, values] : {std::pair("mean", options.mean), std::pair("std", options.std)})
    if (values.size() != 1 && values.size() != channels)
      throw model.child(key).error("expected 1 number, or one for each of the " + std::to_string(channels) +
                                   " channels, found " + std::to_string(values.size()));
  if (std::any_of(options.std.begin(), options.std.end(), [](double value) { return value <= 0; }))
    throw model.child("std").error("must be positive");
  if (options.widths.empty() || *std::min_element(options.widths.begin(), options.widths.end()) < 1)
    throw model.child("widths").error("expected the channels of at least one stage, each at least 1");
  const int64_t side = std::min(shape.at(1), shape.at(2));
  if (side >> options.widths.size() == 0)
    throw model.child("widths").error(std::to_string(options.widths.size()) + " stages halve pictures of " +
                                      std::to_string(side) + " pixels to nothing; use fewer stages or larger pictures");
  return SmallCnn(options);
}

std::unique_ptr<torch::optim::Optimizer> build_optimizer(const configs::Node& run, const SmallCnn& model) {
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

struct EpochResult {
  double loss = 0;    // Mean over the samples.
  double wait_s = 0;  // Inside the loader's next().
  double seconds = 0;
  int64_t samples = 0;
};

EpochResult train_epoch(SmallCnn& model, torch::optim::Optimizer& optimizer, Split& split, Progress& progress,
                        int64_t samples_before) {
  model->train();
  EpochResult result;
  const auto start = Clock::now();
  for (;;) {
    const auto asked = Clock::now();
    const auto batch = split.loader->next();
    result.wait_s += seconds_since(asked);
    if (!batch) break;
    optimizer.zero_grad();
    const auto loss = torch::nn::functional::cross_entropy(model(batch->data()), batch->target());
    loss.backward();
    optimizer.step();
    const double mean_loss = loss.item<double>();
    result.samples += batch->size();
    result.loss += mean_loss * static_cast<double>(batch->size());
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", mean_loss);
    progress.update(samples_before + result.samples, note);
  }
  result.seconds = seconds_since(start);
  if (result.samples > 0) result.loss /= static_cast<double>(result.samples);
  return result;
}

// The share of the split's samples whose class is the model's first guess, in percent.
double accuracy(SmallCnn& model, Split& split) {
  const torch::NoGradGuard no_grad;
  model->eval();
  int64_t right = 0, samples = 0;
  while (const auto batch = split.loader->next()) {
    right += model(batch->data()).argmax(1).eq(batch->target()).sum().item<int64_t>();
    samples += batch->size();
  }
  return samples == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(samples);
}

// The trainer and its workers share the cores.
int trainer_threads(const configs::Node& run) {
  const int64_t workers = configs::read_loader_options(run["loader"]).num_workers();
  return static_cast<int>(std::max<int64_t>(1, int64_t{std::thread::hardware_concurrency()} - workers));
}

}  // namespace

void train(const configs::Node& run) {
  configs::Section settings(run);
  const int64_t epochs = settings.integer("epochs", 1, 1);
  const auto seed = settings.get<uint64_t>("seed", 0);
  at::set_num_threads(trainer_threads(run));
  Split split = open_split(run);
  auto test = open_test_split(run, split);
  torch::manual_seed(seed);
  auto model = build_model(run, split);
  const auto optimizer = build_optimizer(run, model);
  if (split.loader->size() == 0)
    throw run["loader"].error("an epoch has no batch: drop_last drops the only one; use a smaller batch_size");

  std::printf("%ld samples in %zu classes, %s\n", split.samples, split.classes.size(), to_string(split.spec).c_str());
  Progress progress("training", "samples", epochs * split.samples);
  EpochResult total;
  std::string test_text;
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto result = train_epoch(model, *optimizer, split, progress, total.samples);
    total.samples += result.samples;
    total.seconds += result.seconds;
    total.wait_s += result.wait_s;
    char text[64] = "";
    if (test) std::snprintf(text, sizeof text, ", test accuracy %.2f %%", accuracy(model, *test));
    test_text = text;
    progress.clear();
    std::printf("epoch %ld/%ld: loss %.4f%s\n", epoch, epochs, result.loss, test_text.c_str());
    std::fflush(stdout);
  }
  std::printf("trained %ld epochs in %.2f s: %.0f samples/s, waited for data %.1f %% of the time%s\n", epochs,
              total.seconds, static_cast<double>(total.samples) / total.seconds, 100 * total.wait_s / total.seconds,
              test_text.c_str());
}

}  // namespace millrace::apps
