#include "millrace/sharing/tensor/strategy.h"

#include <atomic>

#include "millrace/sharing/memory/segment.h"

namespace millrace::multiprocessing {
namespace {

std::atomic<SharingStrategy> current_strategy{SharingStrategy::kFileDescriptor};

}  // namespace

void set_sharing_strategy(SharingStrategy strategy) {
  set_unsealed_memory(strategy == SharingStrategy::kFileSystem ? UnsealedMemory::kAccepted : UnsealedMemory::kRefused);
  current_strategy = strategy;
}

SharingStrategy get_sharing_strategy() { return current_strategy; }

std::vector<SharingStrategy> get_all_sharing_strategies() {
  return {SharingStrategy::kFileDescriptor, SharingStrategy::kFileSystem};
}

const char* to_string(SharingStrategy strategy) {
  switch (strategy) {
    case SharingStrategy::kFileDescriptor:
      return "file_descriptor";
    case SharingStrategy::kFileSystem:
      return "file_system";
  }
  return "?";
}

}  // namespace millrace::multiprocessing
