millrace_test(records_test records/event_file_test.cpp records/records_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_records)
