#include <ATen/ops/full.h>
#include <millrace/millrace.h>

#include <iostream>

struct Captions {
  size_t size() const { return 1000; }
  millrace::Sample get(size_t i) const {  // Named values, of any length.
    const auto words = static_cast<int64_t>(1 + i % 4);
    return {{"tokens", at::full({words}, static_cast<int64_t>(i), at::kLong)},
            {"text", "caption " + std::to_string(i)}};
  }
};

size_t longest(const std::vector<millrace::Sample>& samples) {
  size_t most = 0;
  for (const auto& sample : samples) most = std::max(most, sample.get<std::string>("text").size());
  return most;
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  const auto options = millrace::DataLoaderOptions(4).num_workers(2);

  auto padded = millrace::make_data_loader(Captions{}, options, millrace::collate::Pad{});
  const auto batch = *padded->next();
  std::cout << to_string(batch.columns()) << "\n" << batch.strings("text")[3] << "\n";

  auto ragged = millrace::make_data_loader(Captions{}, options, millrace::collate::Ragged{});
  std::cout << to_string(ragged->next()->columns()) << "\n";

  auto own = millrace::make_data_loader(Captions{}, options, &longest);  // Batches are what the function returns.
  std::cout << "the longest of four has " << *own->next() << " letters\n";
}
