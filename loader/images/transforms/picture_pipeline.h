#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/sample_row.h"

namespace millrace::transforms {

/// What a dataset of pictures does with their files: how they are decoded, and the transforms that they go through.
/// Any number of threads may call; each keeps its memory from call to call.
struct PicturePipeline {
  PictureOptions options;
  Chain chain;

  /// The field "image" of the pictures that come out. Where the chain leaves sizes as they are, all pictures must have
  /// the size of the first one, whose file `first` gives; `first` is called in that case only. Throws
  /// std::invalid_argument for a chain that does not fit the options, std::runtime_error for a first picture that is no
  /// good.
  FieldSpec field(const std::function<std::span<const std::byte>()>& first) const;

  /// Takes the picture in `file`, and its targets with it, through the chain into `row`, its row of `field`. All random
  /// numbers come from `rng`. Throws std::runtime_error for a file that is no good, and as Renderer::render().
  void render(std::span<const std::byte> file, SampleRng& rng, const FieldSpec& field, std::span<std::byte> row,
              Targets& targets) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(options, chain);
  }
};

}  // namespace millrace::transforms
