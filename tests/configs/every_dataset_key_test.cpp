// Each key of each dataset changes what a loader gives: none is read and forgotten.
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/tests/configs/counting.h"
#include "millrace/tests/formats/small_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs::every_dataset_key_test {
namespace {

using test::Counting;

DatasetTypes types() {
  DatasetTypes types;
  types.add("counting", [](const Node&, const std::optional<Node>&) { return Counting(); });
  return types;
}

std::string bytes_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string bytes_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.contiguous();
  return {static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()};
}

std::string bytes_of(const ColumnValue& value) {
  std::string bytes;
  if (const auto* tensor = std::get_if<at::Tensor>(&value)) return bytes_of(*tensor);
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value))
    for (const auto& text : *texts) bytes += text + "\n";
  if (const auto* tensors = std::get_if<std::vector<at::Tensor>>(&value))
    for (const auto& tensor : *tensors) bytes += bytes_of(tensor) + "\n";
  return bytes;
}

// All that a loader gives: shapes, types and bytes of its batches.
std::string given_by(const std::string& yaml) {
  const Node run(parse(yaml, "run.yaml"));
  const auto loader = build_loader(run["loader"], types());
  std::string all;
  while (const auto batch = loader->next()) {
    all += to_string(batch->columns()) + "\n";
    for (const auto& column : batch->columns()) all += bytes_of(column.value);
  }
  return all;
}

// Two datasets between which one key differs. The first can be read; so can the other, or it says why it cannot.
struct Pair {
  std::string one, other;
  std::string complaint = "";
  std::string steps = "resize: {size: [4, 5]}";
};

using Pairs = std::map<std::string, Pair>;

const std::set<std::string> kPictures = {"image_folder", "image_files",          "image_manifest", "image_masks",
                                         "image_pairs",  "image_pairs_manifest", "mnist",          "cifar10",
                                         "cifar100",     "lmdb_images",          "tar_images",     "tfrecord_images"};

class EveryDatasetKey : public testing::Test {
 protected:
  EveryDatasetKey() {
    const std::string turned = bytes_in(test::data("formats/turned.jpg"));
    constexpr size_t kHalf = 1200;
    write_picture("whole", turned);
    write_picture("damaged", turned.substr(0, kHalf) + "\xff\xd9");
    write_picture("gray", bytes_in(test::data("manifests/deep.png")));
    folder_.copy("formats/rgb.png", "other/one.png");
    folder_.copy("formats/rgb.png", "elsewhere/whole/one.jpg");
    folder_.copy("formats/rgb.png", "classes/a/one.png");
    folder_.copy("formats/turned.jpg", "classes/b/one.jpg");
    folder_.write("masks/one.pgm", "P5 93 71 255\n" + std::string(93 * 71, '\1'));
    folder_.write("empty_masks/one.pgm", "P5 93 71 255\n" + std::string(93 * 71, '\0'));
    folder_.write("all.csv",
                  "path,file,label,kind,number,where,outline\n"
                  "whole/one.jpg,other/one.png,k,x,3,\"[[0, 0, 2, 2]]\",masks/one.pgm\n"
                  "whole/one.jpg,other/one.png,l,x,4,\"[[0, 0, 2, 2]]\",masks/one.pgm\n");
    folder_.write("other.csv", "path,label\nother/one.png,k\n");
    folder_.write("pairs.csv", "data,target,more\nwhole/one.jpg,whole/one.jpg,other/one.png\n");
    folder_.write("other_pairs.csv", "data,target\nother/one.png,other/one.png\n");
    write_idx("mnist", "train", 1);
    write_idx("mnist", "t10k", 2);
    write_idx("other_mnist", "train", 3);
    write_cifar("cifar", 'x');
    write_cifar("other_cifar", 'z');
    folder_.write("hello.lmdb", test::small_lmdb());
    folder_.write("bye.lmdb", test::small_lmdb("bye"));
    folder_.write("id.tfrecord", test::small_tfrecord());
    folder_.write("numbers.tfrecord", test::tfrecord_of({}, {{"id", 6}, {"age", 7}}));
    const std::array<uint16_t, 9> tokens = {1, 9, 3, 4, 5, 9, 6, 7, 8}, others = {1, 9, 3, 4, 5, 9, 6, 7, 2};
    for (const auto& [name, numbers] : {std::pair("tokens.bin", tokens), std::pair("other_tokens.bin", others)})
      folder_.write(name, {reinterpret_cast<const char*>(numbers.data()), sizeof numbers});
    std::string hdf5 = bytes_in(test::data("hdf5/labels.h5"));
    hdf5.at(hdf5.rfind('\7')) = '\10';  // The first of its two numbers.
    folder_.write("labels.h5", hdf5);
  }

