# Shared memory that recycles itself, free of torch.
millrace_test(sharing_block_test sharing/memory/shared_block_test.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)

# A whole family of processes, to be killed at once.
millrace_program(sharing_tensor_family sharing/tensor/family_program.cpp)
target_link_libraries(sharing_tensor_family PRIVATE millrace_tensors millrace_test_support)

millrace_test(sharing_tensor_test sharing/tensor/tensor_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_tensors millrace_test_support)
add_dependencies(sharing_tensor_test sharing_tensor_family)

if(TARGET example_hogwild)
  add_test(NAME hogwild_example COMMAND example_hogwild ${PROJECT_SOURCE_DIR}/apps/data/digits.csv.gz)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/no_digits.csv "0,1z,5\n")
  add_test(NAME hogwild_example_names_what_is_no_number COMMAND example_hogwild ${CMAKE_CURRENT_BINARY_DIR}/no_digits.csv)
  set_tests_properties(hogwild_example PROPERTIES TIMEOUT 120)
  set_tests_properties(hogwild_example_names_what_is_no_number PROPERTIES TIMEOUT 60
    PASS_REGULAR_EXPRESSION "no_digits.csv, line 1: found '1z', expected 64 whole numbers")
endif()
