#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/key.h"

/// What `millrace train` does with the batches: the keys of the file itself and its small sections. Models, optimizers
/// and schedules have tables of their own.
namespace millrace::configs::tables {

/// The keys beside the sections.
struct Run {
  int64_t epochs = 10;
  uint64_t seed = 0;
  std::string device = "auto";
  std::string amp = "none";
  std::string task = "auto";
  std::optional<int64_t> classes;
  std::string output = "runs";
  std::vector<std::string> libraries;

  static constexpr auto keys() {
    return list(key("epochs", &Run::epochs, "How often every sample is seen.").at_least(1),
                key("seed", &Run::seed, "Seeds the weights, and what is left to chance outside the loader."),
                key("device", &Run::device, "Where the model is: auto, cpu, cuda, or cuda:1 for a certain one."),
                key("amp", &Run::amp, "Mixed precision; half with its loss scaled.").one_of("none, bfloat16, half"),
                key("task", &Run::task, "What is learned; auto: what the samples' second field says.")
                    .one_of("auto, classification, segmentation, regression, image_to_image"),
                key("classes", &Run::classes, "How many classes there are.")
                    .at_least(1)
                    .otherwise("as many as the dataset names"),
                key("output", &Run::output, "The directory in which each run makes one of its own; '' for none."),
                key("libraries", &Run::libraries, "Shared libraries with types of one's own. They are programs."));
  }
};

/// The section `weights`: what the model begins with.
struct Weights {
  std::string from;
  std::vector<std::string> except;

  static constexpr auto keys() {
    return list(key("from", &Weights::from, "A .safetensors or .pt file, or a checkpoint of a run.")
                    .otherwise("numbers that are drawn from the seed"),
                key("except", &Weights::except,
                    "Layers that take nothing from the file, such as the last one for other classes.")
                    .otherwise("none"));
  }
};

/// The section `normalize`: what pictures become before the model, (x / 255 - mean) / std.
struct Normalize {
  std::vector<double> mean = {0.5};
  std::vector<double> std = {0.25};

  static constexpr auto keys() {
    return list(key("mean", &Normalize::mean, "Of the pixels, when black is 0 and white is 1; one, or one a channel."),
                key("std", &Normalize::std, "Their standard deviation; as many numbers as mean has."));
  }
};

/// The section `loss`.
struct Loss {
  double label_smoothing = 0;
  std::string of_pictures = "l1";

  static constexpr auto keys() {
    return list(key("label_smoothing", &Loss::label_smoothing, "The share of a label that is given to all classes.")
                    .within(0, 1),
                key("of_pictures", &Loss::of_pictures, "Between numbers or pictures: mean difference, or mean square.")
                    .one_of("l1, mse"));
  }
};

/// The section `mix`: pictures of a batch blended with each other, of classification.
struct Mix {
  double mixup = 0;
  double cutmix = 0;
  double probability = 1;

  static constexpr auto keys() {
    return list(key("mixup", &Mix::mixup, "The alpha of MixUp, 0.2 for example; 0: none.").at_least(0),
                key("cutmix", &Mix::cutmix, "The alpha of CutMix, 1 for example; 0: none. With both, one is drawn.")
                    .at_least(0),
                key("probability", &Mix::probability, "The share of batches that are mixed.").within(0, 1));
  }
};

/// The section `ema`: an exponential moving average of the weights, which is what is evaluated.
struct Ema {
  double decay = 0;

  static constexpr auto keys() {
    return list(key("decay", &Ema::decay, "What of the average stays in each step, 0.999 for example; 0: no average.")
                    .within(0, 1));
  }
};

/// The section `gradients`.
struct Gradients {
  double clip = 0;
  int64_t accumulate = 1;

  static constexpr auto keys() {
    return list(key("clip", &Gradients::clip, "The largest norm of all gradients together; 0: any.").at_least(0),
                key("accumulate", &Gradients::accumulate, "Batches whose gradients make one step.").at_least(1));
  }
};

/// The section `checkpoints`. The last and the best one are always kept.
struct Checkpoints {
  int64_t every_epochs = 1;
  int64_t every_steps = 0;
  int64_t keep_every_epochs = 0;

  static constexpr auto keys() {
    return list(
        key("every_epochs", &Checkpoints::every_epochs, "Writes last.pt so often; 0: only at the end.").at_least(0),
        key("every_steps", &Checkpoints::every_steps, "Writes it within epochs too; 0: never.").at_least(0),
        key("keep_every_epochs", &Checkpoints::keep_every_epochs,
            "Keeps one of so many epochs for good, as epoch_N.pt; 0: none.")
            .at_least(0));
  }
};

/// The section `early_stop`.
struct EarlyStop {
  int64_t patience = 0;

  static constexpr auto keys() {
    return list(key("patience", &EarlyStop::patience,
                    "Ends training after so many epochs that were no better than the best; 0: never.")
                    .at_least(0));
  }
};

static_assert(require_keys<Run>() && require_keys<Weights>() && require_keys<Normalize>() && require_keys<Loss>() &&
              require_keys<Mix>() && require_keys<Ema>() && require_keys<Gradients>() && require_keys<Checkpoints>() &&
              require_keys<EarlyStop>());

}  // namespace millrace::configs::tables
