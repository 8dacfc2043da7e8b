// The tables of configs/tables: whatever they name is reached from YAML, and the page that repeats them agrees.
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/datasets.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/collate_keys.h"
#include "millrace/configs/tables/combined_keys.h"
#include "millrace/configs/tables/loader_keys.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/tables/sampler_keys.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/class_balanced_sampler.h"
#include "millrace/samplers/distributed.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/shard_shuffle_sampler.h"
#include "millrace/samplers/shuffle_buffer_sampler.h"
#include "millrace/samplers/subset_random_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/tests/configs/counting.h"
#include "millrace/tests/formats/small_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs::tables_test {
namespace {

using test::Counting;

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Node document(const std::string& text) { return Node(parse(text, "run.yaml")); }

template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "nothing was thrown";
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The names of T's keys, those of lists inside too.
template <class T>
std::set<std::string> names_of_keys() {
  std::vector<tables::KeyDescription> keys;
  tables::describe_keys(T(), keys);
  std::set<std::string> names;
  for (const auto& key : keys) names.insert(key.name);
  return names;
}

std::set<std::string> keys_in(const Node& section) {
  std::set<std::string> names;
  for (const auto& member : section.value().members)
    if (member.key != "type") names.insert(member.key);
  return names;
}

template <class List>
std::set<std::string> names_of(List list) {
  std::set<std::string> names;
  tables::for_each_type(list, [&]<class T>(T) { names.emplace(T::kName); });
  return names;
}

template <class Value>
std::set<std::string> names_of(const std::map<std::string, Value>& cases) {
  std::set<std::string> names;
  for (const auto& [name, _] : cases) names.insert(name);
  return names;
}

// --- loader ---

// What the getters say. Compared with options.h below, so that none is missing.
std::map<std::string, std::string> values_of(const DataLoaderOptions& options) {
  const auto number = [](auto value) { return std::to_string(static_cast<long long>(value)); };
  const auto maybe = [](std::optional<int64_t> value) { return value ? std::to_string(*value) : "none"; };
  return {{"batch_size", number(options.batch_size())},
          {"num_workers", number(options.num_workers())},
          {"worker_mode", number(options.worker_mode())},
          {"start_method", to_string(options.start_method())},
          {"shuffle", number(options.shuffle())},
          {"seed", number(options.seed())},
          {"seed_mode", number(options.seed_mode())},
          {"generator", number(options.generator().defined())},
          {"persistent_workers", number(options.persistent_workers())},
          {"drop_last", number(options.drop_last())},
          {"prefetch", number(options.prefetch())},
          {"prefetch_next_epoch", number(options.prefetch_next_epoch())},
          {"prefetch_bytes", number(options.prefetch_bytes())},
          {"held", number(options.held())},
          {"kept_bytes", number(options.kept_bytes())},
          {"check_copies", number(options.check_copies())},
          {"in_order", number(options.in_order())},
          {"timeout", number(options.timeout().count())},
          {"retries", number(options.retries())},
          {"sample_timeout", number(options.sample_timeout().count())},
          {"notice_after", number(options.notice_after().count())},
          {"profile", number(options.profile())},
          {"on_error", number(options.on_error())},
          {"empty_batches", number(options.empty_batches())},
          {"worker_init_fn", number(options.worker_init_fn() != nullptr)},
          {"num_streams", number(options.num_streams())},
          {"max_sample_bytes", number(options.max_sample_bytes())},
          {"pin_memory", number(options.pin_memory())},
          {"device", options.device().str()},
          {"device_prefetch", number(options.device_prefetch())},
          {"device_batch_bytes", number(options.device_batch_bytes())},
          {"max_jobs", maybe(options.max_jobs())},
          {"prefetch_factor", maybe(options.prefetch_factor())}};
}

// Values that a key may have besides `initial`.
template <class Owner, class Value>
std::vector<std::string> other_values(const tables::Key<Owner, Value>& key, const Value& initial) {
  if (!key.words.empty()) {
    auto words = tables::split_words(key.words);
    std::erase(words, tables::text_of(initial));
    return words;
  }
  if (key.name == "device") return {"cuda", "'cuda:1'"};
  if constexpr (std::is_same_v<Value, bool>)
    return {initial ? "false" : "true"};
  else if constexpr (std::is_same_v<Value, double>)
    return {"1.5"};
  else if constexpr (std::is_integral_v<Value>)
    return {std::to_string(initial + 7)};
  else
    return {"7"};
}

TEST(LoaderTable, HasEveryOptionThatIsNoLiveObject) {
  const std::string header = file_text(test::source("loader/options.h"));
  const std::regex member(R"(MILLRACE_OPTION\([^;]*?, (\w+), |std::optional<int64_t> (\w+)_;)");
  std::set<std::string> options;
  for (std::sregex_iterator found(header.begin(), header.end(), member), end; found != end; ++found)
    options.insert((*found)[1].matched ? (*found)[1] : (*found)[2]);
  options.erase("name");  // The macro itself.
  EXPECT_EQ(names_of(values_of({})), options) << "this test asks every option";
  auto named = names_of_keys<tables::Loader>();
  for (const auto& live : tables::kLiveOptions) EXPECT_TRUE(named.emplace(live.name).second) << live.name;
  EXPECT_EQ(named, options) << "configs/tables/loader_keys.h has every option of loader/options.h";
}

TEST(LoaderTable, DefaultsAreThoseOfTheOptions) {
  EXPECT_EQ(values_of(read_loader_options(document("loader:\n")["loader"])), values_of(DataLoaderOptions()));
}

TEST(LoaderTable, EachKeyChangesItsOptionAndNoOther) {
  const auto defaults = values_of(DataLoaderOptions());
  const tables::Loader initial;
  tables::for_each_key<tables::Loader>([&](const auto& key) {
    const std::string name(key.name);
    int changed = 0;
    for (const auto& value : other_values(key, initial.*key.member)) {
      SCOPED_TRACE(name + ": " + value);
      auto values = values_of(read_loader_options(document("loader: {" + name + ": " + value + "}")["loader"]));
      changed += values[name] != defaults.at(name) ? 1 : 0;
      values[name] = defaults.at(name);
      EXPECT_EQ(values, defaults) << "besides " << name;
    }
    // pin_memory: auto is false where there is no driver, as in this test.
    const size_t expected = other_values(key, initial.*key.member).size() - (name == "pin_memory" ? 1 : 0);
    EXPECT_EQ(static_cast<size_t>(changed), expected) << name;
  });
}

TEST(LoaderTable, TimesAreSeconds) {
  const auto options = read_loader_options(document("{timeout: 1.5, sample_timeout: 0.25}"));
  EXPECT_EQ(options.timeout(), std::chrono::milliseconds(1500));
  EXPECT_EQ(options.sample_timeout(), std::chrono::milliseconds(250));
}

// --- sampler ---

template <class S>
std::vector<int64_t> indices_of(S sampler) {
  std::vector<int64_t> indices;
  while (const auto index = sampler.next()) {
    indices.push_back(*index);
    if (indices.size() == 50) break;  // An infinite one.
  }
  return indices;
}

template <SamplerOfBatches S>
std::vector<int64_t> batches_of(S sampler) {
  std::vector<int64_t> indices;
  for (std::vector<int64_t> batch; sampler.next(batch); indices.push_back(-1))
    indices.insert(indices.end(), batch.begin(), batch.end());
  return indices;
}

constexpr int64_t kSamples = 6;

struct SamplerCase {
  std::string keys;  // All that the type has.
  std::vector<int64_t> expected;
};

std::map<std::string, SamplerCase> sampler_cases() {
  const std::vector<int64_t> lengths = {1, 9, 2, 8, 3, 7};
  return {
      {"sequential", {"", indices_of(SequentialSampler(kSamples))}},
      {"random",
       {"replacement: true, num_samples: 9, seed: 3",
        indices_of(RandomSampler(kSamples, {.replacement = true, .num_samples = 9, .seed = 3}))}},
      {"subset_random", {"indices: [1, 3, 5], seed: 3", indices_of(SubsetRandomSampler({1, 3, 5}, 3))}},
      {"weighted_random",
       {"weights: [1, 2, 3, 0, 0.5, 1], num_samples: 4, replacement: false, seed: 3",
        indices_of(WeightedRandomSampler({1, 2, 3, 0, 0.5, 1}, 4, false, 3))}},
      {"keyed_permutation", {"seed: 3", indices_of(KeyedPermutationSampler(kSamples, 3))}},
      {"class_balanced",
       {"labels: [0, 0, 0, 0, 1, 1], num_samples: 8, seed: 3",
        indices_of(ClassBalancedSampler(std::vector<int64_t>{0, 0, 0, 0, 1, 1}, {.num_samples = 8, .seed = 3}))}},
      {"shard_shuffle",
       {"shard_sizes: [2, 3, 1], open_shards: 2, seed: 3",
        indices_of(ShardShuffleSampler({2, 3, 1}, {.open_shards = 2, .seed = 3}))}},
      {"shuffle_buffer",
       {"buffer_size: 3, seed: 3, sampler: {type: random, seed: 4}",
        indices_of(ShuffleBufferSampler(RandomSampler(kSamples, {.seed = 4}), 3, 3))}},
      {"repeat",
       {"times: 2, sampler: {type: random, seed: 4}",
        indices_of(RepeatSampler(RandomSampler(kSamples, {.seed = 4}), 2))}},
      {"infinite",
       {"sampler: {type: random, seed: 4}", indices_of(InfiniteSampler(RandomSampler(kSamples, {.seed = 4})))}},
      {"distributed",
       {"rank: 1, num_replicas: 4, remainder: keep, sampler: {type: random, seed: 4}",
        indices_of(Distributed(RandomSampler(kSamples, {.seed = 4}),
                               {.rank = 1, .num_replicas = 4, .remainder = Remainder::kKeep}))}},
      {"distributed_sampler",
       {"rank: 1, num_replicas: 4, shuffle: false, seed: 3, drop_last: true",
        indices_of(DistributedSampler(
            kSamples, {.rank = 1, .num_replicas = 4, .shuffle = false, .seed = 3, .drop_last = true}))}},
      {"sequence", {"indices: [3, 1, 3]", {3, 1, 3}}},
      {"batch_sequence", {"batches: [[3, 1], [2], [0, 0]]", {3, 1, -1, 2, -1, 0, 0, -1}}},
      {"bucket_batch",
       {"lengths: [1, 9, 2, 8, 3, 7], max_padded: 27, boundaries: [5], shuffle: false, seed: 3, drop_last: true",
        batches_of(BucketBatchSampler(
            lengths,
            {.batch_size = 2, .max_padded = 27, .boundaries = {5}, .shuffle = false, .seed = 3, .drop_last = true}))}},
  };
}

std::vector<int64_t> read_indices(const std::string& keys) {
  const auto run = document("sampler: {" + keys + "}");
  Order order = read_order(run["sampler"], {kSamples}, DataLoaderOptions(2).seed(5));
  return order.batches ? batches_of(*std::move(order.batches)) : indices_of(*std::move(order.samples));
}

TEST(SamplerTable, EachTypeIsReachedByAllOfItsKeys) {
  const auto cases = sampler_cases();
  EXPECT_EQ(names_of(tables::NamedSamplers()), names_of(cases)) << "a case for each type";
  tables::for_each_type(tables::NamedSamplers(), [&]<class T>(T) {
    SCOPED_TRACE(T::kName);
    const auto found = cases.find(std::string(T::kName));
    if (found == cases.end()) return;
    EXPECT_EQ(keys_in(document("sampler: {" + found->second.keys + "}")["sampler"]), names_of_keys<T>());
    const std::string type = "type: " + found->first;
    EXPECT_EQ(read_indices(found->second.keys.empty() ? type : type + ", " + found->second.keys),
              found->second.expected);
  });
}

TEST(SamplerTable, SeedsAreTheLoadersWhenLeftOut) {
  static const std::regex seed("(^|, )seed: 3");
  for (const auto& [name, sampler] : sampler_cases()) {
    if (!std::regex_search(sampler.keys, seed)) continue;
    const std::string others = std::regex_replace(sampler.keys, seed, "");
    const std::string keys = "type: " + name + (others.empty() ? "" : ", " + others);
    EXPECT_EQ(read_indices(keys), read_indices(keys + ", seed: 5")) << name;
  }
}

TEST(SamplerTable, ANameAloneIsASectionWithoutKeys) {
  const auto order = [](const std::string& text) {
    return indices_of(read_sampler(document(text)["sampler"], kSamples, DataLoaderOptions().seed(5)));
  };
  EXPECT_EQ(order("sampler: random"), order("sampler: {type: random}"));
  EXPECT_EQ(order("sampler: {type: repeat, times: 2, sampler: random}").size(), 12U);
  EXPECT_EQ(error_of([&] { order("sampler: randon"); }),
            "run.yaml:1:10: sampler: expected one of sequential, random, subset_random, weighted_random, "
            "keyed_permutation, class_balanced, shard_shuffle, shuffle_buffer, repeat, infinite, distributed, "
            "distributed_sampler, bucket_batch, sequence, batch_sequence, found 'randon', did you mean random?");
  EXPECT_EQ(error_of([&] { order("sampler: repeat"); }),
            "run.yaml:1:10: sampler: the key 'times' is missing (an integer: how many)");
}

TEST(SamplerTable, WrongValuesHaveTheirPlace) {
  const auto error = [](const std::string& keys) { return error_of([&] { read_indices(keys); }); };
  EXPECT_EQ(error("type: subset_random, indices: [0, 6]"),
            "run.yaml:1:41: sampler.indices: there is no sample 6: the dataset has 6");
  EXPECT_EQ(error("type: sequence, indices: [0, 6]"),
            "run.yaml:1:36: sampler.indices: there is no sample 6: the dataset has 6");
  EXPECT_EQ(error("type: batch_sequence, batches: [[0], [-1]]"),
            "run.yaml:1:48: sampler.batches.1: there is no sample -1: the dataset has 6");
  EXPECT_EQ(error("type: batch_sequence, batches: [[0], [1, 2, 3]]"),
            "run.yaml:1:48: sampler.batches.1: has 3 samples, loader.batch_size is 2: raise that, or make the batch "
            "smaller");
  EXPECT_EQ(error("type: batch_sequence, batches: [[0], 1]"),
            "run.yaml:1:48: sampler.batches.1: expected a list of integers, found '1'; write [1]");
  EXPECT_EQ(error("type: weighted_random, weights: [1, 2]"),
            "run.yaml:1:43: sampler.weights: expected 6 values, one for each sample, found 2");
  EXPECT_EQ(error("type: class_balanced, labels: [1]"),
            "run.yaml:1:41: sampler.labels: expected 6 values, one for each sample, found 1");
  EXPECT_EQ(error("type: class_balanced"),
            "run.yaml:1:10: sampler: this type of dataset does not tell its labels; give the key labels");
  EXPECT_EQ(error("type: bucket_batch, lengths: []"),
            "run.yaml:1:40: sampler.lengths: expected 6 values, one for each sample, found 0");
  EXPECT_EQ(error("type: shard_shuffle, shard_sizes: [6, 1]"),
            "run.yaml:1:45: sampler.shard_sizes: the shards have 7 samples, the dataset 6");
  EXPECT_EQ(error("type: shard_shuffle"),
            "run.yaml:1:10: sampler: this type of dataset has no shards; give the key shard_sizes");
  EXPECT_EQ(error("type: distributed, remainder: some"),
            "run.yaml:1:41: sampler.remainder: expected one of pad, drop, keep, found 'some'");
  EXPECT_THAT(error("type: distributed, rank: 2, num_replicas: 2"),
              StartsWith("run.yaml:1:36: sampler.rank: Distributed: rank 2 "));
  EXPECT_EQ(error("type: repeat, times: 2, sampler: {type: bucket_batch, lengths: [1, 1, 1, 1, 1, 1]}"),
            "run.yaml:1:44: sampler.sampler: gives whole batches; expected a sampler that gives samples");
  EXPECT_EQ(error("type: repeat, times: 2, sampler: {type: random, sed: 1}"),
            "run.yaml:1:59: sampler.sampler.sed: unknown key, did you mean seed?");
}

// --- dataset ---

// Files for each type of dataset, and the sections that read them.
class Datasets : public testing::Test {
 protected:
  Datasets() {
    folder_.write("cifar/test_batch.bin", std::string(1, '\2') + std::string(3072, 'x'));
    folder_.write("cifar/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    folder_.write("cifar/test.bin", std::string(1, '\1') + std::string(1, '\2') + std::string(3072, 'x'));
    std::string names;
    for (int i = 0; i < 100; ++i) names += "class" + std::to_string(i) + "\n";
    folder_.write("cifar/fine_label_names.txt", names);
    folder_.copy("shards/pictures-000000.tar", "shards/a-0.tar");
    folder_.copy("shards/pictures-000001.tar", "shards/a-1.tar");
    folder_.write("objects.csv", "file,what,where,outline\nrgb.png,cat,\"[[0, 0, 2, 2]]\",mask.png\n");
    folder_.copy("formats/rgb.png", "pictures/rgb.png");
    folder_.copy("manifests/mask.png", "pictures/mask.png");
    folder_.copy("formats/rgb.png", "photographed/one.png");
    folder_.copy("manifests/mask.png", "painted/one.png");
    folder_.copy("formats/rgb.png", "others/rgb.png");
    folder_.copy("manifests/mask.png", "others/mask.png");
    folder_.write("pairs.csv", "file,other\nrgb.png,mask.png\n");
    folder_.write("small.lmdb", test::small_lmdb());
    folder_.write("small.tfrecord", test::small_tfrecord());
    folder_.write("pictures.lmdb", test::small_lmdb(test::kPixel));
    folder_.write("pictures.tfrecord", test::tfrecord_of_pixel());
    folder_.write("tokens.bin", std::string("\1\0\2\0\3\0", 6));
  }

  // All keys of each type.
  std::map<std::string, std::string> sections() const {
    const std::string pictures =
        ", mode: gray, pixel_type: uint8, orientation: exif, max_pixels: 1000000, damaged_jpegs: read";
    const std::string in_folder = folder_.path() + "/";
    std::string numbers = "0";
    for (int number = 1; number < 255; ++number) numbers += ", " + std::to_string(number);
    return {
        {"image_folder", "root: " + test::data("photos") + ", classes: [shoes, hat]" + pictures},
        {"image_files", "path: " + in_folder + "pictures/rgb.png" + pictures},
        {"image_manifest", "path: " + in_folder + "objects.csv, root: " + in_folder +
                               "pictures, image: file, label: what, label_type: class, boxes: where, mask: outline, "
                               "max_boxes: 3, mask_values: [" +
                               numbers + "]" + pictures},
        {"image_masks", "images: " + in_folder + "photographed, masks: " + in_folder + "painted, mask_values: [" +
                            numbers + "]" + pictures},
        {"image_pairs",
         "data: " + in_folder + "pictures, target: " + in_folder + "others, color_changes: data" + pictures},
        {"image_pairs_manifest", "path: " + in_folder + "pairs.csv, root: " + in_folder +
                                     "pictures, data: file, target: other, color_changes: target" + pictures},
        {"mnist", "root: " + test::data("mnist") + ", split: test"},
        {"cifar10", "root: " + in_folder + "cifar, split: test"},
        {"cifar100", "root: " + in_folder + "cifar, split: test"},
        {"npy", "paths: [" + test::data("npy/labels.npy") + "], names: [number], float64: float32"},
        {"npz", "path: " + test::data("npy/archive.npz") + ", names: [numbers], float64: float32"},
        {"hdf5", "path: " + test::data("hdf5/labels.h5") + ", names: [labels]"},
        {"lmdb", "path: " + in_folder + "small.lmdb, database: '', values: tensor"},
        {"lmdb_images", "path: " + in_folder + "pictures.lmdb, database: ''" + pictures},
        {"tokens", "path: " + in_folder +
                       "tokens.bin, length: 2, stride: 1, documents: kept, dtype: uint16, separator: 9, padding: 1, "
                       "vocabulary: 10"},
        {"tar_images", "shards: '" + in_folder + "shards/a-{0..1}.tar', image: png;jpg, label: cls" + pictures},
        {"tar_shards", "shards: '" + in_folder + "shards/a-{0..1}.tar'"},
        {"tfrecord", "files: '" + in_folder + "small.tfrecord', features: [id]"},
        {"tfrecord_images",
         "files: '" + in_folder + "pictures.tfrecord', image: image/encoded, label: image/class/label" + pictures},
    };
  }

  Node run(const std::string& type, const std::string& more) const {
    const bool has_pictures =
        !std::set<std::string>{"npy", "npz", "hdf5", "lmdb", "tokens", "tar_shards", "tfrecord"}.contains(type);
    return document("dataset: {type: " + type + ", " + sections().at(type) + "}\n" +
                    (has_pictures ? "transforms: [resize: {size: [4, 5]}]\n" : "") + more);
  }

  test::Directory folder_;
};

TEST(Help, SaysOfEachKeyWhatItIsForAndWhatItExpects) {
  for (const auto& section : tables::describe_sections())
    for (const auto& entry : section.entries)
      for (const auto& key : entry.keys) {
        EXPECT_FALSE(key.about.empty()) << section.name << "." << entry.name << "." << key.name;
        EXPECT_FALSE(key.expected.empty()) << section.name << "." << entry.name << "." << key.name;
      }
  EXPECT_NE(tables::help_text("transforms.random_affine")
                .find("  interpolation: nearest\n      How pixels between pixels are found. Expects one of nearest, "
                      "bilinear.\n"),
            std::string::npos)
      << tables::help_text("transforms.random_affine");
}

TEST(Help, SaysWhereAKeyIsThatIsNoSection) {
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { tables::help_text("lr"); }),
              ::testing::HasSubstr("found 'lr', a key of optimizer; see millrace help config optimizer"));
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { tables::help_text("workers"); }),
              ::testing::HasSubstr("here it is loader.num_workers, see millrace help config loader.num_workers"));
}

