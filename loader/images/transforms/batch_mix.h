#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/sample_rng.h"

/// Transforms of whole batches, which blend each sample with its neighbour. They make new tensors, and the batch stays
/// as it is. Their random numbers come from a stream of the caller's. For batches that are the same in every run, that
/// is SampleRng(seed) with a seed made of the run's, the epoch and the batch's number.
///
///   const auto [pictures, targets] = MixUp(0.2, 1000)(batch.data(), batch.target(), rng);
namespace millrace::transforms {

/// Draws a number from Beta(alpha, alpha), which lies in 0..1. REQUIRES: alpha > 0.
double draw_beta(double alpha, SampleRng& rng);

/// What MixUp and CutMix share: labels that are class numbers, int64 {samples}, or already {samples, classes} become
/// {samples, classes} floats.
class BatchMix {
 public:
  double alpha() const { return alpha_; }
  int64_t num_classes() const { return num_classes_; }

 protected:
  /// `num_classes` is 0 where labels come as {samples, classes}. Throws std::invalid_argument unless alpha is positive.
  BatchMix(const char* name, double alpha, int64_t num_classes);

  /// Throws std::invalid_argument for tensors that are no batch of pictures with its labels.
  void check(const at::Tensor& pictures, const at::Tensor& labels) const;
  at::Tensor mix_labels(const at::Tensor& labels, double lambda) const;

 private:
  const char* name_;
  double alpha_;
  int64_t num_classes_;
};

/// torchvision.transforms.v2.MixUp: lambda times each picture and its label, plus 1 - lambda times those of the sample
/// before it. (The sample before the first one is the last.) lambda comes from Beta(alpha, alpha) and is the same for
/// the whole batch.
class MixUp : public BatchMix {
 public:
  explicit MixUp(double alpha = 1.0, int64_t num_classes = 0) : BatchMix("MixUp", alpha, num_classes) {}

  /// Mixes floating-point pictures {samples, channels, height, width} and their labels.
  std::pair<at::Tensor, at::Tensor> operator()(const at::Tensor& pictures, const at::Tensor& labels,
                                               SampleRng& rng) const;
  /// Mixes with a lambda that the caller chose.
  std::pair<at::Tensor, at::Tensor> mix(const at::Tensor& pictures, const at::Tensor& labels, double lambda) const;
};

/// torchvision.transforms.v2.CutMix: a box of each picture shows the sample before it, and labels are mixed by the
/// box's area. The box has 1 - lambda of the picture's area, lambda from Beta(alpha, alpha), around a uniformly drawn
/// middle, and is cut at the edges.
class CutMix : public BatchMix {
 public:
  explicit CutMix(double alpha = 1.0, int64_t num_classes = 0) : BatchMix("CutMix", alpha, num_classes) {}

  /// Mixes pictures {samples, channels, height, width} of any type and their labels.
  std::pair<at::Tensor, at::Tensor> operator()(const at::Tensor& pictures, const at::Tensor& labels,
                                               SampleRng& rng) const;
  /// Mixes with a box that the caller chose.
  std::pair<at::Tensor, at::Tensor> mix(const at::Tensor& pictures, const at::Tensor& labels,
                                        const image::Box& box) const;
  /// Draws the box, which may be empty.
  image::Box draw(image::Size size, SampleRng& rng) const;
};

}  // namespace millrace::transforms
