#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "millrace/loader/engine/engine.h"
#include "millrace/loader/engine/order.h"
#include "millrace/loader/engine/owner.h"
#include "millrace/loader/engine/spec_search.h"
#include "millrace/loader/engine/worker_processes.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/loader_parts.h"

namespace millrace {

/// An engine on its way. Its worker processes are started and build their datasets. Its memory is cut by what samples
/// look like, and so is made when that is known. Where a worker must be asked, nothing of the dataset's is waited for
/// before finish(). Used by the loader's thread.
class EngineStart {
 public:
  /// Starts the worker processes. Throws std::invalid_argument for options that do not go together or do not fit the
  /// dataset, and what the start of processes throws. Without worker processes, also throws what the dataset throws
  /// when samples are read for their spec.
  EngineStart(LoaderParts parts, const DataLoaderOptions& options);
  EngineStart(const EngineStart&) = delete;
  EngineStart& operator=(const EngineStart&) = delete;
  ~EngineStart();

  /// Whether finish() has nothing to wait for.
  bool knows_spec() const { return spec_.has_value(); }

  /// The engine, with its memory, its clock and its workers. Waits until it is known what samples look like. Throws as
  /// SpecSearch::find(), OutOfSharedMemory, and what the device throws. After a LoaderTimeout it may be called again;
  /// after another error each further call throws the same.
  std::unique_ptr<Engine> finish();

  void require_owner() const { owner_.require_here(); }
  std::optional<int64_t> size() const { return size_; }
  int64_t epoch() const { return epoch_; }
  const DataLoaderOptions& options() const { return options_; }
  uint64_t worker_deaths() const { return search_ ? search_->deaths() : 0; }
  std::vector<pid_t> worker_pids() const;

 private:
  std::unique_ptr<Engine> make();

  const DataLoaderOptions options_;
  const Owner owner_;
  LoaderParts parts_;
  std::unique_ptr<Order> order_;  // Null once an engine was made of it, or could not be made.
  std::optional<int64_t> size_;   // The order's size.
  int64_t epoch_ = 0;
  std::optional<SampleSpec> spec_;
  std::unique_ptr<WorkerProcesses> processes_;  // Null without worker processes.
  std::optional<SpecSearch> search_;            // Set where a worker is asked.
  std::exception_ptr failure_;                  // Why there will be no engine.
};

}  // namespace millrace
