millrace_fake_cuda_test(sharing_cuda_driver_test sharing/cuda/driver_test.cpp sharing/cuda/fake_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_cuda)