  // A picture in all that holds pictures, under a name: "whole/one.jpg", "whole.lmdb", and so on.
  void write_picture(const std::string& name, const std::string& bytes) const {
    folder_.write(name + "/one.jpg", bytes);
    folder_.write(name + "_classes/k/one.jpg", bytes);
    folder_.write(name + ".csv", "path,label\n" + name + "/one.jpg,k\n");
    folder_.write(name + "_pairs.csv", "data,target\n" + name + "/one.jpg," + name + "/one.jpg\n");
    folder_.write(name + ".lmdb", test::small_lmdb(bytes));
    folder_.write(name + ".tfrecord", test::tfrecord_of({{"image/encoded", bytes}, {"pixel", test::kPixel}},
                                                        {{"image/class/label", 5}, {"age", 7}}));
    const std::string class_of = "1", age = "7";
    TarShardWriter shards(folder_.path() + "/" + name + "-%d.tar");
    const auto part = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    shards.write("one",
                 {{"jpg", part(bytes)}, {"ppm", part(test::kPixel)}, {"cls", part(class_of)}, {"age", part(age)}});
    shards.close();
  }

  // Two pictures of one pixel, and their labels.
  void write_idx(const std::string& root, const std::string& split, char value) const {
    folder_.write(root + "/" + split + "-images-idx3-ubyte",
                  std::string("\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1", 16) + std::string(2, value));
    folder_.write(root + "/" + split + "-labels-idx1-ubyte", std::string("\0\0\10\1\0\0\0\2\0\1", 10));
  }

