# Shared memory that recycles itself, free of torch.
millrace_test(sharing_block_test sharing/tensor/shared_block_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
