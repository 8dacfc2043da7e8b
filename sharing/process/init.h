#pragma once

namespace millrace {

/// Starts the fork server. The first statement of main(), before there are threads and before CUDA is used:
///
///   int main(int argc, char** argv) {
///     millrace::init(argc, argv);
///
/// Where there is a CUDA driver it loads LibTorch's CUDA part first (load_torch_cuda()), which initialises nothing.
///
/// In a process that Millrace itself executed (StartMethod::kSpawn) it runs that process's task and does not return. A
/// second call does nothing. Beside threads that others have started it starts no server; see ForkServer.
void init(int argc, char** argv);

/// True once init() has been called, so that executing this program again will reach init() too.
bool init_was_called();

}  // namespace millrace
