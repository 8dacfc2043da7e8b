#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/memfd.h"

namespace millrace::test {

/// A frozen table whose maker is hostile: it has kept a mapping for writing. Takes the place of descriptor `number` of
/// a message and begins with its bytes.
class KeptTable {
 public:
  KeptTable(Encoded& message, size_t number) {
    const auto table = SharedSegment::adopt(std::move(message.fds.at(number)));
    auto forged = SharedSegment::create_freezable("kept", table.bytes(), "nothing");
    mapped_ = MappedSegment(forged, Access::kReadWrite);
    std::memcpy(mapped_.data(), MappedSegment(table, Access::kRead).data(), table.bytes());
    freeze_memfd(forged.fd());
    EncodeArchive archive;
    archive.attach(forged.fd());
    message.fds[number] = std::move(archive.take().fds.at(0));
  }

  /// Overwrites element `index`, as the maker could at any time.
  template <class T>
  void set(size_t index, const T& value) {
    std::memcpy(mapped_.data() + index * sizeof value, &value, sizeof value);
  }

 private:
  MappedSegment mapped_;
};

}  // namespace millrace::test
