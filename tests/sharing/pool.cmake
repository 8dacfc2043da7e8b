# Its own binary, so that the thread sanitizer sees it: it forks nobody.
millrace_test(sharing_call_board_test sharing/pool/call_board_test.cpp
  LABELS asan tsan TIMEOUT 120 LIBRARIES millrace_sharing)
# Not under the thread sanitizer: a pool's handler thread forks workers, which its runtime does not survive for certain.
millrace_test(sharing_pool_test sharing/pool/pool_test.cpp sharing/pool/kill_test.cpp sharing/pool/notices_test.cpp sharing/pool/for_ever_test.cpp
  sharing/pool/names_test.cpp sharing/pool/rounds.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
