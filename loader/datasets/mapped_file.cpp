#include "millrace/loader/datasets/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {

MappedFile::Mapping::Mapping(OwnedFd file) : fd(std::move(file)) {
  struct stat status = {};
  MILLRACE_SYSCALL(::fstat(fd.get(), &status));
  if (!S_ISREG(status.st_mode)) throw std::runtime_error("not a regular file");
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
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  const int error = errno;
  try {
    if (fd < 0) throw std::runtime_error(std::generic_category().message(error));
    mapping_ = std::make_shared<Mapping>(OwnedFd(fd));
  } catch (const std::exception& reason) {
    throw std::runtime_error("cannot read '" + path + "': " + reason.what());
  }
}

void MappedFile::save(EncodeArchive& archive) const {
  archive(path_, mapping_ != nullptr);
  if (mapping_) archive.attach(mapping_->fd.get());
}

void MappedFile::load(DecodeArchive& archive) {
  bool mapped = false;
  archive(path_, mapped);
  mapping_ = mapped ? std::make_shared<Mapping>(archive.detach()) : nullptr;
}

}  // namespace millrace::detail
