#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/sample_rng.h"

/// Transforms of whole batches, which blend each sample with its neighbour: new tensors, the batch stays as it is. The
/// chance is drawn from a stream of the caller's, which for batches that are the same in every run is
/// SampleRng(seed), with a seed made of the run's, the epoch and the batch's number.
///
///   const auto [pictures, targets] = MixUp(0.2, 1000)(batch.data(), batch.target(), rng);
namespace millrace::transforms {

/// Draws from Beta(alpha, alpha), 0..1. REQUIRES: alpha > 0.
double draw_beta(double alpha, SampleRng& rng);

/// What MixUp and CutMix share: {samples, classes} floats out of labels that are class numbers, int64 {samples}, or
/// already {samples, classes}.
class BatchMix {
 public:
  double alpha() const { return alpha_; }
  int64_t num_classes() const { return num_classes_; }

 protected:
  /// `num_classes` of 0: labels come as {samples, classes}. Throws std::invalid_argument unless alpha is positive.
  BatchMix(const char* name, double alpha, int64_t num_classes);

  /// Throws std::invalid_argument for tensors that are no batch of pictures with its labels.
  void check(const at::Tensor& pictures, const at::Tensor& labels) const;
  at::Tensor mix_labels(const at::Tensor& labels, double lambda) const;

 private:
  const char* name_;
  double alpha_;
  int64_t num_classes_;
};

/// torchvision.transforms.v2.MixUp: lambda times each picture and its label plus 1 - lambda times those of the sample
/// before it (the first one's neighbour is the last), lambda from Beta(alpha, alpha), the same for the whole batch.
class MixUp : public BatchMix {
 public:
  explicit MixUp(double alpha = 1.0, int64_t num_classes = 0) : BatchMix("MixUp", alpha, num_classes) {}

  /// Of floating-point pictures {samples, channels, height, width}.
  std::pair<at::Tensor, at::Tensor> operator()(const at::Tensor& pictures, const at::Tensor& labels,
                                               SampleRng& rng) const;
  /// With lambda known.
  std::pair<at::Tensor, at::Tensor> mix(const at::Tensor& pictures, const at::Tensor& labels, double lambda) const;
};

/// torchvision.transforms.v2.CutMix: a box of each picture shows the sample before it; labels are mixed by its area.
/// The box has a part of 1 - lambda of the area, lambda from Beta(alpha, alpha), around a uniform middle, cut at the
/// edges.
class CutMix : public BatchMix {
 public:
  explicit CutMix(double alpha = 1.0, int64_t num_classes = 0) : BatchMix("CutMix", alpha, num_classes) {}

  /// Of pictures {samples, channels, height, width} of any type.
  std::pair<at::Tensor, at::Tensor> operator()(const at::Tensor& pictures, const at::Tensor& labels,
                                               SampleRng& rng) const;
  /// With the box known.
  std::pair<at::Tensor, at::Tensor> mix(const at::Tensor& pictures, const at::Tensor& labels,
                                        const image::Box& box) const;
  /// The box, which may be empty.
  image::Box draw(image::Size size, SampleRng& rng) const;
};

}  // namespace millrace::transforms
