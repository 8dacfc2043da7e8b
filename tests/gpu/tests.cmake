# The check itself is checked on the fake driver: that its processes talk, end and leave nothing behind, and that without a
# driver it says so. What the fake answers is no news.
add_subdirectory(gpu)
foreach(section machine contexts dead_exporter dead_vmm_exporter imports)
  add_test(NAME gpu_check_${section}_on_fake COMMAND gpu_check ${section})
  set_tests_properties(gpu_check_${section}_on_fake PROPERTIES TIMEOUT 120
    ENVIRONMENT "MILLRACE_CUDA_DRIVER=$<TARGET_FILE:fake_cuda>;MILLRACE_FAKE_CUDA=memory_bytes=4294967296")
endforeach()
add_test(NAME gpu_check_without_driver COMMAND gpu_check machine)
set_tests_properties(gpu_check_without_driver PROPERTIES TIMEOUT 60 ENVIRONMENT "MILLRACE_CUDA_DRIVER=none"
  PASS_REGULAR_EXPRESSION "machine cannot be asked here: CUDA is switched off")
