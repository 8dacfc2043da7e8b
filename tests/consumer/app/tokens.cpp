// A program that reads no pictures links the loader alone: token streams, and no library of pictures behind it.
#include <millrace/loader/data_loader.h>
#include <millrace/sharing/process/init.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

struct Tokens {
  int64_t count = 0;

  size_t size() const { return static_cast<size_t>(count); }
  std::array<int64_t, 4> get(size_t i) const {
    const auto first = static_cast<int64_t>(i);
    return {first, first + 1, first + 2, first + 3};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(count);
  }
};

// Whether a library of that name is mapped.
bool is_loaded(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("/" + name + ".so") != std::string::npos) return true;
  return false;
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  auto loader = millrace::make_data_loader(Tokens{100}, millrace::DataLoaderOptions(10).num_workers(2));
  int64_t batches = 0;
  for (auto& batch : *loader) batches += batch.size() == 10 && batch.columns().size() == 4;
  std::printf("%lld batches\n", static_cast<long long>(batches));
  for (const char* name : {"libopencv_core", "libjpeg", "libpng16", "libtiff", "libwebp", "libgif", "libhwy"}) {
    if (!is_loaded(name)) continue;
    std::printf("%s is loaded, which reads pictures\n", name);
    return 1;
  }
  return batches == 10 ? 0 : 1;
}
