#pragma once

namespace millrace {

/// Whose turn it is when this process forks: locks are taken in this order, which is the order in which their users
/// nest them, and are let go in the opposite one.
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

/// What one table does around a fork(): `prepare` in the parent before it, the others right after it. May be null.
struct ForkHandlers {
  void (*prepare)() = nullptr;
  void (*parent)() = nullptr;
  void (*child)() = nullptr;
};

/// Has `handlers` run around every fork() of this process from now on.
///
/// A table calls it when it is made, and every table is made when its library is loaded, by a variable of its
/// namespace: were it made at its first use, a thread could be about to at the moment another one forks, and the child
/// would wait for ever for that thread, which it does not have.
void at_fork(ForkRank rank, const ForkHandlers& handlers);

}  // namespace millrace
