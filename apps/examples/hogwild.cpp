// Hogwild: four processes train one model that lies in shared memory, without a lock, and this process watches its
// accuracy rise. Ends with an error when the model has not learned to read digits.
//
//   hogwild digits.csv.gz

#include <torch/torch.h>
#include <zlib.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/sharing/os/whole_number.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace mp = millrace::multiprocessing;

namespace {

constexpr int kProcesses = 4;
constexpr int kEpochs = 12;
constexpr int64_t kBatch = 16;
constexpr int64_t kTestSamples = 297;

struct Digits {
  torch::Tensor images;  // N x 64, float, 0 to 1.
  torch::Tensor labels;  // N, int64.

  Digits range(int64_t begin, int64_t end) const { return {images.slice(0, begin, end), labels.slice(0, begin, end)}; }

  // What lets it travel to another process. The tensors themselves stay where they are, in shared memory.
  template <class Archive>
  void serialize(Archive& archive) {
    archive(images, labels);
  }
};

// A line is 64 pixels from 0 to 16 and the digit.
Digits read_digits(const std::string& path) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::vector<float> pixels;
  std::vector<int64_t> labels;
  char line[1024];
  while (gzgets(file.get(), line, sizeof line)) {
    std::istringstream numbers(line);
    const auto next_below = [&](int64_t end) {
      std::string text;
      std::getline(numbers, text, ',');
      if (text.ends_with('\n')) text.pop_back();
      const auto number = millrace::detail::whole_number<int64_t>(text);
      if (!number || *number < 0 || *number >= end)
        throw std::runtime_error(path + ", line " + std::to_string(labels.size() + 1) + ": found '" + text +
                                 "', expected 64 whole numbers from 0 to 16 and a digit");
      return *number;
    };
    for (int i = 0; i < 64; ++i) pixels.push_back(static_cast<float>(next_below(17)) / 16);
    labels.push_back(next_below(10));
  }
  const auto count = static_cast<int64_t>(labels.size());
  return {torch::tensor(pixels).reshape({count, 64}), torch::tensor(labels)};
}

torch::nn::Sequential make_model() {
  torch::manual_seed(0);
  return torch::nn::Sequential(torch::nn::Linear(64, 64), torch::nn::ReLU(), torch::nn::Linear(64, 10));
}

double accuracy(torch::nn::Sequential& model, const Digits& digits) {
  const torch::NoGradGuard no_grad;
  return model->forward(digits.images).argmax(1).eq(digits.labels).to(torch::kDouble).mean().item<double>();
}

// What each process runs: builds the model, puts the shared parameters in place of its own, and trains them.
void train(int rank, const std::vector<torch::Tensor>& shared, const Digits& digits) {
  torch::set_num_threads(1);
  auto model = make_model();
  auto parameters = model->parameters();
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].set_data(shared.at(i).detach());
  torch::manual_seed(rank + 1);
  torch::optim::SGD optimizer(parameters, torch::optim::SGDOptions(0.05));
  for (int epoch = 0; epoch < kEpochs; ++epoch)
    for (const auto& batch : torch::randperm(digits.labels.size(0)).split(kBatch)) {
      optimizer.zero_grad();
      const auto scores = model->forward(digits.images.index_select(0, batch));
      torch::nn::functional::cross_entropy(scores, digits.labels.index_select(0, batch)).backward();
      optimizer.step();
    }
}

int run(const std::string& path) {
  const Digits digits = read_digits(path);
  const int64_t train_samples = digits.labels.size(0) - kTestSamples;
  const Digits training = digits.range(0, train_samples);
  const Digits test = digits.range(train_samples, digits.labels.size(0));

  auto model = make_model();
  millrace::share_memory(*model);
  std::printf("before          %.3f\n", accuracy(model, test));

  std::vector<mp::Process> processes;
  for (int rank = 0; rank < kProcesses; ++rank) processes.emplace_back(train, rank, model->parameters(), training);
  for (auto& process : processes) process.start();
  for (auto& process : processes)
    while (!process.join(std::chrono::milliseconds(250))) std::printf("while training  %.3f\n", accuracy(model, test));

  for (auto& process : processes)
    if (process.exitcode() != 0) throw std::runtime_error(process.name() + " has failed");
  const double reached = accuracy(model, test);
  std::printf("after           %.3f\n", reached);
  return reached > 0.85 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: hogwild digits.csv.gz\n");
    return 2;
  }
  try {
    return run(argv[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hogwild: %s\n", e.what());
    return 1;
  }
}
