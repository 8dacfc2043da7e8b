// Reads a dataset of a format in random order with one worker, and prints samples a second, and microseconds of CPU
// time a sample in trainer and worker.
#include <sys/types.h>

#include <chrono>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/formats/hdf5_dataset.h"
#include "millrace/formats/lmdb_dataset.h"
#include "millrace/formats/npz.h"
#include "millrace/formats/token_windows.h"
#include "millrace/loader/data_loader.h"
#include "millrace/sharing/process/init.h"

namespace {

constexpr int kEpochs = 8;

struct Measured {
  double samples_a_second = 0;
  double cpu_us = 0;  // A sample's.
};

// What this process and the workers have used so far, in microseconds.
double cpu_us_of(const std::vector<pid_t>& workers) {
  timespec own{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  double sum = 1e6 * static_cast<double>(own.tv_sec) + 1e-3 * static_cast<double>(own.tv_nsec);
  for (const pid_t worker : workers) {
    double nanoseconds = 0;
    std::ifstream("/proc/" + std::to_string(worker) + "/schedstat") >> nanoseconds;
    sum += 1e-3 * nanoseconds;
  }
  return sum;
}

template <class D>
Measured read_epochs(D dataset) {
  using Clock = std::chrono::steady_clock;
  const auto samples = kEpochs * static_cast<double>(dataset.size());
  auto loader =
      millrace::make_data_loader(std::move(dataset), millrace::DataLoaderOptions(64).num_workers(1).shuffle(true));
  const auto epoch = [&] {
    for (auto& batch : *loader) static_cast<void>(batch);
  };
  epoch();  // Starts the worker and warms the kernel's cache.
  const double cpu_before = cpu_us_of(loader->worker_pids());
  const auto begin = Clock::now();
  for (int i = 0; i < kEpochs; ++i) epoch();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return {samples / seconds, (cpu_us_of(loader->worker_pids()) - cpu_before) / samples};
}

Measured measure(const std::string& format, const std::string& path) {
  if (format == "npz") return read_epochs(millrace::npz_dataset(path));
  if (format == "hdf5") return read_epochs(millrace::Hdf5Dataset(path));
  if (format == "lmdb") return read_epochs(millrace::LmdbDataset(path, "", millrace::LmdbValues::kTensor));
  if (format == "lmdb-text") return read_epochs(millrace::LmdbDataset(path));
  if (format == "tokens") return read_epochs(millrace::TokenWindows(path));
  throw std::invalid_argument("known are npz, hdf5, lmdb, lmdb-text and tokens");
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  if (argc != 3) {
    std::cerr << "usage: formats_arm npz|hdf5|lmdb|lmdb-text|tokens FILE\n";
    return 2;
  }
  try {
    const Measured measured = measure(argv[1], argv[2]);
    std::cout << measured.samples_a_second << " " << measured.cpu_us << "\n";
  } catch (const std::exception& error) {
    std::cerr << "formats_arm: " << error.what() << "\n";
    return 1;
  }
}
