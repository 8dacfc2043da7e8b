// LibTorch's own DataLoader, torch::data, which runs workers as threads, in scenarios a, b and c of benchmarks/compare.
// Prints one JSON object as its last line: {"versions": …, "metrics": {…}, "check": {…}}. With --batches N it takes N
// batches and measures nothing, which is what benchmarks/count_syscalls needs.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/benchmarks/arms/measure.h"

namespace fs = std::filesystem;
namespace td = torch::data;
using Json = nlohmann::json;
using millrace::benchmarks::measure;

namespace {

struct Options {
  std::string scenario;
  std::string variant = "default";
  std::string photos;
  double window_s = 5;
  std::optional<int64_t> batches;
};

// ---- scenario a: photos ------------------------------------------------------------------------------------------

struct Photo {
  std::string path;
  int64_t label;
};

/// One class a folder, both in alphabetical order; the list is repeated so that no epoch ends inside a window.
std::vector<Photo> photo_list(const std::string& root, size_t at_least) {
  std::vector<fs::path> classes;
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_directory()) classes.push_back(entry.path());
  std::sort(classes.begin(), classes.end());
  std::vector<Photo> once;
  for (size_t label = 0; label < classes.size(); ++label) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(classes[label]))
      if (entry.path().extension() == ".jpg" || entry.path().extension() == ".jpeg")
        files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (auto& file : files) once.push_back({std::move(file), static_cast<int64_t>(label)});
  }
  if (once.empty()) throw std::runtime_error("no .jpg files in the folders of '" + root + "'");
  std::vector<Photo> all;
  while (all.size() < at_least) all.insert(all.end(), once.begin(), once.end());
  return all;
}

/// The crop box of torchvision's RandomResizedCrop: a share of 0.08 to 1 of the area, sides 3:4 to 4:3.
cv::Rect random_box(const cv::Size& size, std::mt19937& rng) {
  std::uniform_real_distribution<double> share(0.08, 1.0), log_ratio(std::log(3.0 / 4), std::log(4.0 / 3));
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = share(rng) * size.area(), ratio = std::exp(log_ratio(rng));
    const int width = static_cast<int>(std::lround(std::sqrt(area * ratio)));
    const int height = static_cast<int>(std::lround(std::sqrt(area / ratio)));
    if (width < 1 || width > size.width || height < 1 || height > size.height) continue;
    return {std::uniform_int_distribution(0, size.width - width)(rng),
            std::uniform_int_distribution(0, size.height - height)(rng), width, height};
  }
  return {{0, 0}, size};
}

struct Photos : td::datasets::Dataset<Photos> {
  explicit Photos(const std::string& root) : photos(photo_list(root, size_t{1} << 16)) {}

  td::Example<> get(size_t index) override {
    thread_local std::mt19937 rng(std::random_device{}());
    const auto& photo = photos[index];
    std::vector<uchar> bytes(fs::file_size(photo.path));
    std::ifstream(photo.path, std::ios::binary)
        .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const cv::Mat whole = cv::imdecode(bytes, cv::IMREAD_COLOR);
    const auto box = random_box(whole.size(), rng);
    // INTER_AREA is OpenCV's anti-aliasing filter; for enlarging, bilinear is what torchvision does too.
    const bool smaller = box.width > 224 || box.height > 224;
    cv::Mat image;
    cv::resize(whole(box), image, {224, 224}, 0, 0, smaller ? cv::INTER_AREA : cv::INTER_LINEAR);
    if (rng() % 2 == 0) cv::flip(image, image, 1);
    cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
    return {torch::from_blob(image.data, {224, 224, 3}, torch::kUInt8).permute({2, 0, 1}).contiguous(),
            torch::tensor(photo.label)};
  }
  std::optional<size_t> size() const override { return photos.size(); }

  std::vector<Photo> photos;
};

// ---- scenario b: tiny samples ------------------------------------------------------------------------------------

struct TinyTensors {
  torch::Tensor labels = torch::arange(int64_t{1} << 18);
  torch::Tensor rows = labels.to(torch::kFloat).unsqueeze(1).repeat({1, 16});  // a row is full of its own label
};

/// A sample a call, stacked afterwards: how torch::data's own datasets are written.
struct TinySamples : td::datasets::Dataset<TinySamples> {
  td::Example<> get(size_t index) override {
    const auto i = static_cast<int64_t>(index);
    return {tensors.rows[i], tensors.labels[i]};
  }
  std::optional<size_t> size() const override { return tensors.labels.size(0); }

  TinyTensors tensors;
};

/// A batch a call by one index_select: the best that torch::data can do.
struct TinyBatches : td::datasets::BatchDataset<TinyBatches, td::Example<>, std::vector<size_t>> {
  td::Example<> get_batch(std::vector<size_t> indices) override {
    const auto index = torch::from_blob(indices.data(), {static_cast<int64_t>(indices.size())}, torch::kLong);
    return {tensors.rows.index_select(0, index), tensors.labels.index_select(0, index)};
  }
  std::optional<size_t> size() const override { return tensors.labels.size(0); }

  TinyTensors tensors;
};

// ---- scenario c: big batches -------------------------------------------------------------------------------------

struct BigBatches : td::datasets::BatchDataset<BigBatches, td::TensorExample, std::vector<size_t>> {
  td::TensorExample get_batch(std::vector<size_t> indices) override {
    return torch::full({256, 3, 224, 224}, static_cast<float>(indices[0] % 97));
  }
  std::optional<size_t> size() const override { return size_t{1} << 20; }
};

