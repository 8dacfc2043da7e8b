#pragma once

namespace millrace {

/// Starts the fork server. Call it in the first statement of main(), before there are threads and before CUDA is used:
///
///   int main(int argc, char** argv) {
///     millrace::init(argc, argv);
///
/// If there is a CUDA driver, LibTorch's CUDA part is loaded first (load_torch_cuda()), which initialises nothing.
///
/// In a process that Millrace itself executed (StartMethod::kSpawn), init() runs that process's task and does not
/// return. A second call does nothing. Where other threads exist already, no server is started here; see ForkServer.
void init(int argc, char** argv);

/// True once init() has been called, so that executing this program again will reach init() too.
bool init_was_called();

}  // namespace millrace