TEST_F(Datasets, EachTypeIsReachedByAllOfItsKeys) {
  EXPECT_EQ(names_of(tables::NamedDatasets()), names_of(sections())) << "a section for each type";
  const std::map<std::string, std::vector<std::string>> fields = {
      {"image_folder", {"image", "label"}},
      {"image_files", {"image"}},
      {"image_manifest", {"image", "label", "boxes", "boxes.count", "mask"}},
      {"image_masks", {"image", "mask"}},
      {"image_pairs", {"data", "target"}},
      {"image_pairs_manifest", {"data", "target"}},
      {"mnist", {"image", "label"}},
      {"cifar10", {"image", "label"}},
      {"cifar100", {"image", "label"}},
      {"npy", {"number"}},
      {"npz", {"numbers"}},
      {"hdf5", {"labels"}},
      {"lmdb", {"key", "value"}},
      {"lmdb_images", {"image"}},
      {"tokens", {"data", "target"}},
      {"tar_images", {"image", "label"}},
      {"tar_shards", {"__key__"}},
      {"tfrecord", {"id"}},
      {"tfrecord_images", {"image", "label"}},
  };
  tables::for_each_type(tables::NamedDatasets(), [&]<class T>(T) {
    SCOPED_TRACE(T::kName);
    const auto section = run(std::string(T::kName), "loader: {batch_size: 1}");
    EXPECT_EQ(keys_in(section["dataset"]), names_of_keys<T>());
    if (error_of([&] { build_loader(section["loader"]); }).find("this build of Millrace is without") !=
        std::string::npos)
      return;  // A format whose library was not there when Millrace was configured.
    const auto loader = build_loader(section["loader"]);
    auto batch = loader->next();
    ASSERT_TRUE(batch);
    for (const auto& field : fields.at(std::string(T::kName))) EXPECT_TRUE(batch->columns().contains(field)) << field;
  });
}

