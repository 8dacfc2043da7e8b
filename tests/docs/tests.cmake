# Pages whose programs are real files: they agree, and the programs print what the page says.
get_property(programs GLOBAL PROPERTY MILLRACE_PAGE_PROGRAMS)
if(programs)
  millrace_test(docs_test docs/links_test.cpp docs/pages_test.cpp docs/security_test.cpp TIMEOUT 300 LIBRARIES millrace_sharing millrace_test_support)
  add_dependencies(docs_test ${programs})
endif()
