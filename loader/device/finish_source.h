#pragma once

#include "millrace/loader/device/compile.h"

namespace millrace::device {

/// The text of finish.cu and of the header it includes, which the build puts into the library.
SourceText finish_source();
SourceText finish_arguments_source();

}  // namespace millrace::device
