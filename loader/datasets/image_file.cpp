#include "millrace/loader/datasets/image_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "millrace/loader/image/decode.h"
#include "millrace/loader/transforms/renderer.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {

std::span<const std::byte> read_file(const std::string& path) {
  thread_local std::vector<std::byte> buffer;
  const OwnedFd file(MILLRACE_SYSCALL(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path));
  struct stat status = {};
  MILLRACE_SYSCALL(::fstat(file.get(), &status), path);
  if (!S_ISREG(status.st_mode)) throw std::runtime_error("not a regular file");
  const auto size = static_cast<size_t>(status.st_size);
  if (buffer.size() < size) buffer.resize(size);
  size_t done = 0;
  while (done < size) {
    const auto got = MILLRACE_SYSCALL(::read(file.get(), buffer.data() + done, size - done), path);
    if (got == 0) break;  // It became shorter; the decoder will say so.
    done += static_cast<size_t>(got);
  }
  return std::span(buffer).first(done);
}

FieldSpec image_field(const transforms::Chain& chain, ImageMode mode, const std::string& first) {
  std::optional<image::Size> size = chain.fixed_size();
  if (!size) {
    try {
      size = chain.output_size(image::ImageDecoder().open(read_file(first), mode));
    } catch (const std::exception& error) {
      throw std::runtime_error("cannot find the size of the first picture, '" + first + "': " + error.what());
    }
  }
  return chain.field("image", mode, *size);
}

namespace {

void check_mask(std::span<const std::byte> file) {
  constexpr std::string_view kPng = "\x89PNG";
  constexpr size_t kDepth = 24, kColorType = 25;  // Bytes of the header chunk, which comes first.
  if (file.size() <= kColorType || std::memcmp(file.data(), kPng.data(), kPng.size()) != 0) return;
  const auto refuse = [](const std::string& what) {
    throw std::runtime_error(what + ": save it with one channel of 8 bits, such as Image.fromarray(array_of_uint8)");
  };
  const auto depth = static_cast<int>(file[kDepth]), color_type = static_cast<int>(file[kColorType]);
  if (color_type == 3) refuse("a PNG with a palette, decoding which gives its colours and not its numbers");
  if (color_type != 0) refuse("a PNG with colours or alpha");
  if (depth != 8) refuse("a PNG of " + std::to_string(depth) + " bits a pixel");
}

}  // namespace

void read_image(const std::string& path, const transforms::Chain& chain, ImageMode mode, SampleRng& rng,
                const FieldSpec& field, std::span<std::byte> row, transforms::Targets& targets) {
  thread_local transforms::Renderer renderer;
  const image::Size size = {static_cast<int>(field.shape[1]), static_cast<int>(field.shape[2])};
  try {
    renderer.render(chain, read_file(path), mode, rng, size, row, targets);
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot read '" + path + "': " + error.what());
  }
}

void add_mask(const std::string& path, transforms::Targets& targets) {
  try {
    const auto file = read_file(path);
    check_mask(file);
    targets.add_mask(file);
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot read mask '" + path + "': " + error.what());
  }
}

}  // namespace millrace::detail
