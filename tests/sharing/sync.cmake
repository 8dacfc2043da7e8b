millrace_test(sharing_sync_test sharing/sync/lock_test.cpp sharing/sync/semaphore_test.cpp sharing/sync/condition_test.cpp
  sharing/sync/event_test.cpp sharing/sync/barrier_test.cpp sharing/sync/value_test.cpp sharing/sync/kill_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
