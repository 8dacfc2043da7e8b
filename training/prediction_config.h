#pragma once

#include <string>

#include "millrace/configs/value.h"
#include "millrace/loader/sample_row.h"

namespace millrace::training {

/// The configuration that a trained model predicts with: that of its run, `trained`, with `input` in the place of the
/// dataset, the transforms of the test split, and the loader of training without what is for training alone. Samples
/// come in the dataset's own order.
///
/// `input` is a folder with pictures or a single one (image_files), a list (image_manifest: .csv, .tsv, .jsonl,
/// .ndjson, .json, .txt), arrays, or "" for the test split itself. How pictures are decoded follows the run's datasets.
/// A list has the columns that the run's own lists have; those of another run have paths alone. A .txt has labels too
/// where its first line is no file as a whole, but what stands before the last space is. In a folder where masks (or
/// targets) lie beside the pictures in a folder of the name that they had in training, the pictures are taken alone,
/// with a notice. Arrays are an .npy or .npz file, a folder with .npy files or a .txt that lists some
/// (predicted_arrays.h): each row is a sample, as it is, and no workers read them.
///
/// Where the run has no test split, the transforms are those of training without what is left to chance, and a random
/// crop is a resize to the size that it gives. `spec` says what samples looked like in training.
///
/// Throws std::runtime_error where there is no input and no test split either, ConfigError where a model of arrays is
/// asked about none.
configs::Value prediction_config(configs::Value trained, const std::string& input, const SampleSpec& spec);

}  // namespace millrace::training
