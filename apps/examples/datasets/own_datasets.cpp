#include <ATen/ops/linspace.h>
#include <ATen/ops/randn.h>
#include <millrace/millrace.h>

#include <iostream>

struct Sines {  // Gives samples: get(i) and size().
  int64_t n = 1000;
  double noise = 0.1;

  size_t size() const { return static_cast<size_t>(n); }
  // Any type that collates. The context, which may be left out, has this sample's random numbers.
  std::pair<at::Tensor, int64_t> get(size_t i, millrace::SampleContext& context) const {
    const auto t = at::linspace(0, 1, 256).mul(static_cast<double>(1 + i));
    return {t.sin().add(at::randn({256}, context.generator()), noise), static_cast<int64_t>(i % 10)};
  }
  template <class Archive>
  void serialize(Archive& archive) {  // How it travels to workers.
    archive(n, noise);
  }
  std::string describe(size_t i) const { return "sine " + std::to_string(i); }  // For errors; may be left out.
};

struct Ramps {  // Writes samples in place: says what one looks like, then fills its row of the batch.
  size_t size() const { return 100; }
  millrace::SampleSpec spec() const { return {{"ramp", at::kByte, {3, 32, 32}}, {"label", at::kLong, {}}}; }
  void read(size_t i, millrace::SampleRow& row, millrace::SampleContext& context) const {
    auto value = static_cast<uint8_t>(context.rng().integer(0, 255));
    for (auto& pixel : row.span<uint8_t>("ramp")) pixel = value++;
    row.set<int64_t>("label", static_cast<int64_t>(i % 10));
  }
};

struct Words {  // Cannot travel: has no serialize.
  std::vector<int64_t> lengths;
  size_t size() const { return lengths.size(); }
  int64_t get(size_t i) const { return lengths[i]; }
};

Words make_words(int64_t n) {
  Words words;
  for (int64_t i = 0; i < n; ++i) words.lengths.push_back(i % 7);
  return words;
}

void visit(auto dataset) {
  auto loader = millrace::make_data_loader(dataset, millrace::DataLoaderOptions(100).num_workers(2).seed(7));
  std::cout << loader->size() << " batches of " << to_string(loader->spec()) << "\n";
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  visit(Sines{});
  visit(Ramps{});
  visit(millrace::recipe(make_words, int64_t{500}));  // Each worker makes its own.
}
