#pragma once

#include <memory>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"

namespace millrace {

class Source;

/// How a dataset gets to a worker process: a function of this program that rebuilds it, and what that function reads.
struct TravellingDataset {
  using Rebuild = std::unique_ptr<Source>(DecodeArchive&);

  FunctionRef rebuild;
  Encoded content;
};

}  // namespace millrace
