// A driver that takes the process with it.

#include <csignal>

extern "C" __attribute__((visibility("default"))) int cuDriverGetVersion(int*) { return std::raise(SIGKILL); }
