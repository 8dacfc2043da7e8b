millrace_test(samplers_test samplers/samplers_test.cpp LABELS asan TIMEOUT 60 LIBRARIES millrace_samplers millrace_sharing)
