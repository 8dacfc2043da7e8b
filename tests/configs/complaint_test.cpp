// What constructors complain about, told at the value to blame.
#include "millrace/configs/complaint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/tests/formats/small_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs::complaint_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Node document(const std::string& text) { return load(parse(text, "run.yaml"), {}); }

// What is said of a run whose section `made` is made by a constructor that complains.
std::string said(const std::string& run, const std::string& complaint) {
  const Node node = document(run);
  return test::error_of<ConfigError>(
      [&] { build_at(node["made"], [&]() -> int { throw std::invalid_argument(complaint); }); });
}

TEST(Complaint, IsAboutTheParameterThatItBeginsWith) {
  EXPECT_EQ(said("made: {type: cut, size: -1}", "size must be positive"),
            "run.yaml:1:25: made.size: size must be positive");
  EXPECT_EQ(said("made: {type: cut, size: -1}", "Cut: size=-1 must be positive"),
            "run.yaml:1:25: made.size: Cut: size=-1 must be positive");
  EXPECT_EQ(said("made: {type: cut, sizes: [1, -1]}", "Cut: sizes[1] is -1"),
            "run.yaml:1:26: made.sizes: Cut: sizes[1] is -1");
  EXPECT_EQ(said("made: {type: cut, size: -1}", "Cut: no size of -1"), "run.yaml:1:7: made: Cut: no size of -1");
  EXPECT_EQ(said("made: {type: cut, size: -1}", "size/a.jpg is no picture"),
            "run.yaml:1:7: made: size/a.jpg is no picture");
}

TEST(Complaint, LeavesOutNamesThatThePathSays) {
  EXPECT_EQ(said("made: {size: -1}", "size: must be positive"), "run.yaml:1:14: made.size: must be positive");
  EXPECT_EQ(said("made: {size: -1}", "Cut: size: must be positive"), "run.yaml:1:14: made.size: must be positive");
}

TEST(Complaint, IsAboutTheValueThatItQuotes) {
  EXPECT_EQ(said("made: {names: [a, b], path: x}", "no 'b' in 'x'"), "run.yaml:1:19: made.names.1: no 'b' in 'x'");
  EXPECT_EQ(said("made: {names: [a, b], path: x}", "no 'c'"), "run.yaml:1:7: made: no 'c'");
}

TEST(Complaint, SpeaksInWordsOfYaml) {
  EXPECT_EQ(said("made: {type: random}", "RandomSampler: cannot draw {0, 1}"),
            "run.yaml:1:7: made: random: cannot draw [0, 1]");
  EXPECT_EQ(said("made: random", "RandomSampler: cannot draw"), "run.yaml:1:7: made: random: cannot draw");
}

TEST(Complaint, ShowsNoValueOfTheEnvironment) {
  const test::Environment token("MILLRACE_TEST_TOKEN", "hf_SeCrEt");
  const std::string run = "made: {path: '${env:MILLRACE_TEST_TOKEN}/a', size: 1}";
  for (const char* complaint : {"hf_SeCrEt/a: no such folder", "cannot open 'hf_SeCrEt/a'", "size: of hf_SeCrEt/a"})
    EXPECT_THAT(said(run, complaint), AllOf(HasSubstr("${env:MILLRACE_TEST_TOKEN}/a"), Not(HasSubstr("hf_SeCrEt"))));
}

struct Row {
  std::string section;
  std::string said;
};

// The error of a loader, behind the file's name and the place in it.
std::string error_of_loader(const std::string& sections) {
  const Node run = document(sections + "loader: {batch_size: 2}\n");
  return test::error_of<ConfigError>([&] { build_loader(run["loader"]); });
}

