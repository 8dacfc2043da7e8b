# Pages whose programs are real files: they agree, and the programs print what the page says.
if(TARGET example_process)
  millrace_test(docs_test docs/pages_test.cpp TIMEOUT 120 LIBRARIES millrace_sharing millrace_test_support)
  target_compile_definitions(docs_test PRIVATE
    MILLRACE_PAGES="${PROJECT_SOURCE_DIR}/docs"
    MILLRACE_EXAMPLE_SOURCES="${PROJECT_SOURCE_DIR}/apps/examples"
    MILLRACE_EXAMPLE_PROGRAMS="$<TARGET_FILE_DIR:example_process>")
  foreach(example process start_methods pipe queue pool spawn sync tensors)
    add_dependencies(docs_test example_${example})
  endforeach()
  foreach(example own_sampler sampler_order sampler_ranks sampler_resume torch_sampler)
    add_dependencies(docs_test example_${example})
  endforeach()
  add_dependencies(docs_test example_torch_data)
endif()
