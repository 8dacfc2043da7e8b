#include "millrace/sharing/cuda/ipc/allocation.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/os/fork_handlers.h"

namespace millrace::cuda {
namespace {

using multiprocessing::detail::ProcessIdentity;

// The producers that this process knows, itself among them. One descriptor for each that it has memory of.
class Producers {
 public:
  static Producers& instance() {
    static Producers* producers = new Producers;
    return *producers;
  }

  std::shared_ptr<const Producer> self() {
    const std::lock_guard lock(mutex_);
    if (!self_)
      self_ = std::make_shared<const Producer>(multiprocessing::detail::this_process(), PidFd::open(::getpid()));
    return self_;
  }

  std::shared_ptr<const Producer> find_or_keep(const ProcessIdentity& identity, PidFd pidfd) {
    const std::lock_guard lock(mutex_);
    std::erase_if(others_, [](const auto& entry) { return entry.second.expired(); });
    auto& known = others_[{identity.pid, identity.start_time}];
    if (auto producer = known.lock()) return producer;
    auto producer = std::make_shared<const Producer>(identity, std::move(pidfd));
    known = producer;
    return producer;
  }

 private:
  Producers() {
    at_fork(ForkRank::kCudaProducers, {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                                       [] {
                                         instance().mutex_.unlock();
                                         instance().self_.reset();
                                       }});
  }

