millrace_fake_cuda_test(sharing_cuda_driver_test sharing/cuda/driver_test.cpp sharing/cuda/fake_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_cuda)

# The state machines of memory between processes, pure code.
millrace_test(sharing_cuda_ledger_test sharing/cuda/ipc_ledger_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_cuda millrace_test_support)

millrace_fake_cuda_test(sharing_cuda_ipc_test sharing/cuda/ipc_test.cpp sharing/cuda/device_tensors.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_tensors millrace_test_support)

millrace_fake_cuda_test(sharing_cuda_kill_test sharing/cuda/ipc_kill_test.cpp sharing/cuda/device_tensors.cpp
  TIMEOUT 600 LIBRARIES millrace_tensors millrace_test_support)
millrace_soak(sharing_cuda_kill_test *CudaIpcKill*)
set_property(TEST soak_sharing_cuda_kill_test APPEND PROPERTY ENVIRONMENT "MILLRACE_CUDA_DRIVER=$<TARGET_FILE:fake_cuda>")

# The examples, with tensors of the fake.
foreach(example provider_waits provider_leaves)
  millrace_program(fake_${example} ${PROJECT_SOURCE_DIR}/apps/examples/cuda/${example}.cpp
    sharing/cuda/example_device_tensor.cpp sharing/cuda/device_tensors.cpp)
  target_link_libraries(fake_${example} PRIVATE millrace_tensors millrace_fake_torch)
endforeach()
millrace_fake_cuda_test(sharing_cuda_example_test sharing/cuda/example_test.cpp
  TIMEOUT 120 LIBRARIES millrace_test_support)
target_compile_definitions(sharing_cuda_example_test PRIVATE
  MILLRACE_TEST_PROVIDER_WAITS="$<TARGET_FILE:fake_provider_waits>"
  MILLRACE_TEST_PROVIDER_LEAVES="$<TARGET_FILE:fake_provider_leaves>")
add_dependencies(sharing_cuda_example_test fake_provider_waits fake_provider_leaves)
