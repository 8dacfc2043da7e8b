#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

namespace millrace {

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4) of the pieces, one behind the other.
Sha256Digest sha256(std::initializer_list<std::span<const std::byte>> pieces);

/// HMAC-SHA-256 (RFC 2104), which nobody can make who does not know the key.
Sha256Digest hmac_sha256(std::string_view key, std::initializer_list<std::span<const std::byte>> pieces);

/// Compares two digests, in the same time wherever they differ.
bool equal_in_constant_time(const Sha256Digest& a, const Sha256Digest& b);

}  // namespace millrace
