#pragma once

namespace millrace {

/// Tells the processor that this thread is looking at memory in a loop.
#if defined(__x86_64__)
inline void relax_cpu() { __builtin_ia32_pause(); }
#elif defined(__aarch64__)
inline void relax_cpu() { asm volatile("yield"); }
#else
inline void relax_cpu() {}
#endif

}  // namespace millrace
