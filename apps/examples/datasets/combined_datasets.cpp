#include <ATen/ops/arange.h>
#include <millrace/millrace.h>

#include <iostream>

// Numbers and their squares.
millrace::TensorDataset squares(int64_t begin, int64_t end) {
  const auto x = at::arange(begin, end);
  return millrace::TensorDataset({x, x.square()}, {"x", "square"});
}

void print(const char* name, auto dataset) {
  auto loader = millrace::make_data_loader(dataset, millrace::DataLoaderOptions(100));
  const std::optional<millrace::Batch> batch = loader->next();
  std::cout << name << ":";
  for (int64_t i = 0; i < batch->size(); ++i) std::cout << ' ' << batch->target()[i].item<int64_t>();
  std::cout << "\n";
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  print("TensorDataset", squares(0, 5));

  const millrace::ConcatDataset<millrace::TensorDataset> all({squares(0, 5), squares(10, 15)});
  print("ConcatDataset", all);
  print("Subset", millrace::Subset(all, {9, 0, 9}));

  const auto parts = millrace::random_split(all, {0.7, 0.3}, /*seed=*/0);
  print("random_split, 70 %", parts[0]);
  print("random_split, 30 %", parts[1]);

  millrace::StackDataset both(squares(0, 3), squares(5, 8));
  std::cout << "StackDataset: " << to_string(both.spec()) << "\n";
}
