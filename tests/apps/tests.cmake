if(TARGET millrace_cli)
  find_package(nlohmann_json REQUIRED)
  # What the front answers by itself.
  set(_front apps/millrace/front)
  millrace_test(commands_test
    ${_front}/completion_test.cpp ${_front}/counts_test.cpp ${_front}/exit_codes_test.cpp ${_front}/json_test.cpp ${_front}/reference_test.cpp ${_front}/shipped_configs_test.cpp
    configs/completions_test.cpp configs/key_defaults_test.cpp TIMEOUT 300 LIBRARIES millrace_config_checks nlohmann_json::nlohmann_json)
  add_dependencies(commands_test millrace_cli)
  millrace_test(host_checks_test ${_front}/host_checks_test.cpp TIMEOUT 60 LIBRARIES millrace_front)
  millrace_test(command_lines_test docs/command_lines_test.cpp TIMEOUT 600)
  add_dependencies(command_lines_test millrace_cli)
  millrace_test(apps_test
    apps/millrace/front/doctor_test.cpp apps/millrace/front/front_test.cpp apps/millrace/getting_started_test.cpp apps/millrace/loss_curve_test.cpp apps/millrace/program_test.cpp apps/millrace/show_test.cpp apps/millrace/train_test.cpp apps/millrace/synthetic_test.cpp ${PROJECT_SOURCE_DIR}/apps/millrace/synthetic.cpp
    apps/millrace/validate_test.cpp ${PROJECT_SOURCE_DIR}/apps/millrace/picture_sizes.cpp ${PROJECT_SOURCE_DIR}/apps/millrace/validate.cpp
    TIMEOUT 900 LIBRARIES millrace_training millrace_test_support millrace_plots nlohmann_json::nlohmann_json PNG::PNG)
  add_dependencies(apps_test millrace_cli planted_samples fake_cuda fake_cuda_old fake_cuda_crashing sharing_early_thread)
  millrace_test(export_test apps/millrace/export_test.cpp TIMEOUT 300)
  add_dependencies(export_test millrace_cli)
  millrace_test(train_settings_test apps/millrace/train_settings_test.cpp TIMEOUT 600)
  add_dependencies(train_settings_test millrace_cli)
  set(_bench ${PROJECT_SOURCE_DIR}/apps/millrace/bench)
  millrace_test(bench_test apps/millrace/bench/bench_test.cpp apps/millrace/bench/killed_make_data_test.cpp apps/millrace/bench/why_slow_test.cpp TIMEOUT 600 LIBRARIES millrace_sharing nlohmann_json::nlohmann_json)
  add_library(planted_samples MODULE apps/millrace/bench/planted_samples.cpp)
  millrace_compile_quickly(planted_samples)
  target_link_libraries(planted_samples PRIVATE millrace_program millrace_compiler)
  add_dependencies(bench_test millrace_cli planted_samples)
  millrace_test(bench_numbers_test
    apps/millrace/bench/latencies_test.cpp ${_bench}/latencies.cpp apps/millrace/bench/spread_test.cpp ${_bench}/spread.cpp
    LABELS asan TIMEOUT 60)
  millrace_test(bench_parts_test
    apps/millrace/bench/bench_page_test.cpp apps/millrace/bench/comparison_test.cpp apps/millrace/bench/noise_jpeg_test.cpp
    apps/millrace/bench/stage_charts_test.cpp apps/millrace/bench/sweep_test.cpp
    TIMEOUT 600 LIBRARIES millrace_program PNG::PNG)
  add_dependencies(bench_parts_test millrace_cli)
  millrace_fake_cuda_test(trace_test
    apps/millrace/trace_test.cpp ${PROJECT_SOURCE_DIR}/apps/millrace/device_clock.cpp ${PROJECT_SOURCE_DIR}/apps/millrace/trace.cpp
    LABELS asan TIMEOUT 60 LIBRARIES millrace_cuda nlohmann_json::nlohmann_json)
  set(_run ${PROJECT_SOURCE_DIR}/apps/millrace)
  millrace_test(bottleneck_test
    apps/millrace/bottleneck_test.cpp ${_run}/bench/bottleneck.cpp
    TIMEOUT 120 LIBRARIES millrace_loader)
  millrace_test(progress_test
    apps/millrace/loss_summary_test.cpp ${_run}/loss_summary.cpp
    apps/millrace/progress_test.cpp ${_run}/progress.cpp ${_run}/progress_line.cpp ${_run}/progress_output.cpp
    apps/millrace/notice_words_test.cpp ${_run}/notice_words.cpp ${_run}/status_line.cpp ${_run}/told_notices.cpp
    LABELS asan TIMEOUT 60 LIBRARIES millrace_config_checks)
endif()

if(TARGET example_own_types)
  millrace_test(own_types_test apps/own_types_test.cpp TIMEOUT 300)
  add_library(other_build MODULE apps/other_build.cpp)
  target_link_libraries(other_build PRIVATE millrace_compiler)
  add_dependencies(own_types_test example_own_types own_types other_build millrace_cli)
  millrace_test(other_command_lines_test docs/other_command_lines_test.cpp TIMEOUT 900)
  add_dependencies(other_command_lines_test example_own_types millrace_cli)
endif()

if(TARGET example_photos)
  add_test(NAME example_photos COMMAND example_photos ${PROJECT_SOURCE_DIR}/tests/data/photos)
  add_test(NAME example_own_dataset COMMAND example_own_dataset)
  set_tests_properties(example_photos example_own_dataset PROPERTIES TIMEOUT 60 LABELS example)
  set_tests_properties(example_photos PROPERTIES PASS_REGULAR_EXPRESSION "epoch 2: loss")
  # Labels of samples 0 to 999 are their last digits.
  set_tests_properties(example_own_dataset PROPERTIES PASS_REGULAR_EXPRESSION
    "sines: 10 batches of .*labels sum to 4500\nramps: 10 batches of .*labels sum to 4500")
endif()
