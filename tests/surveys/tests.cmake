millrace_test(surveys_test surveys/configuration_test.cpp surveys/look_at_test.cpp surveys/masks_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_surveys millrace_configs)
