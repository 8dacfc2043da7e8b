// A program of a user who links the library of formats alone: windows of a token file, read by a worker process.
#include <millrace/formats/token_windows.h>
#include <millrace/loader/data_loader.h>
#include <millrace/sharing/process/init.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <vector>

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  std::vector<uint16_t> tokens(101);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<uint16_t>(i);
  std::ofstream("consumer_tokens.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(tokens.data()), static_cast<std::streamsize>(2 * tokens.size()));
  auto loader = millrace::make_data_loader(millrace::TokenWindows("consumer_tokens.bin", {.length = 10}),
                                           millrace::DataLoaderOptions(10).num_workers(1));
  const auto batch = loader->next();
  const auto sum = batch->target().sum().item<int64_t>();
  std::printf("targets sum to %ld\n", static_cast<long>(sum));
  return sum == 5050 ? 0 : 1;
}
