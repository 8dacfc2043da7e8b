#pragma once

#include <map>
#include <mutex>

#include "millrace/tests/fake_cuda/driver/process.h"

/// The device memory that this process can reach: allocations, opened handles and mappings of VMM.
namespace fake_cuda {

struct Range {
  size_t bytes;
  int device;
  unsigned long long id = 0;  // Unique for ever in this process.
  bool accessible = true;
  bool legacy_capable = false;
  unsigned long long handle_types = 0;
  AllocationHandle physical = 0;  // Of a VMM mapping.
  unsigned long long number = 0;  // Of an allocation of this process, which names its file.
  bool exported = false;
};

/// By address. Guarded by `mutex`.
struct AddressSpace {
  std::mutex mutex;
  std::map<DevicePtr, Range> ranges;

  /// The range that the address lies in; end() when there is none.
  std::map<DevicePtr, Range>::iterator find(DevicePtr address);

  /// Adds a range, and gives it its id.
  void add(DevicePtr address, Range range);
};
AddressSpace& address_space();

/// Whether all of it is device memory that may be read and written.
bool is_accessible(DevicePtr address, size_t bytes);

/// Takes from, or gives back to, the memory that knobs.memory_bytes allows.
bool reserve_memory(size_t bytes);
void return_memory(size_t bytes);

/// Maps a file, shared. Null when that fails.
void* map_file(int fd, size_t bytes);

inline void* pointer(DevicePtr address) { return reinterpret_cast<void*>(address); }
inline DevicePtr address_of(const void* memory) { return reinterpret_cast<DevicePtr>(memory); }

}  // namespace fake_cuda
