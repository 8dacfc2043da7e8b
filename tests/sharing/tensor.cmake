# Shared memory that recycles itself, free of torch.
millrace_test(sharing_block_test sharing/tensor/shared_block_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)

millrace_test(sharing_tensor_test sharing/tensor/tensor_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_tensors millrace_test_support)

if(TARGET example_hogwild)
  add_test(NAME hogwild_example COMMAND example_hogwild ${PROJECT_SOURCE_DIR}/apps/data/digits.csv.gz)
  set_tests_properties(hogwild_example PROPERTIES TIMEOUT 120)
endif()
