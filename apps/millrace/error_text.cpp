#include "millrace/apps/millrace/error_text.h"

#include <c10/util/Exception.h>

#include "millrace/configs/yaml_words.h"

namespace millrace::apps {

std::string error_text(const std::exception& error) {
  if (const auto* const of_torch = dynamic_cast<const c10::Error*>(&error)) return of_torch->what_without_backtrace();
  return configs::in_yaml_words(error.what());
}

}  // namespace millrace::apps
