#include "millrace/loader/images/transforms/step.h"

namespace millrace::transforms {

void require_channels(std::string_view who, std::string_view key, std::string_view plural, size_t values,
                      int channels) {
  if (values <= 1 || values == static_cast<size_t>(channels)) return;
  throw std::invalid_argument(std::string(who) + ": " + std::string(key) + ": " + std::to_string(values) + " " +
                              std::string(plural) + " for pictures with " + std::to_string(channels) +
                              (channels == 1 ? " channel" : " channels"));
}

}  // namespace millrace::transforms
