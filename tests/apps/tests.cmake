if(TARGET millrace_cli)
  find_package(nlohmann_json REQUIRED)
  millrace_test(apps_test
    apps/program_test.cpp apps/synthetic_test.cpp ${PROJECT_SOURCE_DIR}/apps/millrace/synthetic.cpp
    LABELS process TIMEOUT 180 LIBRARIES millrace_loader nlohmann_json::nlohmann_json)
  target_compile_definitions(apps_test PRIVATE MILLRACE_PROGRAM="$<TARGET_FILE:millrace_cli>"
                                               MILLRACE_CONFIGS="${PROJECT_SOURCE_DIR}/configs")
  add_dependencies(apps_test millrace_cli)
endif()
