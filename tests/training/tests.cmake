millrace_test(training_test
  training/checkpoint_test.cpp training/defaults_test.cpp training/divergence_test.cpp training/ema_test.cpp training/every_key_test.cpp
  training/first_batch_test.cpp
  training/box_warning_test.cpp training/initial_weights_test.cpp training/journal_test.cpp training/mask_warning_test.cpp
  training/optimizer_test.cpp training/predictor_test.cpp training/run_test.cpp training/mixed_precision_test.cpp training/schedule_test.cpp
  training/stop_request_test.cpp training/tasks/tasks_test.cpp
  training/model_types_test.cpp training/models_test.cpp training/python_test.cpp training/safetensors_test.cpp
  training/state_dict_test.cpp training/torch_file_test.cpp training/trial_test.cpp
  TIMEOUT 600 LIBRARIES millrace_training)
# With a second thread the small models of these tests wait more than they compute, on a busy machine twenty times as long.
set_property(TEST training_test APPEND PROPERTY ENVIRONMENT OMP_NUM_THREADS=1)

millrace_test(trainer_parts_test training/trainer_parts_test.cpp
  TIMEOUT 60 LIBRARIES millrace_training millrace_test_support)
