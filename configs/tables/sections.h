#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/bench_keys.h"
#include "millrace/configs/tables/collate_keys.h"
#include "millrace/configs/tables/combined_keys.h"
#include "millrace/configs/tables/dataset_keys.h"
#include "millrace/configs/tables/key.h"
#include "millrace/configs/tables/loader_keys.h"
#include "millrace/configs/tables/model_keys.h"
#include "millrace/configs/tables/optimizer_keys.h"
#include "millrace/configs/tables/sampler_keys.h"
#include "millrace/configs/tables/training_keys.h"

/// The sections of a configuration, each with what may stand in it. Help, page, checks and hints are made from this
/// list: a section that is not in it is an unknown key.
namespace millrace::configs::tables {

/// Whether a dataset of that type has that key.
bool has_dataset_key(std::string_view type, std::string_view key);

/// All that `dataset.type` may name.
using AllDatasets = JoinedLists<NamedDatasets, CombinedDatasets, TypeList<Chain>>::Type;

/// What a section is called and for, without its keys.
struct SectionHead {
  std::string_view name;
  std::string_view about;
  std::string_view example;  ///< YAML.
};

/// Whose keys are those of T.
template <class T>
struct KeysOf {};

/// Whose key `type` names one of a TypeList, and whose other keys are that one's.
template <class List>
struct OneOf {};

/// A list of transforms; transforms/table.h has them.
struct Steps {};

/// Sections of its own: those of for_each_pipeline_section().
struct Pipeline {};

/// The same as OneOf, but a section without `type` has the keys of Default.
template <class List, class Default>
struct OneOfOrDefault {};

/// Calls function(head, form) for the sections that describe a loader, in the order of the reference.
template <class Function>
void for_each_pipeline_section(Function&& function) {
  function(SectionHead{"dataset", "where samples come from", "dataset: {type: image_folder, root: photos/train}"},
           OneOf<AllDatasets>());
  function(SectionHead{"transforms", "what is done to pictures, in this order",
                       "transforms: [random_resized_crop: {size: 224}, random_horizontal_flip]"},
           Steps());
  function(SectionHead{"sampler", "in which order; sequential unless said, or random with loader.shuffle",
                       "sampler: {type: random, seed: 1}   # or, where no key is needed, sampler: random"},
           OneOf<NamedSamplers>());
  function(SectionHead{"collate", "how samples of any shape become a batch",
                       "collate: {type: pad, value: -1}    # or, where no key is needed, collate: pad"},
           OneOf<NamedCollates>());
  function(SectionHead{"loader", "how batches are made", "loader: {batch_size: 64, num_workers: 4}"}, KeysOf<Loader>());
}

/// The same for the other sections of a run.
template <class Function>
void for_each_other_section(Function&& function) {
  function(SectionHead{"test", "a second dataset, transforms, sampler, collate and loader, to try the model on",
                       "test: {dataset: {type: image_folder, root: photos/test}}"},
           Pipeline());
  function(SectionHead{"model", "what is trained; channels, height, width and classes are the data's to say",
                       "model: {type: resnet18, stem: small}   # or, where no key is needed, model: resnet18"},
           OneOfOrDefault<NamedModels, SmallCnn>());
  function(SectionHead{"weights", "what the model begins with, as Python or another run left it",
                       "weights: {from: resnet18.safetensors, except: [fc]}"},
           KeysOf<Weights>());
  function(SectionHead{"optimizer", "how it is trained; adamw unless said", "optimizer: {type: sgd, lr: 0.1}"},
           OneOfOrDefault<NamedOptimizers, AdamW>());
  function(SectionHead{"schedule", "how the learning rate changes; cosine unless said",
                       "schedule: {type: cosine, warmup_epochs: 1}"},
           OneOfOrDefault<NamedSchedules, Cosine>());
  function(SectionHead{"normalize", "what pictures become before the model, (x / 255 - mean) / std",
                       "normalize: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}"},
           KeysOf<Normalize>());
  function(SectionHead{"loss", "what is made small", "loss: {label_smoothing: 0.1}"}, KeysOf<Loss>());
  function(
      SectionHead{"mix", "pictures of a batch blended with each other, for classes", "mix: {mixup: 0.2, cutmix: 1}"},
      KeysOf<Mix>());
  function(SectionHead{"ema", "an average of the weights, which is what is evaluated", "ema: {decay: 0.999}"},
           KeysOf<Ema>());
  function(SectionHead{"gradients", "what happens to gradients before a step", "gradients: {clip: 1}"},
           KeysOf<Gradients>());
  function(SectionHead{"checkpoints", "when the run is saved; last and best are always kept",
                       "checkpoints: {every_steps: 1000}"},
           KeysOf<Checkpoints>());
  function(SectionHead{"early_stop", "when training ends before its last epoch", "early_stop: {patience: 5}"},
           KeysOf<EarlyStop>());
  function(SectionHead{"bench", "what millrace bench measures", "bench: {read: all}"}, KeysOf<Bench>());
}

/// The same for all sections.
template <class Function>
void for_each_section(Function&& function) {
  for_each_pipeline_section(function);
  for_each_other_section(function);
}

/// The names of the sections, and the keys beside them.
std::vector<std::string> top_level_keys();

/// Where a key belongs that is unknown in a section: "loader.batch_size", "sampler, beside loader", "epochs, at the top
/// of the file"; "" for one that is known nowhere. `section` is the path of the section that it was found in.
std::string place_of(std::string_view key, std::string_view section);

}  // namespace millrace::configs::tables
