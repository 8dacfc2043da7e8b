#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/configs/node.h"
#include "millrace/configs/tables/training_keys.h"
#include "millrace/loader/normalize.h"
#include "millrace/loader/sample_row.h"
#include "millrace/training/data_facts.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// The keys and small sections of a run's file that are about training.
struct Settings {
  configs::tables::Run run;
  configs::tables::Normalize normalize;
  configs::tables::Loss loss;
  configs::tables::Mix mix;
  configs::tables::Ema ema;
  configs::tables::Gradients gradients;
  configs::tables::Checkpoints checkpoints;
  configs::tables::EarlyStop early_stop;
};

/// Throws ConfigError, also for keys that no section has.
Settings read_settings(const configs::Node& run);

/// The device that the key `device` names. Throws ConfigError for one that there is not.
c10::Device read_device(const configs::Node& run, const std::string& name);

/// What autocast computes in, of the key `amp`.
std::optional<c10::ScalarType> amp_type(const std::string& amp);

/// What pictures of so many channels go through before the model, of the section `normalize`. Throws ConfigError.
transforms::Normalize make_normalize(const configs::Node& run, const configs::tables::Normalize& keys, int64_t channels,
                                     std::optional<c10::ScalarType> amp);

/// The task that the run names, or else that the samples tell: a mask is segmentation, a second picture image to image,
/// integers are classes, other numbers a regression. Throws ConfigError for samples that have no such field, and where
/// nobody says how many classes there are.
std::unique_ptr<Task> make_task(const configs::Node& run, const Settings& settings, const DataFacts& data);

/// The names of the classes that are learned, by number: the data's, or numbers where it has none. Throws ConfigError
/// where nobody says how many there are.
std::vector<std::string> class_names(const configs::Node& run, const Settings& settings, const DataFacts& data);

/// The field that is learned: the mask where there is one, else the second. Null where there is none.
const FieldSpec* target_field(const SampleSpec& spec);

}  // namespace millrace::training
