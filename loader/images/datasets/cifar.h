#pragma once

#include <string>

#include "millrace/loader/images/datasets/pixel_dataset.h"

namespace millrace {

/// torchvision.datasets.CIFAR10: 50,000 colour pictures of 32x32 in ten classes to train, 10,000 to test, read from the
/// files of the "binary version" (https://www.cs.toronto.edu/~kriz/cifar.html), of which any number of pictures will
/// do.
///
/// Samples: "image" uint8 {3, 32, 32}, "label" int64 {}.
class CIFAR10 : public PixelDataset {
 public:
  CIFAR10() = default;  ///< For the receiving side of serialize().

  /// `root` has data_batch_1.bin to data_batch_5.bin, test_batch.bin and batches.meta.txt in it, or in
  /// cifar-10-batches-bin/ below it. Throws std::runtime_error with path and cure when files are missing, cut short or
  /// have labels without a class; OutOfSharedMemory.
  explicit CIFAR10(const std::string& root, Mode mode = Mode::kTrain);
};

/// torchvision.datasets.CIFAR100: pictures as CIFAR10's, in a hundred classes. "label" is the fine label, as in
/// torchvision.
class CIFAR100 : public PixelDataset {
 public:
  CIFAR100() = default;  ///< For the receiving side of serialize().

  /// `root` has train.bin, test.bin and fine_label_names.txt in it, or in cifar-100-binary/ below it. Throws as
  /// CIFAR10.
  explicit CIFAR100(const std::string& root, Mode mode = Mode::kTrain);
};

}  // namespace millrace
