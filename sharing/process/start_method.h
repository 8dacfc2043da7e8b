#pragma once

#include <optional>
#include <vector>

namespace millrace {

/// How a child process comes to be. Names and meaning are those of Python's multiprocessing.
///
/// - `kForkServer`: a fork of the server that init() made before there were threads and CUDA: 3 ms, nothing inherited.
/// - `kFork`: a fork of the caller as it is now: inherits every live object, and every danger of forking with threads.
/// - `kSpawn`: the program executed afresh: 0.3 s with LibTorch, nothing inherited.
enum class StartMethod { kForkServer, kFork, kSpawn };

const char* to_string(StartMethod method);

namespace multiprocessing {

/// Sets how this program starts processes: once, before the first one. Throws std::logic_error when it has been set or
/// used already. A child starts its own children as its parent does. A child that was started by another method than
/// the parent's own (get_context(), ProcessOptions) starts its children by that one, and its get_start_method() says
/// so.
void set_start_method(StartMethod method);

/// Sets how this program starts processes, whatever has been set or used before (Python's force=True): for tests, and
/// for programs that find out late. Processes that run stay as they are.
void force_start_method(StartMethod method);

/// How this program starts processes: kForkServer unless set. After this call it cannot be set.
StartMethod get_start_method();

/// Every start method, the default first.
std::vector<StartMethod> get_all_start_methods();

namespace detail {

/// How this program starts processes, to be handed to its children; nullopt while that is not settled.
std::optional<StartMethod> settled_start_method();

/// Sets, in a child, what settled_start_method() was in the parent.
void inherit_start_method(std::optional<StartMethod> method);

}  // namespace detail
}  // namespace multiprocessing

}  // namespace millrace
