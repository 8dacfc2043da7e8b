millrace_test(showing_test
  showing/page_test.cpp showing/shown_samples_test.cpp showing/statistics_test.cpp
  TIMEOUT 300 LIBRARIES millrace_showing millrace_plots PNG::PNG)
