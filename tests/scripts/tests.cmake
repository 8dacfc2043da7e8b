# The scripts a fresh machine is set up and judged by. They reach no network.
millrace_program(scripts_test scripts/gpu_check_test.cpp scripts/setup_test.cpp)
target_link_libraries(scripts_test PRIVATE GTest::gtest_main millrace_test_paths)
add_test(NAME scripts_test COMMAND scripts_test)
set_tests_properties(scripts_test PROPERTIES TIMEOUT 120)
