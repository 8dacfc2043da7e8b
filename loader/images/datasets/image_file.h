#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/room.h"
#include "millrace/loader/images/transforms/picture_pipeline.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/sample_row.h"

// Pictures in files of their own, as datasets read them. Any number of threads may call; each keeps its memory from
// call to call.
namespace millrace::detail {

/// The bytes of a file, valid until the thread's next call. Throws as open_regular() does, and std::runtime_error for a
/// file so large that no picture of options.max_pixels is in it, and for one that changes meanwhile.
std::span<const std::byte> read_file(const std::string& path, const PictureOptions& options);

/// The bytes of a file in `buffer`, valid until that is used again. Throws as the other.
std::span<const std::byte> read_file(const std::string& path, const PictureOptions& options,
                                     image::Room<std::byte>& buffer);

/// The field of pictures whose first one is in the file `first`, see PicturePipeline::field(). Throws
/// std::runtime_error with path and reason, std::invalid_argument.
FieldSpec image_field(const transforms::PicturePipeline& pictures, const std::string& first);

/// Renders the picture in the file `path`, see PicturePipeline::render(). Throws std::runtime_error with path and
/// reason.
void read_image(const std::string& path, const transforms::PicturePipeline& pictures, SampleRng& rng,
                const FieldSpec& field, std::span<std::byte> row, transforms::Targets& targets);

/// Adds the mask in a file, as Targets::add_mask() does, with classes in the place of its numbers where there are
/// `values` (mask_classes.h). Throws std::runtime_error with path and reason.
void add_mask(const std::string& path, const PictureOptions& options, const std::vector<int64_t>& values,
              transforms::Targets& targets);

}  // namespace millrace::detail