TEST(ComplaintOfADataset, IsToldAtTheKeyToBlame) {
  const test::Directory folder;
  folder.copy("formats/rgb.png", "rgb.png");
  folder.copy("formats/rgb.png", "other/rgb.png");
  folder.write("list.csv", "path,label,boxes\nrgb.png,0,\"[[0, 0, 2, 2], [0, 0, 1, 1]]\"\n");
  folder.write("tokens.bin", std::string("\1\0\2\0\3\0", 6));
  folder.write("small.lmdb", test::small_lmdb());
  folder.write("small.tfrecord", test::small_tfrecord());
  const std::string in_folder = folder.path() + "/";
  const std::string photos = "type: image_folder, root: " + test::data("photos");
  const std::string list = "type: image_manifest, path: " + in_folder + "list.csv";
  const std::string pairs = "type: image_pairs_manifest, path: " + in_folder + "list.csv";
  const std::string labels = test::data("npy/labels.npy");
  const std::vector<Row> rows = {
      {photos + ", classes: [hat, dog]", "dataset.classes.1: image_folder: no class 'dog': no such directory in '"},
      {photos + ", classes: [hat, hat]", "dataset.classes.0: image_folder: class 'hat' is listed twice"},
      {"type: image_folder, root: /no/such", "dataset.root: image_folder: no such directory: '/no/such'"},
      {list + ", image: picture", "no column 'picture' among path, label, boxes"},
      {list + ", image: picture", "dataset.image: "},
      {list + ", image: ''", "dataset.image: the column of the pictures needs a name"},
      {list + ", label: kind", "dataset.label: "},
      {list + ", mask: outline", "dataset.mask: "},
      {list + ", boxes: boxes, max_boxes: 1", "dataset.max_boxes: image_manifest: max_boxes is 1, but picture 0 of '"},
      {list + ", mask_values: [0, 0]", "dataset.mask_values: 0 stands for two classes"},
      {list + ", label: kind", "label=NAME reads another, label='' none"},
      {list + ", label_type: number, label: path", "dataset.label_type: "},
      {pairs + ", data: path, target: seen", "target=NAME reads another"},
      {pairs + ", data: ''", "dataset.data: the column needs a name"},
      {pairs + ", data: path, target: seen", "dataset.target: "},
      {"type: image_pairs, data: " + in_folder + "other, target: /no/such",
       "dataset.target: image_pairs: no such directory: '/no/such'"},
      {"type: npy, paths: [" + labels + "], names: [a, b]", "dataset.names: 2 for 1 file"},
      {"type: npy, paths: [" + labels + ", " + labels + "], names: [a, a]",
       "dataset.names: two fields are called 'a'; give each its own"},
      {"type: npy, paths: [" + labels + "], names: ['']", "dataset.names: a field has an empty name; give each one"},
      {"type: npz, path: " + test::data("npy/archive.npz") + ", names: ['', numbers]",
       "archive.npz' is asked for an array with an empty name; name each"},
      {"type: npz, path: " + test::data("npy/archive.npz") + ", names: [numbers, dog]", "dataset.names.1: npz: '"},
      {"type: tokens, path: " + in_folder + "tokens.bin, length: 2, stride: 3", "dataset.stride: tokens: stride is 3"},
      {"type: lmdb, path: " + in_folder + "small.lmdb, database: dog", "dataset.database: lmdb: '"},
      {"type: tfrecord, files: " + in_folder + "small.tfrecord, features: [id, dog]",
       "dataset.features.1: tfrecord: '"},
      {photos + ", pixel_type: uint16", "dataset.pixel_type: pictures of uint16 have one channel"},
      {"type: stack, names: [a, a], datasets: [{type: npy, paths: [" + labels + "]}, {type: npy, paths: [" + labels +
           "]}]",
       "dataset.names.0: stack: two datasets have the name 'a'"},
  };
  for (const Row& row : rows)
    EXPECT_THAT(error_of_loader("dataset: {" + row.section + "}\n"), HasSubstr(row.said)) << row.section;
}

TEST(ComplaintOfASampler, IsToldAtTheKeyToBlame) {
  const std::vector<Row> rows = {
      {"type: random, num_samples: 0", "sampler.num_samples: random: num_samples should be a positive"},
      {"type: weighted_random, weights: [1, -1]", "sampler.weights: weighted_random: weights[1] is -1"},
      {"type: weighted_random, weights: [0, 0]", "sampler.weights: none of the 2 is positive"},
      {"type: weighted_random, weights: [0, 1], num_samples: 2, replacement: false",
       "sampler.num_samples: weighted_random: num_samples=2 cannot be drawn without replacement"},
      {"type: class_balanced, labels: [1, 1], num_samples: 0", "sampler.num_samples: class_balanced: num_samples "},
      {"type: shard_shuffle, shard_sizes: [3, -1]", "sampler.shard_sizes: shard_shuffle: shard_sizes[1] is -1"},
      {"type: shard_shuffle, shard_sizes: [2], open_shards: 0", "sampler.open_shards: "},
      {"type: shuffle_buffer, buffer_size: 0", "sampler.buffer_size: "},
      {"type: repeat, times: 0", "sampler.times: "},
      {"type: repeat, times: 2, sampler: {type: random, num_samples: 0}", "sampler.sampler.num_samples: random: "},
      {"type: distributed, rank: 2, num_replicas: 2", "sampler.rank: Distributed: rank 2 should be in the interval"},
      {"type: distributed_sampler, rank: 2, num_replicas: 2", "sampler.rank: distributed_sampler: rank 2 should be"},
      {"type: bucket_batch, lengths: [1, -1]", "sampler.lengths: bucket_batch: lengths[1] is -1"},
      {"type: bucket_batch, lengths: [1, 1], boundaries: [3, 2]", "sampler.boundaries: bucket_batch: boundaries must"},
  };
  const std::string two = "dataset: {type: npy, paths: [" + test::data("npy/labels.npy") + "]}\n";
  for (const Row& row : rows)
    EXPECT_THAT(error_of_loader(two + "sampler: {" + row.section + "}\n"), HasSubstr(": " + row.said)) << row.section;
}

TEST(ComplaintOfATransform, IsToldAtTheKeyToBlameWhenItMeetsPictures) {
  const std::string photos = "dataset: {type: image_folder, root: " + test::data("photos") + ", mode: gray}\n";
  const auto error = [&](const std::string& steps) {
    return error_of_loader(photos + "transforms: [resize: {size: [8, 8]}, " + steps + "]\n");
  };
  EXPECT_THAT(error("normalize: {mean: [0, 0, 0], std: [1, 1, 1]}"),
              HasSubstr(": transforms.1.normalize.mean: 3 means for pictures with 1 channel"));
  EXPECT_THAT(error("normalize: {mean: [0, 0], std: [1]}"),
              HasSubstr(": transforms.1.normalize.std: 1 number where mean has 2"));
  EXPECT_THAT(error("normalize: {mean: [0], std: [0]}"), HasSubstr(": transforms.1.normalize.std: "));
  EXPECT_THAT(
      error("random_apply: {transforms: [random_rotation: {degrees: 9, fill: [1, 2, 3]}]}"),
      HasSubstr(
          ": transforms.1.random_apply.transforms.0.random_rotation.fill: 3 fill values for pictures with 1 channel"));
  EXPECT_THAT(error("normalize"), HasSubstr(": transforms.1: normalize: mean: 3 means for pictures with 1 channel"));
}

}  // namespace
}  // namespace millrace::configs::complaint_test
