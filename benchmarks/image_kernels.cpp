// What one photo costs on its way from the bytes of its file to a row of a batch, stage by stage. One thread.
//
//   image_kernels --photos=DIR [--benchmark_repetitions=5 --benchmark_report_aggregates_only=true]
//
// DIR: an ImageFolder of JPEGs. Every iteration takes the next photo and the next random crop, so the figures are means
// over photos and crops. "kpixel" counts the pixels of the crops.

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/color.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/kernels.h"
#include "millrace/loader/images/resample.h"
#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/renderer.h"

namespace millrace {
namespace {

using transforms::CenterCrop;
using transforms::Chain;
using transforms::Normalize;
using transforms::RandomHorizontalFlip;
using transforms::RandomResizedCrop;
using transforms::Resize;

constexpr int kSide = 224;

std::vector<std::vector<std::byte>> files;

std::vector<std::vector<std::byte>> read_photos(const std::string& root) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<std::byte>> result;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
    result.emplace_back(chars.size());
    std::memcpy(result.back().data(), chars.data(), chars.size());
  }
  return result;
}

/// The next photo of an endless round.
const std::vector<std::byte>& next_file(size_t& i) { return files[i++ % files.size()]; }

void header(benchmark::State& state) {
  image::ImageDecoder decoder;
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(decoder.open(next_file(i), ImageMode::kRGB));
}

void decode_full(benchmark::State& state) {
  image::ImageDecoder decoder;
  size_t i = 0;
  for (auto _ : state) {
    decoder.start(whole(decoder.open(next_file(i), ImageMode::kRGB)));
    while (decoder.next().rows > 0) {
    }
  }
}

void decode_region(benchmark::State& state) {
  image::ImageDecoder decoder;
  const RandomResizedCrop crop(kSide);
  SampleRng rng(1);
  size_t i = 0;
  for (auto _ : state) {
    decoder.start(crop.draw(decoder.open(next_file(i), ImageMode::kRGB), rng));
    while (decoder.next().rows > 0) {
    }
  }
}

void resample(benchmark::State& state) {
  std::vector<image::Image> pictures;
  for (size_t i = 0; i < files.size(); i += 8) pictures.push_back(image::decode(files[i], ImageMode::kRGB));
  const RandomResizedCrop crop(kSide);
  SampleRng rng(1);
  image::Resampler resampler;
  std::vector<uint8_t> row(3 * kSide * kSide);
  size_t i = 0;
  double pixels = 0;
  for (auto _ : state) {
    const image::Image& picture = pictures[i++ % pictures.size()];
    const image::Box box = crop.draw(picture.size(), rng);
    resampler.start({box.size(), crop.size, whole(crop.size)});
    image::Box needed = resampler.needed();
    needed.y += box.y;
    needed.x += box.x;
    resampler.feed(picture.strip(needed));
    resampler.finish(3, row);
    benchmark::DoNotOptimize(row.data());
    pixels += static_cast<double>(box.height) * box.width;
  }
  state.counters["kpixel"] = benchmark::Counter(pixels / 1000, benchmark::Counter::kAvgIterations);
}

void sample(benchmark::State& state, const Chain& chain) {
  transforms::Renderer renderer;
  const image::Size size = {kSide, kSide};
  std::vector<std::byte> row(chain.field("image", ImageMode::kRGB, size).bytes());
  size_t i = 0;
  for (auto _ : state) {
    SampleRng rng(i);
    renderer.render(chain, next_file(i), ImageMode::kRGB, rng, size, row);
    benchmark::DoNotOptimize(row.data());
  }
}

void normalize_planes(benchmark::State& state) {
  const std::vector<uint8_t> in(3 * kSide * kSide, 7);
  std::vector<float> out(in.size());
  for (auto _ : state) {
    image::normalize(in.data(), in.size(), 120, 0.02f, out.data());
    benchmark::DoNotOptimize(out.data());
  }
}

