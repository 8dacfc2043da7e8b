millrace_test(sharing_channel_test sharing/channel/pipe_test.cpp sharing/channel/queue_test.cpp
  sharing/channel/joinable_queue_test.cpp sharing/channel/kinds_test.cpp sharing/channel/listener_test.cpp sharing/channel/wait_test.cpp sharing/channel/kill_test.cpp
  LABELS asan tsan TIMEOUT 600 LIBRARIES millrace_sharing millrace_test_support)
