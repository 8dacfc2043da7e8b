// What one photo costs on its way from the bytes of its file to a row of a batch, stage by stage. One thread.
//
//   image_kernels --photos=DIR [--benchmark_repetitions=5 --benchmark_report_aggregates_only=true]
//
// DIR: an ImageFolder of JPEGs. Every iteration takes the next photo and the next random crop, so the figures are means
// over photos and crops. "kpixel" counts the pixels of the crops.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "millrace/loader/image/decode.h"
#include "millrace/loader/image/kernels.h"
#include "millrace/loader/image/resample.h"
#include "millrace/loader/transforms/renderer.h"

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
  run("sample/RandomResizedCrop+flip", sample, Chain(RandomResizedCrop(kSide)) | RandomHorizontalFlip());
  run("sample/RandomResizedCrop+flip+Normalize", sample,
      RandomResizedCrop(kSide) | RandomHorizontalFlip() | Normalize::imagenet());
  run("sample/Resize+CenterCrop", sample, Resize(256) | CenterCrop(kSide));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
