# Pages whose programs are real files: they agree, and the programs print what the page says.
get_property(programs GLOBAL PROPERTY MILLRACE_PAGE_PROGRAMS)
if(programs)
  millrace_test(docs_test
    docs/headers_test.cpp docs/links_test.cpp docs/pages_test.cpp docs/security_test.cpp docs/suites_test.cpp TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
  add_dependencies(docs_test ${programs})
  # By itself, since it compiles for half a minute.
  millrace_test(public_headers_test docs/public_headers_test.cpp LABELS slow TIMEOUT 900)
  # How both ask the compiler about headers.
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/headers_command.txt
    CONTENT "${CMAKE_CXX_COMPILER} -std=c++20 -I$<JOIN:$<TARGET_PROPERTY:docs_includes,INCLUDE_DIRECTORIES>, -I>"
    TARGET docs_includes)
  add_library(docs_includes OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/paths.cpp)
  target_link_libraries(docs_includes PRIVATE Millrace::millrace)
endif()
