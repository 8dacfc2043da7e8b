#pragma once

namespace millrace {

/// How a child process comes to be. Names and meaning are those of Python's multiprocessing.
///
/// - `kForkServer`: a fork of the server that init() made before there were threads and CUDA: 3 ms, nothing inherited.
/// - `kFork`: a fork of the caller as it is now: inherits every live object, and every danger of forking with threads.
/// - `kSpawn`: the program executed afresh: 0.3 s with LibTorch, nothing inherited.
enum class StartMethod { kForkServer, kFork, kSpawn };

const char* to_string(StartMethod method);

}  // namespace millrace
