#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace millrace::apps {

/// A JPEG file of a picture that is part ramps of colour, part noise: `entropy` from 0, all smooth and small, to 1, all
/// noise and large. The same for the same seed. Quality 85, colours at half the resolution, as cameras write them.
/// REQUIRES: 1 <= width, height <= 65,500.
std::string noise_jpeg(int width, int height, double entropy, uint64_t seed);

/// A JPEG file of exactly so many bytes, as much of it picture as that holds, the rest a comment; the picture is about
/// 4:3. REQUIRES: bytes >= kLeastJpeg.
std::string noise_jpeg_of_size(size_t bytes, uint64_t seed);
inline constexpr size_t kLeastJpeg = 1024;

}  // namespace millrace::apps