TEST_F(Datasets, KeysReachTheDatasets) {
  const auto loader = build_loader(run("image_manifest", "loader: {}")["loader"]);
  EXPECT_EQ(to_string(loader->spec()),
            "image: Byte [1, 4, 5], label: Long [], boxes: Float [3, 4], boxes.count: Long [], mask: Byte [1, 4, 5]");
  EXPECT_EQ(tables::Pictures().max_pixels, kMaxPixels);
}

TEST_F(Datasets, TellLabelsAndShardsToSamplers) {
  const auto size = [&](const std::string& type, const std::string& sampler) {
    return build_loader(run(type, "sampler: {type: " + sampler + "}\nloader: {}")["loader"])->size();
  };
  EXPECT_EQ(size("image_folder", "class_balanced, num_samples: 7"), 7);
  EXPECT_EQ(size("mnist", "class_balanced, num_samples: 7"), 7);
  const auto all = size("tar_shards", "sequential");
  EXPECT_EQ(size("tar_shards", "shard_shuffle"), all);
  EXPECT_EQ(size("tar_images", "shard_shuffle"), all);
}

TEST_F(Datasets, WrongValuesHaveTheirPlace) {
  const auto error = [](const std::string& dataset, const std::string& more = "") {
    const auto run = document("dataset: {" + dataset + "}\n" + more + "loader: {}");
    return error_of([&] { build_loader(run["loader"]); });
  };
  EXPECT_THAT(error("type: mnis, root: x"),
              AllOf(StartsWith("run.yaml:1:17: dataset.type: expected one of "), HasSubstr(" image_folder, "),
                    EndsWith(", found 'mnis', did you mean mnist?")));
  EXPECT_EQ(error("type: mnist, root: x, split: dev"),
            "run.yaml:1:40: dataset.split: expected one of train, test, found 'dev', did you mean test?");
  EXPECT_EQ(error("type: mnist"),
            "run.yaml:1:10: dataset: the key 'root' is missing (a text: the directory with the unpacked files)");
  EXPECT_THAT(error("type: mnist, root: /no/such"), StartsWith("run.yaml:1:30: dataset.root: "));
  EXPECT_THAT(error("type: npy, paths: [/no/such.npy]"), StartsWith("run.yaml:1:30: dataset.paths.0: "));
  EXPECT_EQ(error("type: npy, paths: x"),
            "run.yaml:1:29: dataset.paths: expected a list of texts, found 'x'; write [x]");
  EXPECT_THAT(error("type: tar_shards, shards: '/no/{such'"), StartsWith("run.yaml:1:37: dataset.shards: "));
  EXPECT_EQ(error("type: npy, paths: []", "transforms: [grayscale]\n"),
            "run.yaml:2:13: transforms: are for pictures; remove them for this type of dataset");
}

