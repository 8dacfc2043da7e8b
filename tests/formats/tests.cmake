millrace_test(formats_test
  formats/hdf5_dataset_test.cpp formats/lmdb_dataset_test.cpp formats/npz_test.cpp formats/tf_records_test.cpp
  formats/token_windows_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_configs millrace_formats millrace_records millrace_test_support)
