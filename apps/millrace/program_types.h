#pragma once

#include "millrace/configs/build.h"
#include "millrace/configs/own_types.h"
#include "millrace/configs/transform_types.h"
#include "millrace/training/models/model_types.h"

namespace millrace::apps {

/// What the configurations of a program may name: the tables of Millrace, and what the program adds to them.
struct ProgramTypes {
  configs::DatasetTypes datasets;
  configs::TransformTypes transforms;
  training::ModelTypes models;

  /// What was added.
  configs::OwnTypes own() const { return {datasets.own(), transforms.own(), models.own()}; }
};

}  // namespace millrace::apps
