#include "millrace/sharing/codec/archive.h"

#include <algorithm>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/duplicate.h"

namespace millrace {

void detail::MemberAudit::throw_forgotten(const std::type_info& type, size_t visited, size_t members) {
  throw std::logic_error("the serialize of " + cereal::util::demangle(type.name()) + " visits " +
                         std::to_string(visited) + " of its " + std::to_string(members) +
                         " members, so that its copy in another process would hold other data: visit them all, or "
                         "give the type save() and load() in its place, which may leave out what need not travel");
}

std::vector<int> Encoded::fd_numbers() const {
  std::vector<int> numbers;
  numbers.reserve(fds.size());
  for (const auto& fd : fds) numbers.push_back(fd.get());
  return numbers;
}

void EncodeArchive::attach(int fd) { out_.fds.push_back(duplicate(fd)); }

void DecodeArchive::throw_too_short(size_t wanted) const {
  throw DecodeError("a value of " + std::to_string(wanted) + " bytes was expected with " +
                    std::to_string(bytes_.size()) + " bytes left");
}

void DecodeArchive::read_bools(bool* values, size_t count) {
  const auto checked = bytes_.first(std::min(count, bytes_.size()));
  if (std::any_of(checked.begin(), checked.end(), [](std::byte b) { return b > std::byte{1}; }))
    throw DecodeError("a bool was expected, but the message holds neither 0 nor 1");
  read(values, count);
}

void DecodeArchive::require_elements(uint64_t count) const {
  // An element takes at least a byte or a descriptor, save for a class without members: so many of these are believed.
  constexpr uint64_t kEmptyElements = 1024;
  if (count <= kEmptyElements || count <= bytes_.size() + fds_.size()) return;
  throw DecodeError("a container of " + std::to_string(count) + " elements was announced with " +
                    counted(bytes_.size(), "byte") + " and " + counted(fds_.size(), "descriptor") + " left");
}

OwnedFd DecodeArchive::detach() {
  if (fds_.empty()) throw DecodeError("a descriptor was expected, but none is left in the message");
  OwnedFd fd = std::move(fds_.front());
  fds_ = fds_.subspan(1);
  return fd;
}

}  // namespace millrace
