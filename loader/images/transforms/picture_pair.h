#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/picture_pipeline.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/sample_row.h"

/// Two pictures of one size that belong together, such as a photo and what a network should make of it, on their way
/// through one chain. Where pixels come to lie is drawn once, for both.
namespace millrace::transforms {

/// Which picture of a pair is changed by steps that change pixels where they lie: ColorJitter, GaussianBlur,
/// RandomErasing, Grayscale, a Lambda, …. kBoth: both, by the same draws, as torchvision does with two images of one
/// sample. Steps that move pixels or make floats of them are for both in any case.
enum class ColorChanges : uint8_t { kBoth, kData, kTarget };

/// What each picture of a pair has.
template <class T>
struct OfPair {
  T data;
  T target;
};

/// The fields "data" and "target" of pairs, where `image` is PicturePipeline::field() of their pictures. Throws
/// std::invalid_argument for a chain whose values do not fit the channels of a picture whose colours are left alone.
OfPair<FieldSpec> pair_fields(const PicturePipeline& pictures, ColorChanges changes, const FieldSpec& image);

/// Takes the pictures in two files into their rows of pair_fields(), where both have `size`; all chance is drawn from
/// `rng`. Any number of threads may call; each keeps its memory from call to call. Throws std::runtime_error for two
/// pictures of different sizes, and as PicturePipeline::render() does.
void render_pair(const PicturePipeline& pictures, ColorChanges changes, const OfPair<std::span<const std::byte>>& files,
                 SampleRng& rng, image::Size size, const OfPair<std::span<std::byte>>& rows);

}  // namespace millrace::transforms
