# Drivers that are of no use, each in its way.
foreach(kind old crashing)
  add_library(fake_cuda_${kind} MODULE sharing/cuda/${kind}_driver.cpp)
  target_link_libraries(fake_cuda_${kind} PRIVATE millrace_compiler)
endforeach()

millrace_fake_cuda_test(sharing_cuda_driver_test sharing/cuda/driver_test.cpp sharing/cuda/fake_test.cpp
  sharing/cuda/probe_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_cuda millrace_test_support)
add_dependencies(sharing_cuda_driver_test fake_cuda_old)
set_property(TEST sharing_cuda_driver_test APPEND PROPERTY ENVIRONMENT MILLRACE_FAKE_CUDA=devices=2)

# NVIDIA's header, of the toolkit or of the packages that come with LibTorch, is used for this check alone.
find_path(MILLRACE_CUDA_HEADERS NAMES cuda.h
  HINTS ${LIBTORCH_ROOT}/../nvidia/cu13/include ${LIBTORCH_ROOT}/../nvidia/cuda_runtime/include /usr/local/cuda/include)
mark_as_advanced(MILLRACE_CUDA_HEADERS)
if(MILLRACE_CUDA_HEADERS)
  target_sources(sharing_cuda_driver_test PRIVATE sharing/cuda/abi_test.cpp)
  target_include_directories(sharing_cuda_driver_test SYSTEM PRIVATE ${MILLRACE_CUDA_HEADERS})
endif()

millrace_fake_cuda_test(sharing_cuda_vmm_test sharing/cuda/vmm_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_cuda millrace_test_support)

# The state machines of memory between processes, pure code.
millrace_test(sharing_cuda_ledger_test sharing/cuda/ipc/ipc_ledger_test.cpp sharing/cuda/gpu_results_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_cuda millrace_test_support)

millrace_fake_cuda_test(sharing_cuda_ipc_test sharing/cuda/ipc/ipc_test.cpp sharing/cuda/device_tensors.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_tensors millrace_test_support)

millrace_fake_cuda_test(sharing_cuda_kill_test sharing/cuda/ipc/ipc_kill_test.cpp sharing/cuda/device_tensors.cpp
  LABELS asan TIMEOUT 600 LIBRARIES millrace_tensors millrace_test_support)
millrace_soak(sharing_cuda_kill_test *CudaIpcKill*)
set_property(TEST soak_sharing_cuda_kill_test APPEND PROPERTY ENVIRONMENT "MILLRACE_CUDA_DRIVER=$<TARGET_FILE:fake_cuda>")

# The examples, with tensors of the fake.
foreach(example provider_waits provider_leaves)
  millrace_program(fake_${example} ${PROJECT_SOURCE_DIR}/apps/examples/${example}.cpp
    sharing/cuda/example_device_tensor.cpp sharing/cuda/device_tensors.cpp)
  target_link_libraries(fake_${example} PRIVATE millrace_tensors millrace_fake_torch)
endforeach()
millrace_fake_cuda_test(sharing_cuda_example_test sharing/cuda/example_test.cpp
  TIMEOUT 120 LIBRARIES millrace_test_support)
add_dependencies(sharing_cuda_example_test fake_provider_waits fake_provider_leaves)
