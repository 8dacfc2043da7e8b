# Not under the thread sanitizer: a pool's handler thread forks workers, which its runtime does not survive for certain.
millrace_test(sharing_pool_test sharing/pool/call_board_test.cpp sharing/pool/pool_test.cpp sharing/pool/kill_test.cpp
  sharing/pool/rounds.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
