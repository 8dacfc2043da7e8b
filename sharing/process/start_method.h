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

/// Says how this program starts processes: once, before the first one. Throws std::logic_error when it has been said or
/// used already. A child starts its own children as its parent does, or, when it was started by another method than
/// the parent's own (get_context(), ProcessOptions), by that one: get_start_method() in it says so.
void set_start_method(StartMethod method);

/// As set_start_method(), whatever has been set or used before (Python's force=True): for tests, and programs that
/// find out late. Processes that run stay as they are.
void force_start_method(StartMethod method);

/// How this program starts processes: kForkServer unless set. From here on it cannot be set.
StartMethod get_start_method();

/// Every start method, the default first.
std::vector<StartMethod> get_all_start_methods();

namespace detail {

/// How this program starts processes; nullopt while it is not settled. For its children.
std::optional<StartMethod> settled_start_method();

/// In a child: what settled_start_method() was in the parent.
void inherit_start_method(std::optional<StartMethod> method);

}  // namespace detail
}  // namespace multiprocessing

}  // namespace millrace