// --- datasets made of others ---

TEST(CombinedDatasetTable, EachTypeIsReachedByAllOfItsKeys) {
  const std::string npy = "{type: npy, paths: [" + test::data("npy/labels.npy") + "]}";
  const std::map<std::string, std::string> sections = {
      {"concat", "datasets: [" + npy + "]"},
      {"subset", "dataset: " + npy + ", indices: [1], first: 0, step: 1"},
      {"random_split", "dataset: " + npy + ", lengths: [1, 1], part: 1, seed: 3"},
      {"stack", "datasets: [" + npy + "], names: [a]"},
  };
  EXPECT_EQ(names_of(tables::CombinedDatasets()), names_of(sections)) << "a section for each type";
  tables::for_each_type(tables::CombinedDatasets(), [&]<class T>(T) {
    SCOPED_TRACE(T::kName);
    const std::string name(T::kName);
    const auto run = document("dataset: {type: " + name + ", " + sections.at(name) + "}\nloader: {}");
    auto keys = keys_in(run["dataset"]);
    if (name == "subset") keys.emplace("last");  // Which is as little at its default as a value can be.
    EXPECT_EQ(keys, names_of_keys<T>());
    EXPECT_TRUE(build_loader(run["loader"])->next());
  });
  EXPECT_EQ(names_of_keys<tables::Chain>(),
            std::set<std::string>{"datasets"});  // tests/configs/combined_datasets_test.cpp
}

