#include "millrace/loader/images/transforms/batch_mix.h"

#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/roll.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>
#include <stdexcept>
#include <string>

namespace millrace::transforms {
namespace {

double draw_normal(SampleRng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));  // Of (0, 1], whose logarithm is finite.
  return radius * std::cos(2 * std::numbers::pi * rng.uniform());
}

/// The logarithm of a draw from Gamma(shape, 1), which for small shapes is too near 0 for a double itself. Marsaglia
/// and Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000), with their step for shapes below 1.
double draw_log_gamma(double shape, SampleRng& rng) {
  if (shape < 1) {
    const double smaller = std::log(1 - rng.uniform()) / shape;
    return draw_log_gamma(shape + 1, rng) + smaller;
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = draw_normal(rng);
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

at::Tensor neighbours(const at::Tensor& batch) { return at::roll(batch, {1}, {0}); }

at::Tensor blend(const at::Tensor& batch, double lambda) {
  return neighbours(batch).mul_(1 - lambda).add_(batch.mul(lambda));
}

}  // namespace

double draw_beta(double alpha, SampleRng& rng) {
  const double x = draw_log_gamma(alpha, rng);
  const double y = draw_log_gamma(alpha, rng);
  return 1 / (1 + std::exp(y - x));
}

BatchMix::BatchMix(const char* name, double alpha, int64_t num_classes)
    : name_(name), alpha_(alpha), num_classes_(num_classes) {
  if (!(alpha > 0 && std::isfinite(alpha))) {
    throw std::invalid_argument(std::string(name) + ": alpha must be positive, got " + std::to_string(alpha));
  }
  if (num_classes < 0) {
    throw std::invalid_argument(std::string(name) + ": num_classes must not be negative, got " +
                                std::to_string(num_classes));
  }
}

void BatchMix::check(const at::Tensor& pictures, const at::Tensor& labels) const {
  std::ostringstream problem;
  if (pictures.dim() != 4) {
    problem << "pictures must be {samples, channels, height, width}, got " << pictures.sizes();
  } else if (labels.dim() != 1 && labels.dim() != 2) {
    problem << "labels must be {samples} or {samples, classes}, got " << labels.sizes();
  } else if (labels.size(0) != pictures.size(0)) {
    problem << "there must be a label for each picture, got " << labels.size(0) << " for " << pictures.size(0);
  } else if (labels.dim() == 1 && labels.scalar_type() != c10::ScalarType::Long) {
    problem << "labels of one dimension are class numbers, int64, got " << labels.scalar_type();
  } else if (labels.dim() == 1 && num_classes_ == 0) {
    problem << "num_classes must be given for labels that are class numbers";
  } else if (labels.dim() == 2 && num_classes_ != 0 && labels.size(1) != num_classes_) {
    problem << "the number of classes in labels is " << labels.size(1) << ", num_classes is " << num_classes_;
  } else {
    return;
  }
  throw std::invalid_argument(std::string(name_) + ": " + problem.str());
}

at::Tensor BatchMix::mix_labels(const at::Tensor& labels, double lambda) const {
  at::Tensor parts = labels.dim() == 1 ? at::one_hot(labels, num_classes_) : labels;
  if (!parts.is_floating_point()) parts = parts.to(c10::ScalarType::Float);
  return blend(parts, lambda);
}

std::pair<at::Tensor, at::Tensor> MixUp::operator()(const at::Tensor& pictures, const at::Tensor& labels,
                                                    SampleRng& rng) const {
  return mix(pictures, labels, draw_beta(alpha(), rng));
}

std::pair<at::Tensor, at::Tensor> MixUp::mix(const at::Tensor& pictures, const at::Tensor& labels,
                                             double lambda) const {
  check(pictures, labels);
  if (!pictures.is_floating_point()) {
    throw std::invalid_argument(std::string("MixUp: pictures must be floating point, got ") +
                                c10::toString(pictures.scalar_type()) +
                                ": end the chain with ToDtype or Normalize, or convert the batch");
  }
  return {blend(pictures, lambda), mix_labels(labels, lambda)};
}

std::pair<at::Tensor, at::Tensor> CutMix::operator()(const at::Tensor& pictures, const at::Tensor& labels,
                                                     SampleRng& rng) const {
  check(pictures, labels);
  return mix(pictures, labels, draw({static_cast<int>(pictures.size(2)), static_cast<int>(pictures.size(3))}, rng));
}

std::pair<at::Tensor, at::Tensor> CutMix::mix(const at::Tensor& pictures, const at::Tensor& labels,
                                              const image::Box& box) const {
  check(pictures, labels);
  const int64_t height = pictures.size(2);
  const int64_t width = pictures.size(3);
  if (box.y < 0 || box.x < 0 || box.height < 0 || box.width < 0 || box.y + int64_t{box.height} > height ||
      box.x + int64_t{box.width} > width) {
    throw std::invalid_argument("CutMix: the box of " + to_string(box.size()) + " at " + std::to_string(box.y) + ", " +
                                std::to_string(box.x) + " reaches out of pictures of " + std::to_string(height) + "x" +
                                std::to_string(width));
  }
  const auto part = [&](const at::Tensor& batch) {
    return batch.narrow(2, box.y, box.height).narrow(3, box.x, box.width);
  };
  at::Tensor result = pictures.clone();
  part(result).copy_(part(neighbours(pictures)));
  const double area = static_cast<double>(box.height) * box.width;
  return {result, mix_labels(labels, 1 - area / (static_cast<double>(height) * static_cast<double>(width)))};
}

image::Box CutMix::draw(image::Size size, SampleRng& rng) const {
  const double half = 0.5 * std::sqrt(1 - draw_beta(alpha(), rng));
  const auto x = static_cast<int>(rng.integer(0, size.width - 1));
  const auto y = static_cast<int>(rng.integer(0, size.height - 1));
  const int beside = static_cast<int>(half * size.width);
  const int above = static_cast<int>(half * size.height);
  image::Box box{.y = std::max(y - above, 0), .x = std::max(x - beside, 0)};
  box.height = std::min(y + above, size.height) - box.y;
  box.width = std::min(x + beside, size.width) - box.x;
  return box;
}

}  // namespace millrace::transforms
