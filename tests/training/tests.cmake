millrace_test(training_test
  training/model_types_test.cpp training/models_test.cpp training/python_test.cpp training/safetensors_test.cpp
  training/state_dict_test.cpp training/torch_file_test.cpp
  TIMEOUT 300 LIBRARIES millrace_training)
# With a second thread the small models of these tests wait more than they compute, on a busy machine twenty times as long.
set_property(TEST training_test APPEND PROPERTY ENVIRONMENT OMP_NUM_THREADS=1)
