#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace {

/// The 64-bit FNV-1a hash by Fowler, Noll and Vo, which finds damage, not malice. Bytes that come in pieces are hashed
/// by `hash = fnv1a(piece, hash)`.
constexpr uint64_t kFnvBegin = 0xcbf29ce484222325;

inline uint64_t fnv1a(std::span<const std::byte> bytes, uint64_t hash = kFnvBegin) {
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace millrace
