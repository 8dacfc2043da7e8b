// Reads a dataset of a format in random order with one worker, and prints samples a second of the second epoch.
#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/formats/hdf5_dataset.h"
#include "millrace/formats/lmdb_dataset.h"
#include "millrace/formats/npz.h"
#include "millrace/formats/token_windows.h"
#include "millrace/loader/data_loader.h"
#include "millrace/sharing/process/init.h"

namespace {

template <class D>
double samples_a_second(D dataset) {
  const auto samples = static_cast<double>(dataset.size());
  auto loader = millrace::make_data_loader(
      std::move(dataset), millrace::DataLoaderOptions(64).num_workers(1).shuffle(true).persistent_workers(true));
  double seconds = 0;
  for (int epoch = 0; epoch < 2; ++epoch) {  // The first one starts the worker and warms the kernel's cache.
    const auto begin = std::chrono::steady_clock::now();
    for (auto& batch : *loader) static_cast<void>(batch);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  return samples / seconds;
}

double measure(const std::string& format, const std::string& path) {
  if (format == "npz") return samples_a_second(millrace::npz_dataset(path));
  if (format == "hdf5") return samples_a_second(millrace::Hdf5Dataset(path));
  if (format == "lmdb") return samples_a_second(millrace::LmdbDataset(path));
  if (format == "tokens") return samples_a_second(millrace::TokenWindows(path));
  throw std::invalid_argument("known are npz, hdf5, lmdb and tokens");
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  if (argc != 3) {
    std::cerr << "usage: formats_arm npz|hdf5|lmdb|tokens FILE\n";
    return 2;
  }
  try {
    std::cout << measure(argv[1], argv[2]) << "\n";
  } catch (const std::exception& error) {
    std::cerr << "formats_arm: " << error.what() << "\n";
    return 1;
  }
}
