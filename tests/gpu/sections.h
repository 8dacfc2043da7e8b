#pragma once

/// What can be asked of a machine with a GPU; the numbers are those of docs/gpu_results.md. Each prints rows, and
/// throws Skipped where it cannot be run and anything else where it fails.
namespace gpu_check {

void machine();            ///< What it is.
void dead_exporter();      ///< 1, 7: memory that was opened by cuIpcOpenMemHandle() when its exporter is killed.
void dead_vmm_exporter();  ///< 2: memory that was imported by descriptor, likewise.
void teardown();           ///< 3: how long a killed process's kernel and memory live on.
void contexts();           ///< 4, 9: CUDA in several children of the fork server, and what a context costs.
void pinning();            ///< 5, 6: the loader's arena, pinned, and copies from it.
void imports();            ///< 8: what opening and closing cost.
void finishing();          ///< The kernel of finish.cu, its result and its speed.
void batch_to();           ///< Batch::to, by the kernel and by torch's operations.
void hand_off();           ///< A CUDA tensor through a queue.
void worker_batches();     ///< Batches that worker processes make on the device.

}  // namespace gpu_check