  std::mutex mutex_;  // Protects the rest.
  std::shared_ptr<const Producer> self_;
  std::map<std::pair<pid_t, uint64_t>, std::weak_ptr<const Producer>> others_;
};
[[maybe_unused]] const Producers& kProducersAtLoad = Producers::instance();

struct SentProducers {
  std::vector<std::shared_ptr<const Producer>> list;
};
struct ReceivedProducers {
  std::vector<std::shared_ptr<const Producer>> list;
};
struct SentAllocations {
  std::vector<std::shared_ptr<const HeldAllocation>> list;
};
struct ReceivedAllocations {
  std::vector<std::shared_ptr<const ReceivedAllocation>> list;
};

void save_producer(EncodeArchive& archive, const std::shared_ptr<const Producer>& producer) {
  auto& sent = archive.memory<SentProducers>().list;
  const auto known =
      std::find_if(sent.begin(), sent.end(), [&](const auto& p) { return p->identity == producer->identity; });
  archive(static_cast<uint32_t>(known - sent.begin()));
  if (known != sent.end()) return;
  archive(producer->identity.pid, producer->identity.start_time);
  archive.attach(producer->pidfd.fd());
  sent.push_back(producer);
}

std::shared_ptr<const Producer> load_producer(DecodeArchive& archive) {
  auto& received = archive.memory<ReceivedProducers>().list;
  uint32_t number = 0;
  archive(number);
  if (number > received.size()) throw DecodeError("an allocation names a producer that has not come");
  if (number == received.size()) {
    ProcessIdentity identity;
    archive(identity.pid, identity.start_time);
    received.push_back(Producers::instance().find_or_keep(identity, PidFd(archive.detach())));
  }
  return received[number];
}

[[noreturn]] void refuse(int device, const std::string& why) {
  throw std::invalid_argument("a tensor on cuda:" + std::to_string(device) +
                              " cannot be sent to another process: " + why +
                              ". Send tensor.cpu() and copy it to the device there, or make it with torch's default "
                              "allocator (see PYTORCH_CUDA_ALLOC_CONF)");
}

template <class T>
T attribute_of(api::DevicePtr address, int attribute) {
  uint64_t value = 0;  // Wide enough for whatever the driver writes; both are little endian.
  MILLRACE_CUDA(pointer_get_attribute, &value, attribute, address);
  return static_cast<T>(value);
}

// The pieces of cuMemCreate() that the bytes from `address` on lie in.
void find_pieces(HeldAllocation& allocation, api::DevicePtr address, uint64_t bytes) {
  const int device = allocation.device;
  constexpr const char* kWhy =
      "its memory is neither of cudaMalloc() nor of segments with POSIX descriptors (it may come from "
      "cudaMallocAsync(), or from segments with fabric handles)";
  for (api::DevicePtr at = address; at < address + bytes;) {
    api::DevicePtr base = 0;
    size_t size = 0;
    MILLRACE_CUDA(mem_get_address_range, &base, &size, at);
    if ((attribute_of<int>(at, api::kPointerAllowedHandleTypes) & api::kMemHandleTypePosixFd) == 0)
      refuse(device, kWhy);
    try {
      allocation.pieces.push_back(DeviceSegment::at(device, base, size));
    } catch (const CudaError& e) {
      refuse(device, std::string(kWhy) + ": " + e.what());
    }
    if (at == address) allocation.base = base;
    allocation.bytes += size;
    at = base + size;
  }
}

}  // namespace

std::pair<std::shared_ptr<const HeldAllocation>, uint64_t> find_allocation(int device, const void* data,
                                                                           uint64_t bytes) {
  const CurrentContext context(device);
  const auto address = reinterpret_cast<api::DevicePtr>(data);
  auto allocation = std::make_shared<HeldAllocation>();
  allocation->producer = Producers::instance().self();
  allocation->device = device;
  allocation->buffer_id = attribute_of<uint64_t>(address, api::kPointerBufferId);
  if (attribute_of<int>(address, api::kPointerIsLegacyCudaIpcCapable) != 0) {
    size_t size = 0;
    MILLRACE_CUDA(mem_get_address_range, &allocation->base, &size, address);
    allocation->bytes = size;
    const api::Result result = Driver::get().entry().ipc_get_mem_handle(&allocation->handle, allocation->base);
    if (result == api::kNotSupported)
      refuse(device, "this system has no CUDA IPC (as with MIG, WSL or some containers)");
    if (result != api::kSuccess) detail::throw_cuda_error(result, "ipc_get_mem_handle");
  } else {
    allocation->transport = Transport::kDescriptors;
    find_pieces(*allocation, address, bytes);
  }
  const uint64_t offset = address - allocation->base;
  return {std::move(allocation), offset};
}

void save_allocation(EncodeArchive& archive, const std::shared_ptr<const HeldAllocation>& allocation) {
  auto& sent = archive.memory<SentAllocations>().list;
  const auto known =
      std::find_if(sent.begin(), sent.end(), [&](const auto& a) { return a->key() == allocation->key(); });
  archive(static_cast<uint32_t>(known - sent.begin()));
  if (known != sent.end()) return;
  save_producer(archive, allocation->producer);
  const api::Uuid uuid = uuid_of(allocation->device);
  archive(static_cast<uint8_t>(allocation->transport), allocation->base, allocation->bytes, allocation->buffer_id,
          uuid.bytes);
  if (allocation->transport == Transport::kLegacyHandle) {
    archive(allocation->handle.reserved);
  } else {
    archive(static_cast<uint32_t>(allocation->pieces.size()));
    for (const auto& piece : allocation->pieces) {
      archive(static_cast<uint64_t>(piece.bytes()));
      archive.attach(piece.export_fd().get());
    }
  }
  sent.push_back(allocation);
}

std::shared_ptr<const ReceivedAllocation> load_allocation(DecodeArchive& archive) {
  auto& known = archive.memory<ReceivedAllocations>().list;
  uint32_t number = 0;
  archive(number);
  if (number > known.size()) throw DecodeError("a storage names an allocation that has not come");
  if (number < known.size()) return known[number];
  auto received = std::make_shared<ReceivedAllocation>();
  ReceivedAllocation& allocation = *received;
  allocation.producer = load_producer(archive);
  uint8_t transport = 0;
  api::Uuid uuid{};
  archive(transport, allocation.base, allocation.bytes, allocation.buffer_id, uuid.bytes);
  allocation.transport = static_cast<Transport>(transport);
  if (allocation.transport == Transport::kLegacyHandle) {
    archive(allocation.handle.reserved);
  } else if (allocation.transport == Transport::kDescriptors) {
    uint32_t pieces = 0;
    archive(pieces);
    archive.require_elements(pieces);
    for (uint32_t i = 0; i < pieces; ++i) {
      archive(allocation.piece_bytes.emplace_back());
      allocation.piece_fds.push_back(archive.detach());
    }
    if (std::accumulate(allocation.piece_bytes.begin(), allocation.piece_bytes.end(), uint64_t{0}) != allocation.bytes)
      throw DecodeError("an allocation came whose pieces are not as large as it is");
  } else {
    throw DecodeError("an allocation came in an unknown way, number " + std::to_string(transport));
  }
  allocation.device = device_with(uuid);
  known.push_back(received);
  return received;
}

OpenAllocation::LegacyMapping::LegacyMapping(int device, const api::IpcMemHandle& handle) : device_(device) {
  const CurrentContext context(device);
  MILLRACE_CUDA(ipc_open_mem_handle, &address_, handle, api::kIpcMemLazyEnablePeerAccess);
}

OpenAllocation::LegacyMapping::~LegacyMapping() {
  const Driver* const driver = address_ != 0 ? Driver::find() : nullptr;
  if (!driver) return;
  try {
    const CurrentContext context(device_);
    driver->entry().ipc_close_mem_handle(address_);
  } catch (const std::runtime_error&) {
    // The context is lost, or the process is ending: the driver closes it.
  }
}

OpenAllocation::OpenAllocation(const ReceivedAllocation& received) {
  auto allocation = std::make_shared<HeldAllocation>(HeldAllocation{received, {}});
  if (received.transport == Transport::kLegacyHandle) {
    mapping_.emplace<LegacyMapping>(received.device, received.handle);
  } else {
    for (size_t i = 0; i < received.piece_fds.size(); ++i) {
      allocation->pieces.push_back(
          DeviceSegment::adopt(received.device, received.piece_bytes[i], received.piece_fds[i]));
    }
    mapping_.emplace<MappedDeviceSegment>(allocation->pieces);
  }
  allocation_ = std::move(allocation);
}

api::DevicePtr OpenAllocation::address() const {
  return std::visit([](const auto& mapping) { return mapping.address(); }, mapping_);
}

}  // namespace millrace::cuda
