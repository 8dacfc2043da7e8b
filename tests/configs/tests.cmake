millrace_test(configs_test configs/document_test.cpp configs/build_test.cpp
  LABELS asan TIMEOUT 60 LIBRARIES millrace_configs)
target_compile_definitions(configs_test PRIVATE MILLRACE_CONFIGS="${PROJECT_SOURCE_DIR}/configs")
