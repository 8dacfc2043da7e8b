millrace_test(samplers_test
  samplers/samplers_test.cpp samplers/more_samplers_test.cpp samplers/pytorch_test.cpp
  samplers/any_batch_sampler_test.cpp samplers/torch_sampler_test.cpp samplers/distributed_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_samplers millrace_test_support)
