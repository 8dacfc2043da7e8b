#pragma once

namespace millrace {

/// The order in which tables take their locks when this process forks. It is the order in which their users nest them;
/// the locks are let go in the opposite one.
enum class ForkRank {
  kCudaParking,
  kCudaImports,
  kCudaExports,
  kStorages,
  kCudaDriver,
  kCudaProducers,
  kSharedHeap,
  kSyncMemory,
  kModules,
  kForkServer,
  kOwnChildren,
  kExitList,
  kProcessFamily,
  kStartMethod,
  kProcessEnd,
  kIdentity,
};

/// What one table does around a fork(): `prepare` runs in the parent before it, the others right after it. Each may be
/// null.
struct ForkHandlers {
  void (*prepare)() = nullptr;
  void (*parent)() = nullptr;
  void (*child)() = nullptr;
};

/// Has `handlers` run around every fork() of this process from now on.
///
/// A table calls it when it is made. Every table is a variable of its namespace, and so is made when its library is
/// loaded. If a table were made at its first use, one thread could be making it at the moment another one forks, and
/// the child would wait for ever for a thread that it does not have.
void at_fork(ForkRank rank, const ForkHandlers& handlers);

}  // namespace millrace
