#include <ATen/ops/arange.h>
#include <stdlib.h>

#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/sharing/process/init.h"

auto make_loader(int64_t workers) {
  return millrace::make_data_loader(millrace::TensorDataset({at::arange(20)}),
                                    millrace::DataLoaderOptions(4).shuffle(true).seed(7).num_workers(workers));
}

void print(const millrace::Batch& batch) {
  std::cout << " [";
  for (const int64_t index : batch.indices()) std::cout << ' ' << index;
  std::cout << " ]";
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  std::string folder = std::filesystem::temp_directory_path() / "millrace_loader_state_XXXXXX";
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make the folder " + folder);
  const std::string path = folder + "/state.json";
  {
    auto loader = make_loader(/*workers=*/1);
    loader->set_epoch(2);
    for (int i = 0; i < 3; ++i) print(*loader->next());
    std::cout << " stopped\n";
    millrace::save(loader->state_dict(), path);
  }
  auto loader = make_loader(/*workers=*/3);  // In another process, another day.
  loader->load_state_dict(millrace::load_state(path));
  while (const auto batch = loader->next()) print(*batch);
  std::cout << " end of epoch " << loader->epoch() - 1 << '\n';

  try {
    auto other = millrace::make_data_loader(millrace::TensorDataset({at::arange(21)}),
                                            millrace::DataLoaderOptions(4).shuffle(true).seed(7));
    other->load_state_dict(millrace::load_state(path));
  } catch (const std::invalid_argument& e) {
    std::cout << e.what() << '\n';
  }
  std::filesystem::remove_all(folder);
}
