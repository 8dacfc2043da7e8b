#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/memory/segment.h"

namespace millrace {

/// A child to start, as the request travels to the fork server or to a program executed afresh. The descriptors travel
/// beside it.
struct ChildRequest {
  FunctionRef entry;
  std::vector<std::byte> arguments;
  std::string name;
  UnsealedMemory unsealed = UnsealedMemory::kRefused;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(entry, name, arguments, unsealed);
  }
};

/// The fork server's answer to a ChildRequest: pid 0 and a text when no child was made.
struct ChildReply {
  int32_t pid = 0;
  std::string error;
  bool has_threads = false;  ///< Whether no child was made because the server has threads.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pid, error, has_threads);
  }
};

}  // namespace millrace
