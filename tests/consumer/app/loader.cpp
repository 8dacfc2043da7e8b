// The smallest project that uses Millrace: a dataset that writes into the batch, two workers, a sum.
#include <millrace/millrace.h>

#include <cstdint>
#include <cstdio>

struct Squares {
  int64_t count = 0;

  millrace::SampleSpec spec() const { return {{"square", at::kLong, {}}}; }
  size_t size() const { return static_cast<size_t>(count); }
  void read(size_t i, millrace::SampleRow& row, millrace::SampleContext&) const {
    row.set<int64_t>("square", static_cast<int64_t>(i * i));
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(count);
  }
};

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  auto loader = millrace::make_data_loader(Squares{1000}, millrace::DataLoaderOptions(32).num_workers(2));
  int64_t sum = 0;
  for (auto& batch : *loader) sum += batch.data().sum().item<int64_t>();
  std::printf("sum of squares: %lld\n", static_cast<long long>(sum));
  return sum == 332'833'500 ? 0 : 1;
}
