// Two datasets of one's own: one that gives samples as values, one that writes them in place.
#include <millrace/millrace.h>
#include <torch/torch.h>

#include <iostream>

struct Sines {  // get(i) and size(): any type of sample that collates.
  int64_t n = 1000;
  double noise = 0.1;
  size_t size() const { return static_cast<size_t>(n); }
  millrace::Example get(size_t i,
                        millrace::SampleContext& context) const {  // The context: random numbers for this sample.
    const auto t = torch::linspace(0, 1, 256) * static_cast<double>(1 + i);
    return {t.sin() + noise * torch::randn({256}, context.generator()), torch::tensor(static_cast<int64_t>(i % 10))};
  }
  template <class Archive>
  void serialize(Archive& archive) {  // Lets it travel to workers.
    archive(n, noise);
  }
  std::string describe(size_t i) const { return "sine " + std::to_string(i); }  // Optional: names sample i in errors.
};

struct Ramps {  // In place: says what a sample looks like and writes it into the batch.
  millrace::SampleSpec spec() const { return {{"ramp", torch::kUInt8, {3, 32, 32}}, {"label", torch::kInt64, {}}}; }
  size_t size() const { return 1000; }
  void read(size_t i, millrace::SampleRow& row, millrace::SampleContext& context) const {
    uint8_t value = static_cast<uint8_t>(context.rng().integer(0, 255));
    for (auto& pixel : row.span<uint8_t>("ramp")) pixel = value++;
    row.set<int64_t>("label", static_cast<int64_t>(i % 10));
  }
};

template <class Dataset>
void visit(const char* name, Dataset dataset) {
  auto loader = millrace::make_data_loader(std::move(dataset), millrace::DataLoaderOptions(100).num_workers(2).seed(7));
  int64_t labels = 0;
  for (auto& batch : *loader) labels += batch.target().sum().template item<int64_t>();
  std::cout << name << ": " << loader->size() << " batches of " << to_string(loader->spec()) << ", labels sum to "
            << labels << "\n";
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  visit("sines", Sines{});
  visit("ramps", Ramps{});
}
