millrace_test(formats_test
  formats/hdf5_dataset_test.cpp formats/lmdb_dataset_test.cpp formats/npz_test.cpp formats/python_pictures_test.cpp formats/stages_test.cpp formats/tf_records_test.cpp
  formats/token_windows_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_configs millrace_formats millrace_records millrace_test_support)

# The formats as they are built without libhdf5.
set(_formats ${PROJECT_SOURCE_DIR}/formats)
millrace_test(hdf5_absent_test
  formats/hdf5_absent_test.cpp ${_formats}/hdf5_dataset.cpp ${_formats}/hdf5_file_absent.cpp ${_formats}/hdf5_reader.cpp
  TIMEOUT 60 LIBRARIES millrace_loader)