// --- collate ---

// Sample i has i + 1 ones.
struct Ones {
  size_t size() const { return 3; }
  at::Tensor get(size_t i) const { return at::ones({static_cast<int64_t>(i) + 1}); }
  template <class Archive>
  void serialize(Archive&) {}
};

DatasetTypes types_of_this_test() {
  DatasetTypes types;
  types.add("ones", [](const Node&, const std::optional<Node>&) { return Ones(); });
  types.add("counting", [](const Node&, const std::optional<Node>&) { return Counting(); });
  return types;
}

std::unique_ptr<DataLoader> load(const std::string& text) {
  return build_loader(document(text)["loader"], types_of_this_test());
}

TEST(CollateTable, EachTypeIsReachedByAllOfItsKeys) {
  const std::map<std::string, std::string> cases = {{"default", ""}, {"pad", "value: -1"}, {"ragged", ""}};
  EXPECT_EQ(names_of(tables::NamedCollates()), names_of(cases)) << "a case for each type";
  tables::for_each_type(tables::NamedCollates(), [&]<class T>(T) {
    SCOPED_TRACE(T::kName);
    const std::string name(T::kName);
    EXPECT_EQ(keys_in(document("collate: {" + cases.at(name) + "}")["collate"]), names_of_keys<T>());
    const std::string separator = cases.at(name).empty() ? "" : ", ";
    const auto loader = load("dataset: {type: ones}\ncollate: {type: " + name + separator + cases.at(name) +
                             "}\nloader: {batch_size: " + (name == "default" ? "1" : "3") + "}");
    const auto batch = loader->next();
    ASSERT_TRUE(batch);
    const std::string shape = name == "ragged" ? "3 tensors" : name == "pad" ? "Float [3, 3]" : "Float [1, 1]";
    EXPECT_THAT(to_string(batch->columns()), StartsWith("data: " + shape));
  });
  const auto padded = load("dataset: {type: ones}\ncollate: {type: pad, value: -1}\nloader: {batch_size: 3}")->next();
  EXPECT_EQ(padded->data()[0][1].item<float>(), -1);
}

