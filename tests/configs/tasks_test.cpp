// What a trainer gets for tasks besides classification, described in YAML alone.
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs::tasks_test {
namespace {

std::unique_ptr<DataLoader> loader(const std::string& text) {
  return build_loader(Node(parse(text + "\nloader: {batch_size: 2}", "run.yaml"))["loader"]);
}

std::string data() { return test::data(""); }

TEST(Tasks, SegmentationGetsMasksThatMoveWithThePictures) {
  const test::Directory lists;
  lists.write("masks.csv", "picture,mask\nrgb.png,../manifests/mask.png\nalpha.png,../manifests/mask.png\n");
  lists.write("masks.txt", "rgb.png ../manifests/mask.png\nalpha.png ../manifests/mask.png\n");
  const std::string root = ", root: " + data() + "/formats, label: '', mask: mask";
  const std::string transforms = "transforms: [random_crop: {size: 32}, random_horizontal_flip, normalize]";
  const auto csv = loader("dataset: {type: image_manifest, path: " + lists.path() + "/masks.csv, image: picture" +
                          root + "}\n" + transforms);
  EXPECT_EQ(to_string(csv->spec()), "image: Float [3, 32, 32], mask: Byte [1, 32, 32]");
  const auto list =
      loader("dataset: {type: image_manifest, path: " + lists.path() + "/masks.txt" + root + "}\n" + transforms);
  const auto batch = csv->next();
  EXPECT_EQ(batch->target().sizes(), (std::vector<int64_t>{2, 1, 32, 32}));
  EXPECT_TRUE(batch->target().equal(list->next()->target()));
}

TEST(Tasks, RegressionOfPicturesGetsFloat32) {
  const test::Directory lists;
  lists.write("ages.csv", "path,age\nrgb.png,31\nalpha.png,0.5\n");
  lists.write("ages.txt", "rgb.png 31\nalpha.png 0.5\n");
  const std::string more = ", label_type: number, root: " + data() + "/formats}";
  for (const std::string file : {"ages.csv, label: age", "ages.txt"}) {
    const auto batch = loader("dataset: {type: image_manifest, path: " + lists.path() + "/" + file + more)->next();
    EXPECT_EQ(batch->target().scalar_type(), at::kFloat);
    EXPECT_EQ(batch->target().sizes(), (std::vector<int64_t>{2}));
    EXPECT_EQ(batch->target()[0].item<float>(), 31.F);
  }
}

TEST(Tasks, RegressionOfArraysGetsFloat32) {
  const std::string npy = data() + "/npy/";
  const auto rows = loader("dataset: {type: npy, paths: [" + npy + "float64.npy, " + npy +
                           "float64.npy], names: [x, y], float64: float32}");
  EXPECT_EQ(to_string(rows->spec()), "x: Float [3], y: Float [3]");
  EXPECT_EQ(rows->next()->target()[1][2].item<float>(), 5.F);
}

TEST(Tasks, RegressionOfFoldersGetsTheRowsOfAnArray) {
  const test::Directory lists;
  lists.write("pictures.txt", "rgb.png\nalpha.png\n");
  const auto both = loader(
      "dataset: {type: stack, names: [image, y], datasets: [{type: image_manifest, label: '', path: " + lists.path() +
      "/pictures.txt, root: " + data() + "/formats}, {type: npy, float64: float32, paths: [" + data() +
      "/npy/float64.npy]}]}\ntransforms: [normalize]");
  EXPECT_EQ(to_string(both->spec()), "image: Float [3, 71, 93], y: Float [3]");
}

TEST(Tasks, ImageToImageGetsPairs) {
  const auto pairs = loader("dataset: {type: image_pairs_manifest, path: " + data() + "/manifests/pairs.txt}\n" +
                            "transforms: [random_crop: {size: 32}, random_horizontal_flip, normalize]");
  const auto batch = pairs->next();
  EXPECT_EQ(to_string(pairs->spec()), "data: Float [3, 32, 32], target: Float [3, 32, 32]");
  EXPECT_TRUE(batch->data().equal(batch->target()));  // The same picture in two formats.
}

}  // namespace
}  // namespace millrace::configs::tasks_test
