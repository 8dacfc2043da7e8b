# Its main() has to end while children run.
millrace_program(sharing_exit_program sharing/process/exit_program.cpp)
target_link_libraries(sharing_exit_program PRIVATE millrace_sharing millrace_test_support)

# Not under the thread sanitizer: children here fork from threads and fork again, which its runtime does not survive for
# certain, and there is next to no code here that threads share.
millrace_test(sharing_process_api_test sharing/process/call_test.cpp sharing/process/api_process_test.cpp
  sharing/process/exit_test.cpp sharing/process/fork_server_notices_test.cpp sharing/process/fork_test.cpp
  sharing/process/join_notices_test.cpp sharing/process/spawn_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
add_dependencies(sharing_process_api_test sharing_exit_program sharing_plugin)
# 60,000 children in its twenty runs.
millrace_soak(sharing_process_api_test ForkFromThreads.*)
set_property(TEST soak_sharing_process_api_test APPEND PROPERTY ENVIRONMENT MILLRACE_TEST_FORKS=3000)
