# Documents and the binder know nothing of loaders, and are compiled here by themselves so that the sanitizers' build is small.
set(_configs ${PROJECT_SOURCE_DIR}/configs)
millrace_test(configs_document_test configs/document_test.cpp
  ${_configs}/binder.cpp ${_configs}/document.cpp ${_configs}/errors.cpp ${_configs}/includes.cpp ${_configs}/node.cpp
  ${_configs}/origin.cpp ${_configs}/overrides.cpp ${_configs}/path.cpp ${_configs}/references.cpp ${_configs}/shipped.cpp
  ${_configs}/tables/key.cpp ${_configs}/tables/nearest.cpp ${_configs}/tables/sections.cpp ${_configs}/tables/synonyms.cpp
  ${_configs}/value.cpp ${_configs}/yaml.cpp
  LABELS asan TIMEOUT 60 LIBRARIES millrace_sharing yaml-cpp)
millrace_test(configs_check_test
  configs/broken_test.cpp configs/misplaced_test.cpp configs/required_test.cpp configs/typo_test.cpp configs/yaml_words_test.cpp
  TIMEOUT 60 LIBRARIES millrace_config_checks)
millrace_test(configs_build_test
  configs/build_test.cpp configs/combined_datasets_test.cpp configs/complaint_test.cpp configs/every_dataset_key_test.cpp
  configs/every_sampler_key_test.cpp configs/tables_test.cpp configs/tasks_test.cpp
  TIMEOUT 60 LIBRARIES millrace_configs millrace_records)
set_property(TEST configs_build_test APPEND PROPERTY ENVIRONMENT MILLRACE_CUDA_DRIVER=none)
