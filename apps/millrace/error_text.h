#pragma once

#include <exception>
#include <string>

namespace millrace::apps {

/// What an error says, for people who write YAML: without LibTorch's backtrace, and in YAML's words.
std::string error_text(const std::exception& error);

}  // namespace millrace::apps
