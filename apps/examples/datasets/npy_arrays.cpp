#include <millrace/millrace.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  const millrace::NpyDataset rows({"npy/float32.npy", "npy/labels.npy"}, {"features", "label"});
  std::cout << rows.size() << " rows: " << to_string(rows.spec()) << "\n";

  auto loader = millrace::make_data_loader(rows, millrace::DataLoaderOptions(2).num_workers(1));
  for (auto& batch : *loader)
    std::cout << "sums " << batch["features"].sum().item<float>() << " and " << batch["label"].sum().item<int64_t>()
              << "\n";
}
