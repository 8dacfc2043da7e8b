#include "millrace/configs/tables/parameter_meanings.h"

namespace millrace::configs::tables {
namespace {

struct Meaning {
  std::string_view key;
  std::string_view about;
};

// Where a name means different things, the sentence is about what they have in common.
constexpr Meaning kMeanings[] = {
    {"bits", "How many of the upper bits are kept."},
    {"brightness", "How much darker or lighter."},
    {"contrast", "How much flatter or stronger."},
    {"degrees", "How far it is turned."},
    {"dtype", "What pixels become."},
    {"fill", "What pixels are that come from outside the picture."},
    {"hue", "How far colours are turned, where 1 is once around."},
    {"interpolation", "How pixels between pixels are found."},
    {"kernel_size", "How far the blur reaches."},
    {"magnitude", "How strong operations are, as a step of num_magnitude_bins."},
    {"mean", "What is taken off each channel."},
    {"num_magnitude_bins", "How many steps there are from nothing to the strongest."},
    {"num_ops", "How many operations, one behind the other."},
    {"num_output_channels", "1, or 3 that are alike."},
    {"p", "How likely it happens; of random_choice, how likely each is."},
    {"pad_if_needed", "Whether a picture that is too small gets borders; else it is an error."},
    {"padding", "Borders that are added first."},
    {"padding_mode", "What borders show: one value, the edge's pixels, or the picture mirrored."},
    {"ratio", "Width by height of the part that is drawn."},
    {"saturation", "How much grayer or more colourful."},
    {"scale", "How large, as a share or a factor; of to_dtype, whether 255 becomes 1."},
    {"sharpness_factor", "0 blurs, 1 leaves it as it is, 2 sharpens."},
    {"shear", "How far it is slanted."},
    {"sigma", "How strong the blur is, in pixels."},
    {"size", "How large it becomes."},
    {"std", "What each channel is divided by."},
    {"threshold", "From which value on, of 0 to 255."},
    {"transforms", "What is done."},
    {"translate", "How far it is moved, as shares of width and height."},
    {"value", "What the box is painted with."},
};

}  // namespace

std::string_view meaning_of_parameter(std::string_view key) {
  for (const Meaning& one : kMeanings)
    if (one.key == key) return one.about;
  return "";
}

}  // namespace millrace::configs::tables
