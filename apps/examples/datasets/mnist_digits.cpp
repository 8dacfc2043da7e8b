#include <millrace/millrace.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  using namespace millrace::transforms;
  const millrace::MNIST digits("mnist", millrace::MNIST::Mode::kTest);

  // What torch::data gives: floats from 0 to 1.
  const auto as_torch_data = digits.transform(ToDtype(at::kFloat, /*scale=*/true));
  // Its Normalize<>(0.1307, 0.3081), behind borders of 2 and a random crop.
  const auto to_train = digits.transform(RandomCrop(28, Pad(2)) | Normalize({0.1307F}, {0.3081F}));

  for (const auto& dataset : {millrace::PixelDataset(digits), as_torch_data, to_train}) {
    auto loader = millrace::make_data_loader(dataset, millrace::DataLoaderOptions(10));
    const auto batch = loader->next();
    std::cout << batch->data().dtype() << ' ' << batch->data().sizes() << " up to " << batch->data().max().item<float>()
              << ", the first is a " << batch->target()[0].item<int64_t>() << "\n";
  }
}