/// What a step costs that changes the pixels of a picture of kSide.
template <class Operation>
void pixels(benchmark::State& state, Operation operation) {
  std::vector<std::vector<uint8_t>> memory;
  transforms::Renderer renderer;
  for (size_t i = 0; i < files.size(); i += 8) {
    auto& planes = memory.emplace_back(3 * kSide * kSide);
    SampleRng rng(i);
    renderer.render(RandomResizedCrop(kSide), files[i], ImageMode::kRGB, rng, {kSide, kSide},
                    std::as_writable_bytes(std::span(planes)));
  }
  std::vector<uint8_t> copy(3 * kSide * kSide);
  size_t i = 0;
  for (auto _ : state) {
    // A fresh copy each time, which costs a few microseconds, since pictures that are changed again and again wear out.
    copy = memory[i++ % memory.size()];
    operation(image::Planes{copy.data(), {kSide, kSide}, 3});
    benchmark::DoNotOptimize(copy.data());
  }
}

void affine(image::Planes picture, image::Interpolation interpolation) {
  static std::vector<uint8_t> out(3 * kSide * kSide);
  constexpr std::array<uint8_t, 1> kBlack = {0};
  image::transform_affine(picture, {.angle = 25}, interpolation, kBlack, out.data());
  benchmark::DoNotOptimize(out.data());
}

void sharpness(image::Planes picture) {
  static std::vector<uint8_t> scratch;
  image::adjust_sharpness(picture, 1.7, scratch);
}

void blur(image::Planes picture) {
  static std::vector<float> scratch;
  image::gaussian_blur(picture, {23, 23}, 1.5, scratch);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  using namespace millrace;
  std::string photos;
  for (int i = 1; i < argc; ++i) {
    constexpr const char kFlag[] = "--photos=";
    if (std::strncmp(argv[i], kFlag, sizeof kFlag - 1) == 0) photos = argv[i] + sizeof kFlag - 1;
  }
  if (photos.empty()) {
    std::fprintf(stderr, "usage: %s --photos=DIR [benchmark flags]\n", argv[0]);
    return 2;
  }
  files = read_photos(photos);
  if (files.empty()) {
    std::fprintf(stderr, "no .jpg below '%s'\n", photos.c_str());
    return 1;
  }
  const auto run = [](const char* name, auto function, auto... arguments) {
    benchmark::RegisterBenchmark(name, function, arguments...)->Unit(benchmark::kMicrosecond);
  };
  run("header", header);
  run("decode/full", decode_full);
  run("decode/region", decode_region);
  run("resample", resample);
  run("normalize", normalize_planes);
  run("pixels/none", [](auto& state) { pixels(state, [](image::Planes) {}); });
  run("pixels/brightness", [](auto& state) { pixels(state, [](auto p) { image::adjust_brightness(p, 1.3); }); });
  run("pixels/contrast", [](auto& state) { pixels(state, [](auto p) { image::adjust_contrast(p, 1.3); }); });
  run("pixels/saturation", [](auto& state) { pixels(state, [](auto p) { image::adjust_saturation(p, 1.3); }); });
  run("pixels/hue", [](auto& state) { pixels(state, [](auto p) { image::adjust_hue(p, 0.2); }); });
  run("pixels/sharpness", [](auto& state) { pixels(state, sharpness); });
  run("pixels/equalize", [](auto& state) { pixels(state, image::equalize); });
  run("pixels/blur23", [](auto& state) { pixels(state, blur); });
  run("pixels/rotate_nearest",
      [](auto& state) { pixels(state, [](auto p) { affine(p, image::Interpolation::kNearest); }); });
  run("pixels/rotate_bilinear",
      [](auto& state) { pixels(state, [](auto p) { affine(p, image::Interpolation::kBilinear); }); });
  run("sample/RandomResizedCrop+RandAugment", sample, RandomResizedCrop(kSide) | transforms::RandAugment());
  run("sample/RandomResizedCrop+flip", sample, Chain(RandomResizedCrop(kSide)) | RandomHorizontalFlip());
  run("sample/RandomResizedCrop+flip+Normalize", sample,
      RandomResizedCrop(kSide) | RandomHorizontalFlip() | Normalize::imagenet());
  run("sample/Resize+CenterCrop", sample, Resize(256) | CenterCrop(kSide));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
