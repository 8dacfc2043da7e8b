#include "millrace/training/weights/weights.h"

#include <filesystem>
#include <limits>
#include <stdexcept>

#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/training/weights/safetensors.h"
#include "millrace/training/weights/torch_file.h"

namespace millrace::training {
namespace {

NamedTensors parse_weights(std::string_view bytes) {
  if (is_torch_file(bytes)) return parse_torch_file(bytes);
  if (is_safetensors(bytes)) return parse_safetensors(bytes).weights;
  throw std::runtime_error(
      "is neither a .safetensors file nor a state_dict of torch.save; a file of torch.save from before 1.6 has to be "
      "loaded and saved again");
}

}  // namespace

NamedTensors load_weights(const std::string& path) {
  const std::string whole = millrace::detail::user_path(path);
  try {
    return parse_weights(millrace::detail::read_regular(whole, std::numeric_limits<size_t>::max()));
  } catch (const std::exception& e) {
    throw std::runtime_error("cannot read " + in_quotes(whole) + ": " + e.what());
  }
}

void save_weights(const std::string& path, const NamedTensors& weights) {
  const std::string whole = millrace::detail::user_path(path);
  const std::string ending = std::filesystem::path(whole).extension();
  const bool is_torchs = ending == ".pt" || ending == ".pth";
  if (!is_torchs && ending != ".safetensors")
    throw std::invalid_argument("cannot write weights to " + in_quotes(whole) +
                                ": its ending has to be .safetensors, .pt or .pth, which says how they are written");
  NewFile file(whole);
  if (is_torchs)
    write_torch_file(file, weights);
  else
    write_safetensors(file, {weights, {{"format", "pt"}}});
  file.commit_to_disk();
}

}  // namespace millrace::training
