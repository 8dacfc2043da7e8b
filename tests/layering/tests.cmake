millrace_program(layering_test layering/layering_test.cpp)
target_compile_definitions(layering_test PRIVATE MILLRACE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(layering_test PRIVATE GTest::gtest_main)
add_test(NAME layering_test COMMAND layering_test)
