# The parts of sharing/ that know nothing of torch.
add_library(millrace_test_support STATIC support/process_probe.cpp)
target_link_libraries(millrace_test_support PUBLIC millrace_sharing PRIVATE millrace_compiler)

millrace_test(sharing_test
  sharing/os/os_test.cpp sharing/os/new_file_test.cpp sharing/os/notice_test.cpp sharing/os/processors_test.cpp sharing/os/shell_word_test.cpp sharing/memory/memory_test.cpp sharing/memory/shared_memory_test.cpp
  sharing/channel/fd_socket_test.cpp sharing/codec/codec_test.cpp sharing/codec/members_test.cpp
  LABELS asan tsan TIMEOUT 120 LIBRARIES millrace_sharing millrace_test_support)

# Programs and a library that process tests run or load: each needs a main() or a moment of loading of its own.
millrace_program(sharing_helper sharing/helper_program.cpp)
target_link_libraries(sharing_helper PRIVATE millrace_sharing millrace_test_support)
add_library(sharing_plugin MODULE sharing/plugin.cpp)
target_link_libraries(sharing_plugin PRIVATE millrace_sharing millrace_compiler)
add_library(sharing_relative MODULE sharing/plugin.cpp)
target_link_libraries(sharing_relative PRIVATE millrace_sharing millrace_compiler)
add_library(sharing_early_thread MODULE sharing/early_thread.cpp)
target_link_libraries(sharing_early_thread PRIVATE millrace_compiler)

millrace_test(sharing_process_test sharing/process/process_test.cpp sharing/process/kernel_state_test.cpp sharing/codec/function_ref_test.cpp sharing/process/lifetime_test.cpp
  sharing/process/kill_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
add_dependencies(sharing_process_test sharing_helper sharing_plugin sharing_early_thread sharing_relative)
