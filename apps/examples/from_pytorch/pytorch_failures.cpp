#include <csignal>
#include <iostream>
#include <stdexcept>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/process/init.h"

using namespace std::chrono_literals;

struct Troubled {
  size_t size() const { return 12; }
  int64_t get(size_t i) const {
    if (i == 1) throw std::invalid_argument("truncated file");
    if (i == 5) ::raise(SIGKILL);  // The kernel's out-of-memory killer, for example.
    if (i == 9) ::raise(SIGSTOP);  // Or a file system that hangs.
    return static_cast<int64_t>(i);
  }
  std::string describe(size_t i) const { return "photos/" + std::to_string(i) + ".jpg"; }
};

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  using namespace millrace;
  const auto options = DataLoaderOptions(3).num_workers(2).retries(1).sample_timeout(300ms);
  auto loader = make_data_loader(Troubled(), options);
  for (bool more = true; more;) {
    try {
      const auto batch = loader->next();
      more = batch.has_value();
      if (more) std::cout << "batch of " << batch->size() << '\n';
    } catch (const SampleError& e) {
      std::cout << e.index() << ", " << e.path() << ": " << e.type() << ": " << e.message() << '\n';
    } catch (const WorkerDied& e) {
      std::cout << signal_name(e.signal()) << ' ' << e.doing().substr(0, e.doing().find(',')) << '\n';
    }
  }

  auto skipping = make_data_loader(Troubled(), DataLoaderOptions(options).on_error(OnError::kSkip));
  for (auto& batch : *skipping) std::cout << "batch of " << batch.size() << '\n';
  std::cout << skipping->stats().skipped_samples << " skipped\n";
}
