#include "millrace/loader/images/datasets/image_file.h"

#include <unistd.h>

#include <stdexcept>

#include "millrace/loader/images/datasets/mask_classes.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {

std::span<const std::byte> read_file(const std::string& path, const PictureOptions& options) {
  thread_local image::Room<std::byte> buffer;
  return read_file(path, options, buffer);
}

std::span<const std::byte> read_file(const std::string& path, const PictureOptions& options,
                                     image::Room<std::byte>& buffer) {
  const StageScope reading(Stage::kRead);
  const OwnedFd file = open_regular(path);
  const FileStamp stamp = stamp_of(file.get(), path);
  const auto size = static_cast<size_t>(stamp.size);
  image::require_file_size(size, options);
  std::byte* const bytes = buffer.at_least(size);
  size_t done = 0;
  while (done < size) {
    const auto got = MILLRACE_SYSCALL(::read(file.get(), bytes + done, size - done), path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  // Half of one picture and half of another would be neither.
  if (done < size || stamp_of(file.get(), path) != stamp)
    throw std::runtime_error("the file changed while it was read: write it under another name, then rename it");
  reading.add_bytes(done);
  return {bytes, done};
}

FieldSpec image_field(const transforms::PicturePipeline& pictures, const std::string& first) {
  try {
    return pictures.field([&] { return read_file(first, pictures.options); });
  } catch (const std::invalid_argument&) {
    throw;  // Not the file's fault.
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot find the size of the first picture, " + in_quotes(first) + ": " + error.what());
  }
}

void read_image(const std::string& path, const transforms::PicturePipeline& pictures, SampleRng& rng,
                const FieldSpec& field, std::span<std::byte> row, transforms::Targets& targets) {
  try {
    pictures.render(read_file(path, pictures.options), rng, field, row, targets);
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot read " + in_quotes(path) + ": " + error.what());
  }
}

void add_mask(const std::string& path, const PictureOptions& options, const std::vector<int64_t>& values,
              transforms::Targets& targets) {
  try {
    const auto file = read_file(path, options);
    if (values.empty()) {
      targets.add_mask(file, options.max_pixels);
      return;
    }
    const auto [size, numbers] = image::decode_numbers(file, options.max_pixels);
    targets.add_mask(size, classes_of(numbers, size, values));
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot read mask " + in_quotes(path) + ": " + error.what());
  }
}

}  // namespace millrace::detail
