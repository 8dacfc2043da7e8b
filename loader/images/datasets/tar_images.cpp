#include "millrace/loader/images/datasets/tar_images.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/loader/datasets/plain_text.h"
#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace {
namespace {

/// The number that Python's int() makes of the text, without its underscores.
int64_t number_of(std::span<const std::byte> bytes) {
  std::string_view text;
  try {
    text = detail::plain_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const std::exception& error) {
    throw std::runtime_error("the label " + std::string(error.what()));
  }
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  text = text.substr(0, text.find_last_not_of(kSpace) + 1);
  const bool has_plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  const std::optional<int64_t> value = detail::whole_number<int64_t>(text.substr(has_plus ? 1 : 0));
  if (!value)
    throw std::runtime_error("the label is not a whole number: " + in_quotes(text.substr(0, 40)) +
                             " (digits, at most a sign, in 64 bits)");
  return *value;
}

}  // namespace

TarImages TarShards::image(std::string alternatives) const { return image(std::move(alternatives), {}); }

TarImages TarShards::image(std::string alternatives, transforms::Chain chain) const {
  return {*this, std::move(alternatives), std::move(chain)};
}

TarImages::TarImages(TarShards shards, std::string alternatives, transforms::Chain chain)
    : shards_(std::move(shards)), image_files_(std::move(alternatives)) {
  pictures_.chain = std::move(chain);
}

TarImages TarImages::label(std::string alternatives) const {
  TarImages result = *this;
  result.label_files_ = std::move(alternatives);
  return result;
}

/// The file of the picture, which is read whole.
std::span<const std::byte> TarImages::picture(size_t i) {
  if (const auto length = shards_.length(i, image_files_)) image::require_file_size(*length, pictures_.options);
  return shards_.bytes(i, image_files_);
}

SampleSpec TarImages::spec() {
  SampleSpec spec;
  try {
    spec.fields.push_back(pictures_.field([&] { return picture(0); }));
  } catch (const TarError&) {
    throw;
  } catch (const std::invalid_argument&) {
    throw;  // Not the file's fault.
  } catch (const std::exception& error) {
    throw TarError("tar: cannot find the size of the first picture, " + in_quotes(describe(0)) + ": " + error.what());
  }
  if (label_files_) spec.fields.push_back({"label", c10::ScalarType::Long, {}});
  return spec;
}

void TarImages::read(size_t i, SampleRow& row, SampleContext& context) {
  transforms::Targets none;
  try {
    pictures_.render(picture(i), context.rng(), row.spec().fields[0], row.bytes(0), none);
    if (label_files_) row.set<int64_t>("label", number_of(shards_.bytes(i, *label_files_)));
  } catch (const TarError&) {
    throw;
  } catch (const std::exception& error) {
    throw TarError("tar: cannot read " + in_quotes(describe(i)) + ": " + error.what());
  }
}

}  // namespace millrace