TEST(CollateTable, IsForSamplesOfAnyShape) {
  EXPECT_EQ(error_of([] {
              build_loader(document("dataset: {type: mnist, split: test, root: " + test::data("mnist") +
                                    "}\ncollate: pad\nloader: {}")["loader"]);
            }),
            "run.yaml:2:10: collate: samples of this type of dataset need none; remove it");
  EXPECT_EQ(error_of([] { load("dataset: {type: ones}\ncollate: padd\nloader: {}"); }),
            "run.yaml:2:10: collate: expected one of default, pad, ragged, found 'padd', did you mean pad?");
}

TEST(CollateTable, StreamsHaveOneTooAndNoSampler) {
  const auto loader = load("dataset: {type: counting}\ncollate: pad\nloader: {batch_size: 3, num_streams: 1}");
  EXPECT_EQ(loader->next()->data().sizes(), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(error_of([] { load("dataset: {type: counting}\nsampler: random\nloader: {}"); }),
            "run.yaml:2:10: sampler: this type of dataset has an order of its own; remove it");
}

TEST(LoaderSection, ShufflesInPlaceOfASampler) {
  const auto first = load("dataset: {type: ones}\ncollate: pad\nloader: {shuffle: true, seed: 4}")->next();
  EXPECT_EQ(first->indices().front(), indices_of(RandomSampler(3, {.seed = 4})).front());
  EXPECT_EQ(error_of([] { load("dataset: {type: ones}\nsampler: random\nloader: {shuffle: true}"); }),
            "run.yaml:2:10: sampler: loader.shuffle says an order too; remove one of the two");
}

TEST(LoaderSection, TakesASamplerOfBatches) {
  const auto loader = load(
      "dataset: {type: ones}\nsampler: {type: bucket_batch, lengths: [1, 2, 3], boundaries: [3], shuffle: false}\n"
      "collate: pad\nloader: {batch_size: 2}");
  EXPECT_EQ(loader->next()->indices(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(loader->next()->indices(), (std::vector<int64_t>{2}));
}

// --- what there is in C++ ---

// What `pattern` finds in the headers of a folder, its first group each.
std::set<std::string> declared_in(const std::string& folder, const std::string& pattern) {
  const std::regex declaration(pattern);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::source(folder))) {
    if (entry.path().extension() != ".h") continue;
    const std::string text = file_text(entry.path());
    for (std::sregex_iterator found(text.begin(), text.end(), declaration), end; found != end; ++found)
      names.insert((*found)[1]);
  }
  return names;
}

template <class List>
std::set<std::string> made_by(List list) {
  std::set<std::string> names;
  tables::for_each_type(list, [&]<class T>(T) {
    std::string_view makes = T::kMakes;
    makes = makes.substr(0, makes.find('<'));  // Nothing found is the whole name.
    names.emplace(makes.substr(makes.find_last_of(':') + 1));
  });
  return names;
}

std::set<std::string> together(std::set<std::string> all, const std::set<std::string>& more) {
  all.insert(more.begin(), more.end());
  return all;
}

TEST(Tables, HaveEverySamplerThatIsMadeOfValues) {
  // Parts of a loader, and one that holds an object of the program.
  const std::set<std::string> others = {"AnySampler", "AnyBatchSampler", "BatchSampler", "TorchSampler"};
  EXPECT_EQ(declared_in("samplers", R"(\nclass (\w+Sampler|Distributed)\b)"),
            together(made_by(tables::NamedSamplers()), others));
}

TEST(Tables, HaveEveryDatasetThatIsMadeOfValues) {
  // Made of tensors, whatever it holds, and what others derive from.
  const std::set<std::string> others = {"TensorDataset", "AnyDataset", "PixelDataset", "PictureDataset"};
  const std::string dataset =
      R"(\nclass (\w+Dataset|TarShards|Subset|\w+(?= : public (?:PixelDataset|PictureDataset<)))\b)";
  auto declared = together(declared_in("loader/datasets", dataset), declared_in("loader/images/datasets", dataset));
  declared = together(declared,
                      declared_in("formats", R"(\n(?:class|NpyDataset) (\w+(?:Windows|Records|Dataset|_dataset))\b)"));
  declared.emplace("random_split");  // A function.
  const auto combined = together(made_by(tables::CombinedDatasets()), made_by(tables::TypeList<tables::Chain>()));
  EXPECT_EQ(declared, together(together(made_by(tables::NamedDatasets()), combined), others));
}

TEST(Tables, HaveEveryTransformAndYamlMakesEach) {
  const std::map<std::string, std::string> values = {{"size", "9"},
                                                     {"padding", "1"},
                                                     {"kernel_size", "3"},
                                                     {"degrees", "5"},
                                                     {"bits", "3"},
                                                     {"dtype", "float32"},
                                                     {"threshold", "9"},
                                                     {"sharpness_factor", "2"},
                                                     {"transforms", "[random_invert]"}};
  std::set<std::string> named = {"Lambda"};  // A function of the program.
  for (const auto& transform : transforms::describe_all()) {
    named.insert(transform.name);
    std::string parameters;
    for (const auto& parameter : transform.parameters)
      if (values.contains(parameter.key)) parameters += parameter.key + ": " + values.at(parameter.key) + ", ";
    const Node list(parse("[" + transform.yaml_name + ": {" + parameters + "}]", "run.yaml"));
    EXPECT_THAT(to_string(read_transforms(list)), ::testing::StartsWith(transform.name)) << transform.yaml_name;
  }
  EXPECT_EQ(declared_in("loader/images/transforms", R"re(std::string_view kName = "(\w+)")re"), named);
}

TEST(Tables, HaveEveryCollateFunctionThatMakesColumns) {
  const std::set<std::string> others = {"Stack", "List", "None"};
  EXPECT_EQ(
      declared_in("loader", R"(\nstruct (\w+) \{\n(?:  double value = 0;\n\n)?(?:  ///.*\n)?  template <class S>)"),
      together(made_by(tables::NamedCollates()), others));
}

// --- the reference ---

TEST(Reference, IsWhatThePageSays) {
  const std::string page = file_text(test::source("docs/configs.md"));
  const std::string made = tables::reference_page();
  EXPECT_NE(page.find(made), std::string::npos) << "docs/configs.md needs:\n" << made;
}

TEST(Reference, HasEverySectionEntryAndKey) {
  const std::string all = tables::help_text("");
  for (const auto& section : tables::describe_sections()) {
    EXPECT_THAT(all, HasSubstr("\n" + section.name + ": "));
    const std::string text = tables::help_text(section.name);
    for (const auto& entry : section.entries) {
      const std::string head = entry.makes.empty() ? "" : entry.name + " (" + entry.makes + "): ";
      EXPECT_THAT(text, HasSubstr("\n" + head));
      EXPECT_EQ(entry.about.empty(), entry.makes.empty()) << entry.name;
      for (const auto& key : entry.keys) EXPECT_THAT(text, HasSubstr("\n  " + key.name + ": ")) << entry.name;
    }
  }
}

TEST(Reference, SaysWhatIsExpectedAndWhatHoldsOtherwise) {
  EXPECT_EQ(tables::help_text("loader.sample_timeout"),
            "  sample_timeout: 0\n"
            "      The longest that a worker may read one sample; 0: for ever. Expects a number, in seconds, from 0 to "
            "1e+09.\n");
  EXPECT_EQ(tables::help_text("sampler.random"),
            "random (RandomSampler): A new random order every epoch, index for index PyTorch's.\n"
            "  replacement: false\n"
            "      Draw with replacement instead of permuting. Expects true or false.\n"
            "  num_samples: (all)\n"
            "      Samples an epoch. Expects an integer.\n"
            "  seed: (the loader's)\n"
            "      Seeds the order. Expects an integer from 0 on.\n");
  EXPECT_THAT(tables::help_text("transforms.random_crop"), HasSubstr("\n  size: (required)\n"));
  EXPECT_THAT(tables::help_text("transforms.to_dtype"), HasSubstr("\n  dtype: (required)\n"));
  EXPECT_THAT(tables::help_text("transforms.random_erasing"), HasSubstr("\n  scale: [0.02, 0.33]\n"));
}

TEST(Reference, KnowsNoOtherTopic) {
  const auto error = [](const std::string& topic) {
    try {
      return tables::help_text(topic);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
  };
  EXPECT_EQ(error("sampeler"),
            "expected one of dataset, transforms, sampler, collate, loader, test, model, weights, optimizer, schedule, "
            "normalize, loss, mix, ema, "
            "gradients, checkpoints, early_stop, bench, run, found "
            "'sampeler', did you mean sampler?");
  EXPECT_THAT(error("sampler.randon"), HasSubstr("found 'randon', did you mean random?"));
  EXPECT_THAT(error("loader.batchsize"), HasSubstr("found 'batchsize', did you mean batch_size?"));
}

}  // namespace
}  // namespace millrace::configs::tables_test
