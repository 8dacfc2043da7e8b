millrace_test(sharing_process_api_test sharing/process_api/call_test.cpp sharing/process_api/api_process_test.cpp
  sharing/process_api/spawn_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
