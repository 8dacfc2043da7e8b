# One suite over every place where samples are read (inline, threads, fork, forkserver, spawn) and both orders of batches.
millrace_test(conformance_test conformance/kinds_test.cpp
  LABELS process TIMEOUT 600 LIBRARIES millrace_loader)
# The same places for torch::data's datasets, transforms and samplers as they are. torch/data.h costs 18 s a file.
millrace_test(torch_conformance_test conformance/torch_data_test.cpp conformance/torch_data_defects_test.cpp
  LABELS process TIMEOUT 600 LIBRARIES millrace_loader millrace_test_support)
