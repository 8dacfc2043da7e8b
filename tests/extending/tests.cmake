# A transform of a program's own, in one file; and what the compiler says when one of its parts is left out.
millrace_test(extending_test extending/transform_test.cpp TIMEOUT 60 LIBRARIES millrace_configs)
millrace_test(missing_parts_test extending/missing_parts_test.cpp extending/missing_dataset_parts_test.cpp TIMEOUT 600)
set_property(TEST missing_parts_test APPEND PROPERTY ENVIRONMENT "CXX=${CMAKE_CXX_COMPILER}"
  "MILLRACE_TORCH_INCLUDE=${LIBTORCH_ROOT}/include:${LIBTORCH_ROOT}/include/torch/csrc/api/include")