  // Both datasets in one folder.
  void write_cifar(const std::string& root, char value) const {
    const auto picture = [](size_t labels, char pixels) {
      return std::string(labels, '\1') + std::string(3072, pixels);
    };
    for (int batch = 1; batch <= 5; ++batch)
      folder_.write(root + "/data_batch_" + std::to_string(batch) + ".bin", picture(1, value));
    folder_.write(root + "/test_batch.bin", picture(1, static_cast<char>(value + 1)));
    folder_.write(root + "/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    folder_.write(root + "/train.bin", picture(2, value));
    folder_.write(root + "/test.bin", picture(2, static_cast<char>(value + 1)));
    std::string names;
    for (int i = 0; i < 100; ++i) names += "class" + std::to_string(i) + "\n";
    folder_.write(root + "/fine_label_names.txt", names);
  }

  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  // The keys without which there is no dataset of that type, for the picture that was written under a name.
  std::map<std::string, std::string> sections_of_pictures(const std::string& name) const {
    return {
        {"image_folder", "root: " + path(name + "_classes")},
        {"image_files", "path: " + path(name)},
        {"image_manifest", "path: " + path(name + ".csv")},
        {"image_masks", "images: " + path(name) + ", masks: " + path("masks")},
        {"image_pairs", "data: " + path(name) + ", target: " + path(name)},
        {"image_pairs_manifest", "path: " + path(name + "_pairs.csv")},
        {"lmdb_images", "path: " + path(name + ".lmdb")},
        {"tar_images", "shards: " + path(name + "-0.tar")},
        {"tfrecord_images", "files: " + path(name + ".tfrecord")},
    };
  }

  // The keys of tables::Pictures, in every dataset that has them.
  Pairs pairs_of_picture_keys() const {
    Pairs pairs;
    const auto damaged = sections_of_pictures("damaged"), gray = sections_of_pictures("gray");
    for (const auto& [type, whole] : sections_of_pictures("whole")) {
      pairs[type + ".mode"] = {whole, whole + ", mode: gray"};
      const std::string& numbers = gray.at(type);
      pairs[type + ".pixel_type"] = {numbers + ", mode: gray", numbers + ", mode: gray, pixel_type: float32"};
      pairs[type + ".orientation"] = {whole, whole + ", orientation: exif"};
      pairs[type + ".max_pixels"] = {whole, whole + ", max_pixels: 9", "max_pixels"};
      pairs[type + ".damaged_jpegs"] = {damaged.at(type) + ", damaged_jpegs: read", damaged.at(type), "damaged"};
    }
    // Which stands upright then, and its mask does not.
    pairs["image_masks.orientation"].complaint = "the picture they belong to is 93x71";
    return pairs;
  }

  Pairs pairs_of_pictures() const {
    const std::string all = "path: " + path("all.csv"),
                      masks = "images: " + path("whole") + ", masks: " + path("masks");
    const std::string pairs = "data: " + path("whole") + ", target: " + path("whole"),
                      listed = "path: " + path("pairs.csv");
    const std::string inverted = "resize: {size: [4, 5]}, random_invert: {p: 1}";
    const std::string shards = "shards: " + path("whole-0.tar"), records = "files: " + path("whole.tfrecord");
    return {
        {"image_folder.root", {"root: " + path("whole_classes"), "root: " + path("classes")}},
        {"image_folder.classes", {"root: " + path("classes"), "root: " + path("classes") + ", classes: [b]"}},
        {"image_files.path", {"path: " + path("whole"), "path: " + path("other")}},
        {"image_manifest.path", {all, "path: " + path("other.csv")}},
        {"image_manifest.root", {all, all + ", root: " + path("elsewhere")}},
        {"image_manifest.image", {all, all + ", image: file"}},
        {"image_manifest.label", {all, all + ", label: kind"}},
        {"image_manifest.label_type", {all + ", label: number", all + ", label: number, label_type: number"}},
        {"image_manifest.boxes", {all, all + ", boxes: where"}},
        {"image_manifest.max_boxes", {all + ", boxes: where", all + ", boxes: where, max_boxes: 3"}},
        {"image_manifest.mask", {all, all + ", mask: outline"}},
        {"image_manifest.mask_values", {all + ", mask: outline", all + ", mask: outline, mask_values: [1, 0]"}},
        {"image_masks.images", {masks, "images: " + path("other") + ", masks: " + path("masks")}},
        {"image_masks.masks", {masks, "images: " + path("whole") + ", masks: " + path("empty_masks")}},
        {"image_masks.mask_values", {masks, masks + ", mask_values: [1, 0]"}},
        {"image_pairs.data", {pairs, "data: " + path("other") + ", target: " + path("whole")}},
        {"image_pairs.target", {pairs, "data: " + path("whole") + ", target: " + path("other")}},
        {"image_pairs.color_changes", {pairs, pairs + ", color_changes: data", "", inverted}},
        {"image_pairs_manifest.path", {listed, "path: " + path("other_pairs.csv")}},
        {"image_pairs_manifest.root", {listed, listed + ", root: " + path("elsewhere")}},
        {"image_pairs_manifest.data", {listed, listed + ", data: more"}},
        {"image_pairs_manifest.target", {listed, listed + ", target: more"}},
        {"image_pairs_manifest.color_changes", {listed, listed + ", color_changes: target", "", inverted}},
        {"mnist.root", {"root: " + path("mnist"), "root: " + path("other_mnist")}},
        {"mnist.split", {"root: " + path("mnist"), "root: " + path("mnist") + ", split: test"}},
        {"cifar10.root", {"root: " + path("cifar"), "root: " + path("other_cifar")}},
        {"cifar10.split", {"root: " + path("cifar"), "root: " + path("cifar") + ", split: test"}},
        {"cifar100.root", {"root: " + path("cifar"), "root: " + path("other_cifar")}},
        {"cifar100.split", {"root: " + path("cifar"), "root: " + path("cifar") + ", split: test"}},
        {"lmdb_images.path", {"path: " + path("whole.lmdb"), "path: " + path("damaged.lmdb"), "damaged"}},
        {"lmdb_images.database",
         {"path: " + path("whole.lmdb"), "path: " + path("whole.lmdb") + ", database: b", "no database 'b'"}},
        {"tar_images.shards", {shards, "shards: " + path("damaged-0.tar"), "damaged"}},
        {"tar_images.image", {shards, shards + ", image: ppm"}},
        {"tar_images.label", {shards, shards + ", label: age"}},
        {"tfrecord_images.files", {records, "files: " + path("damaged.tfrecord"), "damaged"}},
        {"tfrecord_images.image", {records, records + ", image: pixel"}},
        {"tfrecord_images.label", {records, records + ", label: age"}},
    };
  }

  Pairs pairs_of_others() const {
    const std::string npy = "paths: [" + test::data("npy/float64.npy") + "]";
    const std::string archive = "path: " + test::data("npy/archive.npz");
    const std::string vectors = "path: " + test::data("npy/vectors.npz");
    const std::string doubles = "path: " + test::data("npy/doubles.npz");
    const std::string hdf5 = "path: " + test::data("hdf5/labels.h5"), lmdb = "path: " + path("hello.lmdb");
    const std::string tokens = "path: " + path("tokens.bin") + ", length: 2", kept = tokens + ", documents: kept";
    const std::string numbers = "files: " + path("numbers.tfrecord");
    return {
        {"npy.paths", {npy, "paths: [" + test::data("npy/float32.npy") + "]"}},
        {"npy.names", {npy, npy + ", names: [n]"}},
        {"npy.float64", {npy, npy + ", float64: float32"}},
        {"npz.path", {archive, vectors}},
        {"npz.names", {vectors, vectors + ", names: [x]"}},
        {"npz.float64", {doubles, doubles + ", float64: float32"}},
        {"hdf5.path", {hdf5, "path: " + path("labels.h5")}},
        {"hdf5.names", {hdf5, hdf5 + ", names: [ages]", "ages"}},
        {"lmdb.path", {lmdb, "path: " + path("bye.lmdb")}},
        {"lmdb.database", {lmdb, lmdb + ", database: b", "no database 'b'"}},
        {"lmdb.values", {lmdb, lmdb + ", values: tensor"}},
        {"tokens.path", {tokens, "path: " + path("other_tokens.bin") + ", length: 2"}},
        {"tokens.length", {tokens, "path: " + path("tokens.bin") + ", length: 3"}},
        {"tokens.stride", {tokens, tokens + ", stride: 1"}},
        {"tokens.documents", {tokens + ", separator: 9", kept + ", separator: 9"}},
        {"tokens.dtype", {tokens, tokens + ", dtype: uint8"}},
        {"tokens.separator", {kept + ", separator: 9", kept + ", separator: 5"}},
        {"tokens.padding", {kept + ", separator: 9", kept + ", separator: 9, padding: 2"}},
        {"tokens.vocabulary", {tokens, tokens + ", vocabulary: 5", "vocabulary"}},
        {"tar_shards.shards", {"shards: " + path("whole-0.tar"), "shards: " + path("damaged-0.tar")}},
        {"tfrecord.files", {"files: " + path("id.tfrecord"), numbers}},
        {"tfrecord.features", {numbers, numbers + ", features: [age]"}},
    };
  }

  static Pairs pairs_of_combined() {
    const std::string seven = "{type: npy, paths: [" + test::data("npy/labels.npy") + "]}";
    const std::string rows = "{type: npy, paths: [" + test::data("npy/float32.npy") + "]}";
    const std::string four = "{type: npz, path: " + test::data("npy/vectors.npz") + "}";
    const std::string split = "dataset: " + four + ", lengths: [3, 1]";
    return {
        {"concat.datasets", {"datasets: [" + seven + "]", "datasets: [" + seven + ", " + seven + "]"}},
        {"subset.dataset", {"dataset: " + seven, "dataset: " + rows}},
        {"subset.indices", {"dataset: " + seven, "dataset: " + seven + ", indices: [1]"}},
        {"subset.first", {"dataset: " + seven, "dataset: " + seven + ", first: 1"}},
        {"subset.last", {"dataset: " + seven, "dataset: " + seven + ", last: 1"}},
        {"subset.step", {"dataset: " + seven, "dataset: " + seven + ", step: 2"}},
        {"random_split.dataset", {"dataset: " + seven + ", lengths: [1, 1]", "dataset: " + rows + ", lengths: [1, 1]"}},
        {"random_split.lengths", {split, "dataset: " + four + ", lengths: [2, 2]"}},
        {"random_split.part", {split, split + ", part: 1"}},
        {"random_split.seed", {split, split + ", seed: 3"}},
        {"stack.datasets", {"datasets: [" + seven + "]", "datasets: [" + seven + ", " + rows + "]"}},
        {"stack.names", {"datasets: [" + seven + "]", "datasets: [" + seven + "], names: [a]"}},
        {"chain.datasets", {"datasets: [{type: counting}]", "datasets: [{type: counting}, {type: counting}]"}},
    };
  }

  Pairs all_pairs() const {
    Pairs all = pairs_of_picture_keys();
    for (const Pairs& more : {pairs_of_pictures(), pairs_of_others(), pairs_of_combined()})
      all.insert(more.begin(), more.end());
    return all;
  }

  static std::string run_of(const std::string& type, const std::string& keys, const std::string& steps) {
    return "{dataset: {type: " + type + ", " + keys + "}, " +
           (kPictures.contains(type) ? "transforms: [" + steps + "], " : "") + "loader: {num_streams: 1}}";
  }

  test::Directory folder_;
};

// What could not be read, and why; "" where all could.
std::string complaint_about(const std::string& yaml) {
  try {
    given_by(yaml);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

std::set<std::string> keys_in_tables() {
  std::set<std::string> keys;
  for (const auto& section : tables::describe_sections())
    if (section.name == "dataset")
      for (const auto& entry : section.entries)
        for (const auto& key : entry.keys) keys.insert(entry.name + "." + key.name);
  return keys;
}

TEST_F(EveryDatasetKey, ChangesWhatALoaderGives) {
  std::set<std::string> tried;
  for (const auto& [key, pair] : all_pairs()) {
    SCOPED_TRACE(key);
    tried.insert(key);
    const std::string type = key.substr(0, key.find('.'));
    const std::string one = run_of(type, pair.one, pair.steps), other = run_of(type, pair.other, pair.steps);
    const std::string complaint = complaint_about(one);
    if (complaint.find("this build of Millrace is without") != complaint.npos) continue;
    EXPECT_EQ(complaint, "") << one;
    if (!complaint.empty()) continue;
    if (pair.complaint.empty()) {
      EXPECT_EQ(complaint_about(other), "") << other;
      EXPECT_EQ(given_by(one), given_by(one)) << "the same dataset differs";
      EXPECT_TRUE(complaint_about(other) != "" || given_by(one) != given_by(other)) << "it changes nothing";
    } else {
      EXPECT_NE(complaint_about(other).find(pair.complaint), std::string::npos) << complaint_about(other);
    }
  }
  EXPECT_EQ(tried, keys_in_tables());
}

}  // namespace
}  // namespace millrace::configs::every_dataset_key_test