struct BigSamples : td::datasets::Dataset<BigSamples, td::TensorExample> {
  td::TensorExample get(size_t index) override { return torch::full({3, 224, 224}, static_cast<float>(index % 97)); }
  std::optional<size_t> size() const override { return size_t{1} << 20; }
};

// ---- running -----------------------------------------------------------------------------------------------------

/// Batches without end: an epoch's last is followed by the first of the next.
template <class Loader>
class Endless {
 public:
  explicit Endless(Loader loader) : loader_(std::move(loader)), position_(loader_->begin()) {}

  auto next() {
    if (position_ == loader_->end()) position_ = loader_->begin();
    auto batch = std::move(*position_);
    ++position_;
    return batch;
  }

 private:
  Loader loader_;
  decltype(std::declval<Loader>()->begin()) position_;
};

template <class Sampler, class Dataset>
auto endless(Dataset dataset, size_t batch_size, size_t workers) {
  return Endless(td::make_data_loader<Sampler>(
      std::move(dataset), td::DataLoaderOptions().batch_size(batch_size).workers(workers).drop_last(true)));
}

void report(const Json& metrics, const Json& check) {
  std::cout << Json{{"versions", std::string("LibTorch ") + TORCH_VERSION + ", OpenCV " + CV_VERSION},
                    {"metrics", metrics},
                    {"check", check}}
            << '\n';
}

/// Takes the batches that count_syscalls asked for. Returns false when the run is to be measured instead.
template <class Next>
bool only_take(const Options& options, Next next) {
  for (int64_t taken = 0; taken < options.batches.value_or(0); ++taken) next();
  return options.batches.has_value();
}

void run_photos(const Options& options) {
  auto batches =
      endless<td::samplers::RandomSampler>(Photos(options.photos).map(td::transforms::Stack<>()), 64, /*workers=*/2);
  const auto next = [&] { return batches.next(); };
  if (only_take(options, next)) return;
  const auto first = next();
  const auto cost = measure(next, options.window_s, 12);
  report({{"samples_per_s", 64 / cost.seconds}, {"cpu_us_per_sample", cost.cpu_seconds / 64 * 1e6}},
         {{"shape", first.data.sizes().vec()},
          {"mean", first.data.to(torch::kFloat).mean().template item<float>()},
          {"label_sum", first.target.sum().template item<int64_t>()}});
}

template <class Batches>
void run_tiny(const Options& options, Batches batches) {
  const auto next = [&] { return batches.next(); };
  if (only_take(options, next)) return;
  const auto first = next();
  const auto cost = measure(next, options.window_s, 50);
  report({{"us_per_batch", cost.seconds * 1e6}, {"cpu_us_per_batch", cost.cpu_seconds * 1e6}},
         {{"shape", first.data.sizes().vec()},
          {"rows_match_labels", (first.data == first.target.unsqueeze(1)).all().template item<bool>()},
          {"label_sum", first.target.sum().template item<int64_t>()}});
}

template <class Batches>
void run_big(const Options& options, Batches batches) {
  int64_t total = 0;
  const auto next = [&] {
    auto batch = batches.next().data;
    total += batch.view(-1).view(torch::kLong).sum().template item<int64_t>();
    return batch;
  };
  if (only_take(options, next)) return;
  Json check;
  {
    const auto first = next();
    check = {{"shape", first.sizes().vec()}, {"mean", first.mean().template item<float>()}};
  }
  const auto cost = measure(next, options.window_s, 6);
  report({{"ms_per_batch", cost.seconds * 1e3}, {"cpu_ms_per_batch", cost.cpu_seconds * 1e3}}, check);
}

void run(const Options& options) {
  using Random = td::samplers::RandomSampler;
  using Sequential = td::samplers::SequentialSampler;
  const std::string what = options.scenario + "/" + options.variant;
  if (what == "a/default") return run_photos(options);
  if (what == "b/get") return run_tiny(options, endless<Random>(TinySamples().map(td::transforms::Stack<>()), 64, 1));
  if (what == "b/get_batch") return run_tiny(options, endless<Random>(TinyBatches(), 64, 1));
  if (what == "c/get")
    return run_big(options, endless<Sequential>(BigSamples().map(td::transforms::Stack<td::TensorExample>()), 256, 1));
  if (what == "c/get_batch") return run_big(options, endless<Sequential>(BigBatches(), 1, 1));
  throw std::invalid_argument("no scenario '" + what + "': a, b and c (with --variant get or get_batch)");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"torch::data in the scenarios of benchmarks/compare"};
  app.add_option("scenario", options.scenario, "a, b or c")->required();
  app.add_option("--variant", options.variant, "b and c: get or get_batch");
  app.add_option("--photos", options.photos, "folder with one folder of JPEG files per class (a)");
  app.add_option("--window", options.window_s, "seconds to measure");
  app.add_option("--batches", options.batches, "take so many batches, measure nothing");
  CLI11_PARSE(app, argc, argv);
  cv::setNumThreads(1);
  torch::set_num_threads(1);
  try {
    run(options);
  } catch (const std::exception& error) {
    std::cerr << "torch_data_arm: " << error.what() << '\n';
    return 1;
  }
}
