millrace_test(plots_test plots/band_chart_test.cpp plots/chromium_test.cpp plots/contact_sheet_test.cpp plots/line_chart_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_plots PNG::PNG)
