# A thousand inputs a parser take seconds; in soak each parser has as many as an hour holds.
millrace_test(fuzz_test fuzz/fuzz_test.cpp LABELS asan TIMEOUT 300 LIBRARIES millrace_configs)
