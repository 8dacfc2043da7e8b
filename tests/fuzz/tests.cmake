# A thousand inputs a parser take seconds; in soak each has an hour.
millrace_test(fuzz_test fuzz/fuzz_test.cpp LABELS asan TIMEOUT 300 LIBRARIES millrace_training)
