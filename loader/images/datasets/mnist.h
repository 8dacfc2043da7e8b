#pragma once

#include <string>

#include "millrace/loader/images/datasets/pixel_dataset.h"

namespace millrace {

/// Handwritten digits, torch::data::datasets::MNIST and torchvision.datasets.MNIST: 60,000 gray pictures of 28x28 to
/// train, 10,000 to test. It reads the unpacked idx files (http://yann.lecun.com/exdb/mnist), so FashionMNIST, KMNIST
/// and whatever else comes in such files as well. The files say how many pictures there are, their size and their
/// classes.
///
///   auto digits = MNIST("data").transform(ToDtype(torch::kFloat, /*scale=*/true));
///
/// Samples: "image" uint8 {1, 28, 28}, "label" int64 {}. torch::data gives floats in [0, 1], which is ToDtype(kFloat,
/// true) here. torch::data's Normalize<>(m, s) behind that is Normalize({m}, {s}) alone.
class MNIST : public PixelDataset {
 public:
  MNIST() = default;  ///< For the receiving side of serialize().

  /// `root` has train-images-idx3-ubyte (or Kaggle's train-images.idx3-ubyte, also in a folder of that name) and the
  /// three others in it, or in raw/ or MNIST/raw/ below it, where torchvision puts them. Throws std::runtime_error with
  /// path and cure when files are missing, packed, cut short, of another kind, or do not belong together;
  /// OutOfSharedMemory.
  explicit MNIST(const std::string& root, Mode mode = Mode::kTrain);
};

}  // namespace millrace
