# Pages whose programs are real files: they agree, and the programs print what the page says.
get_property(programs GLOBAL PROPERTY MILLRACE_PAGE_PROGRAMS)
if(programs)
  millrace_test(docs_test docs/pages_test.cpp TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
  target_compile_definitions(docs_test PRIVATE
    MILLRACE_PAGES="${PROJECT_SOURCE_DIR}/docs"
    MILLRACE_EXAMPLE_SOURCES="${PROJECT_SOURCE_DIR}/apps/examples"
    MILLRACE_EXAMPLE_PROGRAMS="$<TARGET_FILE_DIR:example_process>")
  add_dependencies(docs_test ${programs})
endif()
