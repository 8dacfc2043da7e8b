millrace_test(packing_test packing/pack_test.cpp packing/plan_test.cpp
  TIMEOUT 120 LIBRARIES millrace_packing millrace_test_support)
if(TARGET millrace_cli)
  find_package(nlohmann_json REQUIRED)
  millrace_test(pack_command_test packing/command_test.cpp packing/kill_test.cpp
    TIMEOUT 300 LIBRARIES millrace_packing millrace_test_support nlohmann_json::nlohmann_json)
  add_dependencies(pack_command_test millrace_cli)
  # 100,000 samples of each kind, and 30 kills.
  add_test(NAME soak_pack COMMAND pack_command_test --gtest_filter=*PackKills* CONFIGURATIONS Soak)
  set_tests_properties(soak_pack PROPERTIES TIMEOUT 7200 LABELS soak
    ENVIRONMENT "MILLRACE_TEST_SAMPLES=100000;MILLRACE_TEST_KILLS=30")
endif()
