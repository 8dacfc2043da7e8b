// Trains on a folder of photos, one directory a class: photos FOLDER
#include <millrace/millrace.h>
#include <torch/torch.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);  // First: starts the fork server.
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER\n";
    return 2;
  }
  using namespace millrace::transforms;
  auto photos = millrace::ImageFolder(argv[1]).transform(RandomResizedCrop(64) | RandomHorizontalFlip());
  auto loader =
      millrace::make_data_loader(photos, millrace::DataLoaderOptions(16).num_workers(2).shuffle(true).seed(1));

  torch::manual_seed(1);
  const auto classes = static_cast<int64_t>(photos.classes().size());
  torch::nn::Sequential model(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 3).stride(2)), torch::nn::ReLU(),
                              torch::nn::AdaptiveAvgPool2d(4), torch::nn::Flatten(),
                              torch::nn::Linear(8 * 4 * 4, classes));
  torch::optim::Adam optimizer(model->parameters(), 1e-3);
  for (int epoch = 0; epoch < 3; ++epoch) {
    double sum = 0;
    for (auto& batch : *loader) {
      const auto images = batch.data().to(torch::kFloat).div_(255);  // Workers send uint8: a quarter of the bytes.
      const auto loss = torch::cross_entropy_loss(model->forward(images), batch.target());
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      sum += loss.item<double>() * static_cast<double>(batch.size());
    }
    std::cout << "epoch " << epoch << ": loss " << sum / static_cast<double>(photos.size()) << "\n";
  }
}
