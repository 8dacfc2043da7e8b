# Shared memory that recycles itself, free of torch.
millrace_test(sharing_block_test sharing/tensor/shared_block_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)

# A whole family of processes, to be killed at once.
millrace_program(sharing_tensor_family sharing/tensor/family_program.cpp)
target_link_libraries(sharing_tensor_family PRIVATE millrace_tensors millrace_test_support)

millrace_test(sharing_tensor_test sharing/tensor/tensor_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_tensors millrace_test_support)
add_dependencies(sharing_tensor_test sharing_tensor_family)

if(TARGET example_hogwild)
  add_test(NAME hogwild_example COMMAND example_hogwild ${PROJECT_SOURCE_DIR}/apps/data/digits.csv.gz)
  set_tests_properties(hogwild_example PROPERTIES TIMEOUT 120)
endif()
