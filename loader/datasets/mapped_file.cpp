#include "millrace/loader/datasets/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {
namespace {

int64_t nanoseconds_now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

MappedFile::Mapping::Mapping(OwnedFd file) : fd(std::move(file)) {
  struct stat status = {};
  MILLRACE_SYSCALL(::fstat(fd.get(), &status));
  if (!S_ISREG(status.st_mode)) throw std::runtime_error("not a regular file");  // What another process sent.
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return;  // The kernel maps no empty files.
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) throw_syscall_error(errno, "mmap", size);
  bytes = {static_cast<const std::byte*>(memory), size};
}

MappedFile::Mapping::~Mapping() {
  if (!bytes.empty()) ::munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
  try {
    path_ = user_path(path);
    OwnedFd file = open_regular(path_);
    stamp_ = stamp_of(file.get(), path_);
    mapping_ = std::make_shared<Mapping>(std::move(file));
  } catch (const std::exception& reason) {
    throw std::runtime_error("cannot read " + in_quotes(path_.substr(0, path_.find('\0'))) + ": " + reason.what());
  }
}

bool MappedFile::is_unchanged() const {
  if (!mapping_) return true;
  if (!(stamp_of(mapping_->fd.get(), path_) == stamp_)) return false;
  mapping_->seen_unchanged.store(nanoseconds_now(), std::memory_order_relaxed);
  return true;
}

void MappedFile::require_unchanged() const {
  if (!is_unchanged())
    throw std::runtime_error(in_quotes(path_) + " has changed since it was opened; make the dataset anew");
}

void MappedFile::require_readable() const {
  constexpr int64_t kJustNow = 1'000;
  if (mapping_ && nanoseconds_now() - mapping_->seen_unchanged.load(std::memory_order_relaxed) < kJustNow) return;
  require_unchanged();
}

void MappedFile::save(EncodeArchive& archive) const {
  archive(path_, stamp_, mapping_ != nullptr);
  if (mapping_) archive.attach(mapping_->fd.get());
}

void MappedFile::load(DecodeArchive& archive) {
  bool mapped = false;
  archive(path_, stamp_, mapped);
  mapping_ = mapped ? std::make_shared<Mapping>(archive.detach()) : nullptr;
}

}  // namespace millrace::detail
