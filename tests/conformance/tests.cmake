# One suite over every place where samples are read (inline, threads, fork, forkserver, spawn) and both orders of batches.
# Most of its time goes by while spawned workers start.
millrace_test(conformance_test
  conformance/kinds_test.cpp conformance/options_test.cpp conformance/pytorch_test.cpp conformance/resume_test.cpp
  APART TIMEOUT 900 LIBRARIES millrace_loader millrace_test_support)
# The same places for torch::data's datasets, transforms and samplers as they are. torch/data.h costs 18 s a file.
millrace_test(torch_conformance_test conformance/torch_data_test.cpp conformance/torch_data_defects_test.cpp
  APART TIMEOUT 600 LIBRARIES millrace_loader millrace_test_support)
# Whole loaders beside those of Python's torch, where there is one.
millrace_test(torch_seeds_test conformance/torch_seeds_test.cpp
  TIMEOUT 400 LIBRARIES millrace_loader millrace_test_support)
