#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/sample_row.h"
#include "millrace/plots/contact_sheet.h"
#include "millrace/showing/pipelines.h"
#include "millrace/training/data.h"

namespace millrace::showing {

/// A column of a sample in words: "label", "cat".
using Fact = std::pair<std::string, std::string>;

/// A sample as the trainer gets it.
struct ShownSample {
  int64_t index = -1;       ///< Its number in the dataset; -1 where it has none.
  std::string name;         ///< What the dataset calls it, its path in most cases; "" where it calls it nothing.
  std::vector<Fact> facts;  ///< All columns that are no pictures.
  std::string caption;      ///< Its class or number; "" where it has none.
  std::vector<plots::Exhibit> raw;   ///< The picture as it is in its file, reduced; none where that is not known.
  std::string raw_size;              ///< "640 x 480" of that.
  std::vector<plots::Exhibit> seen;  ///< What comes out of the transforms: in this epoch, and drawn again.
  std::string seen_size;             ///< "224 x 224 Float" of these.
};

/// What there is to be shown.
struct Shown {
  std::vector<ShownSample> samples;
  std::vector<std::string> lost;  ///< What is wrong with batches that the trainer would not get.
  training::Split split;          ///< Where they are from.
};

struct ShownRequest {
  int64_t samples = 16;  ///< So many at most.
  int64_t draws = 1;     ///< How often each goes through the transforms; from the second on as in further epochs.
};

/// Reads the first samples that training gets from the source, in its order and by its seeds, and the same ones as they
/// are in their files. Throws ConfigError and what DataLoader::next() throws, but for what is wrong with samples: of
/// batches that are lost by it, Shown tells.
Shown read_samples(const RunData& source, const ShownRequest& request);

}  // namespace millrace::showing
