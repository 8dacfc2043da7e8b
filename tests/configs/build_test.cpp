#include "millrace/configs/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/device_name.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs {
namespace {

using namespace transforms;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Node document(const std::string& text) { return Node(parse(text, "run.yaml")); }

template <class Call>
std::string error_of(Call&& call) {
  return test::error_of<ConfigError>(std::forward<Call>(call));
}

template <class S>
std::vector<int64_t> order(S sampler) {
  std::vector<int64_t> indices;
  while (const auto index = sampler.next()) indices.push_back(*index);
  return indices;
}

// Sample i is i, twice.
struct Numbers {
  int64_t n = 0;
  SampleSpec spec() const { return {{"data", c10::ScalarType::Long, {2}}}; }
  size_t size() const { return static_cast<size_t>(n); }
  void read(size_t i, SampleRow& row, SampleContext&) const {
    for (auto& value : row.span<int64_t>("data")) value = static_cast<int64_t>(i);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

std::string names_of_datasets() {
  std::string names;
  tables::for_each_type(tables::AllDatasets(),
                        [&]<class T>(T) { names.append(names.empty() ? "" : ", ").append(T::kName); });
  return names;
}

TEST(ImageFolderSection, RootMayBeginWithAHomeFolder) {
  const test::Directory directory;
  directory.copy("formats/rgb.png", "photos/cat/0.png");
  const test::Environment home("HOME", directory.path());
  const Node dataset = document("dataset: {type: image_folder, root: ~/photos}")["dataset"];
  EXPECT_EQ(build_image_folder(dataset, std::nullopt).describe(0), directory.path() + "/photos/cat/0.png");
}

TEST(DeviceName, IsOfACpuOrOfOneCudaDevice) {
  EXPECT_EQ(device_named("cpu"), c10::Device(c10::kCPU));
  EXPECT_EQ(device_named("cuda"), c10::Device(c10::kCUDA));
  EXPECT_EQ(device_named("cuda:0"), c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(device_named("cuda:127"), c10::Device(c10::kCUDA, 127));
  for (const char* other : {"", "CPU", "cpu:0", "mps", "cuda:", "cuda:-1", "cuda:x", "cuda:1 ", "cuda:128", "cuda1"})
    EXPECT_EQ(device_named(other), std::nullopt) << other;
}

TEST(LoaderOptions, PinMemoryByThemselvesOnlyWhereThereIsADevice) {
  const auto pins = [](const std::string& word) {
    return read_loader_options(document("loader: {pin_memory: " + word + "}")["loader"]).pin_memory();
  };
  EXPECT_FALSE(pins("auto"));  // This test runs without a driver.
  EXPECT_FALSE(pins("false"));
  EXPECT_TRUE(pins("true"));
}

TEST(LoaderOptions, RefuseUnknownKeysAndWrongValues) {
  const auto error = [](const std::string& text) {
    return error_of([&] { read_loader_options(document("loader: {" + text + "}")["loader"]); });
  };
  EXPECT_EQ(error("batchsize: 3"), "run.yaml:1:10: loader.batchsize: unknown key, did you mean batch_size?");
  EXPECT_EQ(error("workers: 3"), "run.yaml:1:10: loader.workers: unknown key, did you mean num_workers?");
  EXPECT_EQ(error("batch_size: 0"), "run.yaml:1:22: loader.batch_size: must be at least 1, found 0");
  EXPECT_EQ(error("num_workers: two"), "run.yaml:1:23: loader.num_workers: expected an integer, found 'two'");
  EXPECT_EQ(error("pin_memory: yes"),
            "run.yaml:1:22: loader.pin_memory: expected one of auto, true, false, found 'yes', did you mean true?");
  EXPECT_EQ(error("device: tpu"),
            "run.yaml:1:18: loader.device: expected cpu, cuda, or cuda:1 for a certain one, found 'tpu'");
  EXPECT_EQ(error("device_prefetch: -1"), "run.yaml:1:27: loader.device_prefetch: must be at least 0, found -1");
  EXPECT_EQ(error("drop_last: 1"), "run.yaml:1:21: loader.drop_last: expected true or false, found '1'; write true");
  EXPECT_EQ(
      error("start_method: forkservr"),
      "run.yaml:1:24: loader.start_method: expected one of forkserver, fork, spawn, found 'forkservr', did you mean "
      "forkserver?");
}

TEST(SamplerSection, IsSequentialWhenLeftOut) {
  EXPECT_EQ(order(read_sampler(std::nullopt, 3, {})), order(SequentialSampler(3)));
  EXPECT_EQ(order(read_sampler(document("type: sequential"), 3, {})), order(SequentialSampler(3)));
}

TEST(SamplerSection, SeedsWithTheLoadersSeedUnlessItHasItsOwn) {
  const auto options = DataLoaderOptions().seed(5);
  EXPECT_EQ(order(read_sampler(document("type: random"), 50, options)), order(RandomSampler(50, {.seed = 5})));
  EXPECT_EQ(order(read_sampler(document("{type: random, seed: 7}"), 50, options)),
            order(RandomSampler(50, {.seed = 7})));
}

TEST(SamplerSection, TakesReplacementAndNumSamples) {
  EXPECT_EQ(order(read_sampler(document("{type: random, replacement: true, num_samples: 80}"), 50, {})),
            order(RandomSampler(50, {.replacement = true, .num_samples = 80})));
}

TEST(SamplerSection, GivesTheSamplersComplaintItsPlace) {
  EXPECT_EQ(error_of([] { read_sampler(document("sampler: {type: random, num_samples: 0}").find("sampler"), 5, {}); }),
            "run.yaml:1:38: sampler.num_samples: random: num_samples should be a positive integer value, but got "
            "num_samples=0");
  EXPECT_EQ(error_of([] { read_sampler(document("sampler: {type: sequential, seed: 1}").find("sampler"), 5, {}); }),
            "run.yaml:1:29: sampler.seed: unknown key here; its place is loader.seed");
}

TEST(TransformsSection, MakesTheChainThatItLists) {
  const auto chain =
      read_transforms(document("- resize: {size: [60, 80]}\n"
                               "- center_crop: {size: 50}\n"
                               "- random_resized_crop: {size: 24, scale: [0.5, 1], ratio: [1, 1]}\n"
                               "- random_horizontal_flip\n"
                               "- normalize\n"));
  EXPECT_EQ(chain, Resize(image::Size{60, 80}) | CenterCrop(50) | RandomResizedCrop(24, {0.5, 1}, {1, 1}) |
                       RandomHorizontalFlip(0.5) | Normalize::imagenet());
  EXPECT_EQ(read_transforms(
                document("[resize: {size: 9}, random_horizontal_flip: {p: 1}, normalize: {mean: [0], std: [2]}]")),
            Resize(9) | RandomHorizontalFlip(1) | Normalize({0}, {2}));
  EXPECT_EQ(read_transforms(std::nullopt), Chain());
}

TEST(TransformsSection, KnowsTheTransformsThatChangePixels) {
  EXPECT_EQ(
      read_transforms(document("- random_vertical_flip\n"
                               "- pad: {padding: [1, 2], fill: [1, 2, 3]}\n"
                               "- pad: {padding: [1, 2, 3, 4], padding_mode: reflect}\n"
                               "- random_crop: {size: 32, padding: 4, pad_if_needed: true}\n"
                               "- random_crop: {size: [8, 9], fill: 7, padding_mode: edge}\n"
                               "- color_jitter: {brightness: 0.25, contrast: [0.5, 2], saturation: 2, hue: 0.125}\n"
                               "- random_grayscale: {p: 0.25}\n"
                               "- gaussian_blur: {kernel_size: 5, sigma: [0.5, 1]}\n"
                               "- gaussian_blur: {kernel_size: [3, 7]}\n"
                               "- random_erasing: {p: 1, scale: [0.1, 0.2], ratio: [1, 2], value: [124, 116, 104]}\n"
                               "- grayscale: {num_output_channels: 3}\n"
                               "- grayscale\n"
                               "- to_dtype: {dtype: float32, scale: true}\n")),
      RandomVerticalFlip(0.5) | Pad(image::Borders{1, 2, 1, 2}, {1, 2, 3}) |
          Pad(image::Borders{1, 2, 3, 4}, {0}, PadMode::kReflect) | RandomCrop(32, Pad(4), true) |
          RandomCrop({8, 9}, Pad(0, {7}, PadMode::kEdge)) |
          ColorJitter({0.75, 1.25}, {0.5, 2}, {0, 3}, {-0.125, 0.125}) | RandomGrayscale(0.25) |
          GaussianBlur(5, {0.5, 1}) | GaussianBlur({3, 7}) | RandomErasing(1, {0.1, 0.2}, {1, 2}, {124, 116, 104}) |
          Grayscale(3) | Grayscale() | ToDtype(c10::ScalarType::Float, true));
}

TEST(TransformsSection, KnowsHowToResize) {
  EXPECT_EQ(read_transforms(document("- resize: {size: 40, interpolation: bicubic}\n"
                                     "- resize: {size: [30, 20], interpolation: nearest}\n"
                                     "- random_resized_crop: {size: 9, interpolation: bicubic}\n")),
            Resize(40, ResizeFilter::kBicubic) | Resize({30, 20}, ResizeFilter::kNearest) |
                RandomResizedCrop(9, {0.08, 1}, {3.0 / 4, 4.0 / 3}, ResizeFilter::kBicubic));
}

TEST(TransformsSection, KnowsAugmentations) {
  using transforms::Interpolation;
  EXPECT_EQ(read_transforms(
                document("- random_rotation: {degrees: 10}\n"
                         "- random_rotation: {degrees: [5, 20], interpolation: bilinear, fill: [1, 2, 3]}\n"
                         "- random_affine: {degrees: 0, translate: [0.1, 0.2], scale: [0.5, 2], shear: 9}\n"
                         "- random_affine: {degrees: 3, shear: [1, 2, 3, 4], fill: 7}\n"
                         "- random_invert\n"
                         "- random_posterize: {bits: 3}\n"
                         "- random_solarize: {threshold: 99.5, p: 0.25}\n"
                         "- random_adjust_sharpness: {sharpness_factor: 2}\n"
                         "- random_autocontrast: {p: 1}\n"
                         "- random_equalize\n"
                         "- rand_augment\n"
                         "- rand_augment: {num_ops: 3, magnitude: 4, num_magnitude_bins: 11, fill: 0}\n"
                         "- trivial_augment_wide: {num_magnitude_bins: 7, interpolation: bilinear}\n"
                         "- random_apply: {transforms: [random_invert, color_jitter: {hue: 0.1}], p: 0.75}\n"
                         "- random_choice: {transforms: [random_equalize, [random_invert: {p: 1}]], p: [1, 3]}\n")),
            RandomRotation(10) | RandomRotation({5, 20}, Interpolation::kBilinear, {1, 2, 3}) |
                RandomAffine({.translate = {0.1, 0.2}, .scale = {0.5, 2}, .shear_x = {-9, 9}}) |
                RandomAffine({.degrees = {-3, 3}, .shear_x = {1, 2}, .shear_y = {3, 4}}, Interpolation::kNearest, {7}) |
                RandomInvert() | RandomPosterize(3) | RandomSolarize(99.5, 0.25) | RandomAdjustSharpness(2) |
                RandomAutocontrast(1) | RandomEqualize() | RandAugment() |
                RandAugment(3, 4, 11, Interpolation::kNearest, {0}) | TrivialAugmentWide(7, Interpolation::kBilinear) |
                RandomApply(RandomInvert() | ColorJitter(0, 0, 0, 0.1), 0.75) |
                RandomChoice({RandomEqualize(), RandomInvert(1)}, {1, 3}));
}

TEST(TransformsSection, SaysWhichParameterIsWrong) {
  const auto error = [](const std::string& text) {
    return error_of([&] { read_transforms(document("transforms: [" + text + "]").find("transforms")); });
  };
  EXPECT_EQ(error("pad"),
            "run.yaml:1:14: transforms.0: the key 'padding' is missing (pixels, one number, [left and right, top and "
            "bottom] or [left, top, right, bottom]: borders that are added first)");
  EXPECT_EQ(error("pad: {padding: [1, 2, 3]}"),
            "run.yaml:1:29: transforms.0.pad.padding: expected one number, [left and right, top and bottom] or [left, "
            "top, right, bottom]");
  EXPECT_EQ(error("pad: {padding: -1}"),
            "run.yaml:1:29: transforms.0.pad.padding: expected numbers of pixels, found -1");
  EXPECT_EQ(error("random_erasing: {value: 256}"),
            "run.yaml:1:38: transforms.0.random_erasing.value: expected pixel values, 0 to 255, found 256");
  EXPECT_EQ(error("color_jitter: {hue: 0.75}"),
            "run.yaml:1:34: transforms.0.color_jitter.hue: color_jitter: hue must be [low, high] with -0.5 <= low <= "
            "high <= 0.5, got [-0.75, 0.75]");
  EXPECT_EQ(
      error("gaussian_blur: {kernel_size: 4}"),
      "run.yaml:1:43: transforms.0.gaussian_blur.kernel_size: gaussian_blur: kernel_size must be odd, so that it has a "
      "middle; got 4x4");
  EXPECT_EQ(
      error("random_rotation"),
      "run.yaml:1:14: transforms.0: the key 'degrees' is missing (a number x for [-x, x], or [low, high]: how far "
      "it is turned)");
  EXPECT_EQ(error("random_posterize: {bits: 9}"),
            "run.yaml:1:39: transforms.0.random_posterize.bits: must be from 0 to 8, found 9");
  EXPECT_EQ(
      error("random_affine: {degrees: 1, interpolation: cubic}"),
      "run.yaml:1:57: transforms.0.random_affine.interpolation: expected one of nearest, bilinear, found 'cubic'");
  EXPECT_EQ(error("random_apply: {transforms: [grayscale]}"),
            "run.yaml:1:28: transforms.0.random_apply: random_apply: a batch's shape and type cannot depend on chance, "
            "so grayscale: {num_output_channels: 1} must be a step of its own, outside");
  EXPECT_EQ(error("random_choice: {transforms: [resise: {size: 3}]}")
                .find("run.yaml:1:43: transforms.0.random_choice.transforms.0: "),
            0U);
}

TEST(TransformsSection, SaysWhichTransformIsWrong) {
  const auto error = [](const std::string& text) {
    return error_of([&] { read_transforms(document("transforms: " + text).find("transforms")); });
  };
  EXPECT_EQ(error("[resize]"),
            "run.yaml:1:14: transforms.0: the key 'size' is missing (pixels, the shorter side or [height, width]: how "
            "large it becomes)");
  EXPECT_EQ(error("[{resize: {sise: 3}}]"), "run.yaml:1:24: transforms.0.resize.sise: unknown key, did you mean size?");
  EXPECT_EQ(error("[{resize: {size: big}}]"),
            "run.yaml:1:30: transforms.0.resize.size: expected an integer, found 'big'");
  EXPECT_EQ(error("[{resize: {size: [1, 2, 3]}}]"),
            "run.yaml:1:30: transforms.0.resize.size: expected one number, or height and width");
  EXPECT_EQ(
      error("[rezise]"),
      "run.yaml:1:14: transforms.0: expected one of resize, center_crop, random_resized_crop, random_horizontal_flip, "
      "random_vertical_flip, pad, random_crop, color_jitter, grayscale, random_grayscale, gaussian_blur, "
      "random_erasing, random_rotation, random_affine, random_invert, random_posterize, random_solarize, "
      "random_adjust_sharpness, random_autocontrast, random_equalize, rand_augment, trivial_augment_wide, "
      "random_apply, random_choice, to_dtype, normalize, found 'rezise', did you mean resize?");
  EXPECT_EQ(error("resize"), "run.yaml:1:13: transforms: expected a list, found 'resize'");
  EXPECT_EQ(
      error("[{resize: {size: 3}, center_crop: {size: 3}}]"),
      "run.yaml:1:14: transforms.0: expected a transform's name, or one name with its parameters, such as resize: "
      "{size: 224}; found a map");
  EXPECT_EQ(error("[random_horizontal_flip: {p: 2}]"),
            "run.yaml:1:42: transforms.0.random_horizontal_flip.p: must be from 0 to 1, found 2");
  EXPECT_EQ(error("[normalize, random_horizontal_flip]").find("run.yaml:1:25: transforms.1: "), 0U);
}

TEST(ImageFolderSection, OpensTheFolder) {
  const auto photos =
      build_image_folder(document("{type: image_folder, root: " + test::data("photos") + ", mode: gray}"),
                         document("[resize: {size: [8, 9]}]"));
  EXPECT_EQ(photos.size(), 80U);
  EXPECT_EQ(photos.spec().fields.front().shape, (std::vector<int64_t>{1, 8, 9}));
}

TEST(ImageFolderSection, SaysHowPicturesAreDecoded) {
  const test::Directory root;
  root.copy("formats/turned/6.png", "class/a.png");
  const auto shape = [&](const std::string& more) {
    const auto text = "{type: image_folder, root: " + root.path() + more + "}";
    return build_image_folder(document(text), {}).spec().fields.front().shape;
  };
  EXPECT_EQ(shape(""), (std::vector<int64_t>{3, 5, 3}));
  EXPECT_EQ(shape(", orientation: exif"), (std::vector<int64_t>{3, 3, 5}));
  EXPECT_THROW(shape(", max_pixels: 14"), std::runtime_error);
  EXPECT_EQ(shape(", max_pixels: 15"), shape(""));
  EXPECT_EQ(shape(", damaged_jpegs: read"), shape(""));
  EXPECT_THROW(shape(", damaged_jpegs: repair"), ConfigError);
  EXPECT_EQ(shape(", mode: gray, pixel_type: uint16"), (std::vector<int64_t>{1, 5, 3}));
  EXPECT_THROW(shape(", pixel_type: uint16"), std::invalid_argument) << "of colours";
  EXPECT_THROW(shape(", pixel_type: uint32"), ConfigError);
}

TEST(ImageFolderSection, GivesAMissingFolderItsPlace) {
  EXPECT_EQ(error_of([] {
              build_image_folder(document("dataset: {type: image_folder, root: /no/such}")["dataset"], {});
            }).find("run.yaml:1:37: dataset.root: image_folder: no such directory: '/no/such'"),
            0U);
}

TEST(BuildLoader, PutsDatasetTransformsSamplerAndLoaderTogether) {
  const auto run = document("dataset: {type: image_folder, root: " + test::data("photos") +
                            "}\n"
                            "transforms: [random_resized_crop: {size: 16}]\n"
                            "sampler: {type: random}\n"
                            "loader: {batch_size: 32, seed: 3}\n");
  const auto loader = build_loader(run["loader"]);
  EXPECT_EQ(loader->size(), 3);
  const auto batch = loader->next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->data().sizes(), (std::vector<int64_t>{32, 3, 16, 16}));
  auto expected = order(RandomSampler(80, {.seed = 3}));
  expected.resize(32);
  EXPECT_EQ(batch->indices(), expected);
}

TEST(OpenedDataset, SaysHowManySamplesAnEpochHas) {
  const auto samples = [](const std::string& sampler, const DataLoaderOptions& options) {
    const auto run =
        document("dataset: {type: npy, paths: [" + test::data("npy/labels.npy") + "]}\n" + sampler + "loader: {}\n");
    return DatasetTypes().open(run["loader"]).samples_an_epoch(options);
  };
  const auto twos = DataLoaderOptions().batch_size(2);
  EXPECT_EQ(samples("", twos), 2);
  EXPECT_EQ(samples("sampler: {type: random, replacement: true, num_samples: 5}\n", twos), 5);
  EXPECT_EQ(samples("sampler: {type: random, replacement: true, num_samples: 5}\n",
                    DataLoaderOptions().batch_size(2).drop_last(true)),
            4);
  EXPECT_EQ(samples("sampler: {type: repeat, times: 3}\n", twos), 6);
  EXPECT_EQ(samples("sampler: {type: batch_sequence, batches: [[0, 1], [1], [0]]}\n", twos), 4);
  EXPECT_EQ(samples("sampler: infinite\n", twos), std::nullopt);
}

TEST(BuildLoader, KnowsTheTypesThatAProgramAdds) {
  DatasetTypes types;
  types.add("numbers", [](const Node& dataset, const std::optional<Node>&) {
    Section keys(dataset);
    keys.find("type");
    Numbers numbers{keys.get<int64_t>("n")};
    keys.finish();
    return numbers;
  });
  const auto run = document("dataset: {type: numbers, n: 5}\nloader: {batch_size: 2}");
  const auto batch = build_loader(run["loader"], types)->next();
  EXPECT_EQ(batch->data()[1][0].item<int64_t>(), 1);
  EXPECT_EQ(error_of([&] { build_loader(document("dataset: {type: number}\nloader: {}")["loader"], types); }),
            "run.yaml:1:17: dataset.type: expected one of " + names_of_datasets() +
                ", numbers, found 'number', did you mean numbers?");
}

TEST(BuildLoader, SaysWhatIsMissing) {
  EXPECT_EQ(error_of([] { build_loader(document("loader: {}")["loader"]); }),
            "run.yaml:1:1: the key 'dataset' is missing (where samples come from)");
  EXPECT_EQ(error_of([] { build_loader(document("dataset: {root: x}\nloader: {}")["loader"]); }),
            "run.yaml:1:10: dataset: the key 'type' is missing (one of " + names_of_datasets() + ")");
}

// What can be read of the files in configs/ without the data that they name.
TEST(ShippedConfigurations, AreReadable) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::source("configs"))) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    SCOPED_TRACE(entry.path());
    const auto run = load(entry.path());
    const auto options = read_loader_options(run["loader"]);
    read_sampler(run.find("sampler"), 100, options);
    read_transforms(run.find("transforms"));
  }
  EXPECT_GE(files, 5);
}

}  // namespace
}  // namespace millrace::configs
