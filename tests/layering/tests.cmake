millrace_program(layering_test layering/layering_test.cpp)
target_link_libraries(layering_test PRIVATE GTest::gtest_main millrace_test_paths)
add_test(NAME layering_test COMMAND layering_test)
