# One suite over every place where samples are read (inline, threads, fork, forkserver, spawn) and both orders of batches.
millrace_test(conformance_test conformance/kinds_test.cpp
  LABELS process TIMEOUT 600 LIBRARIES millrace_loader)
