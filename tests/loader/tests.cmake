# Torch-free parts of the loader, compiled here by themselves so that the thread sanitizer understands all there is.
millrace_test(board_test
  loader/engine/board_test.cpp loader/engine/ledger_test.cpp loader/engine/ledger_property_test.cpp
  ${PROJECT_SOURCE_DIR}/loader/engine/board.cpp ${PROJECT_SOURCE_DIR}/loader/engine/trainer_board.cpp
  ${PROJECT_SOURCE_DIR}/loader/engine/worker_board.cpp ${PROJECT_SOURCE_DIR}/loader/engine/ledger.cpp
  LABELS asan tsan TIMEOUT 300 LIBRARIES millrace_sharing)
millrace_test(loader_test
  loader/data_loader_test.cpp loader/first_sample_test.cpp loader/steady_state_test.cpp loader/hostile_worker_test.cpp loader/kill_test.cpp
  loader/scribble_test.cpp loader/trace_test.cpp
  TIMEOUT 300 LIBRARIES millrace_loader millrace_test_support)
millrace_test(loader_notices_test loader/notices_test.cpp
  TIMEOUT 60 LIBRARIES millrace_loader millrace_test_support)
# Which batches there are, whoever reads them.
millrace_test(batches_test
  loader/streams_test.cpp loader/empty_batches_test.cpp loader/sampler_epochs_test.cpp
  loader/torch_data_surprises_test.cpp
  TIMEOUT 120 LIBRARIES millrace_loader millrace_test_support)
# Without workers, files and time.
millrace_test(engine_test
  loader/engine/audit_test.cpp loader/engine/completion_test.cpp loader/engine/crews_test.cpp
  loader/engine/cursor_test.cpp loader/engine/deliveries_test.cpp loader/engine/engine_test.cpp
  loader/engine/epoch_seeds_test.cpp loader/engine/epoll_events_test.cpp loader/engine/failures_test.cpp
  loader/engine/in_flight_test.cpp
  loader/engine/mender_test.cpp loader/engine/opener_test.cpp loader/engine/order_test.cpp
  loader/engine/notices_test.cpp loader/engine/overflow_test.cpp loader/engine/resume_test.cpp loader/engine/returns_test.cpp
  loader/engine/sample_names_test.cpp loader/engine/slot_memory_test.cpp loader/engine/stage_recorder_test.cpp loader/engine/supervisor_test.cpp
  loader/engine/tally_test.cpp loader/engine/tickets_test.cpp loader/engine/verdict_test.cpp loader/engine/worker_count_test.cpp
  loader/engine/wait_test.cpp
  LABELS asan TIMEOUT 60 LIBRARIES millrace_loader)
millrace_test(stages_test loader/stages_test.cpp
  TIMEOUT 120 LIBRARIES millrace_loader millrace_test_support)
millrace_test(image_test
  loader/images/decode_test.cpp loader/images/formats_test.cpp loader/images/hostile_test.cpp loader/images/jpeg_test.cpp
  loader/images/kernels_test.cpp loader/images/renderer_test.cpp
  loader/images/pixel_transforms_test.cpp loader/images/augment_test.cpp loader/images/targets_test.cpp
  loader/images/resample_test.cpp loader/images/table_test.cpp loader/images/datasets/image_files_test.cpp loader/images/datasets/image_folder_test.cpp
  loader/batch_mix_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_images PkgConfig::HWY)
millrace_test(encoded_pictures_test loader/images/datasets/encoded_pictures_test.cpp LABELS asan TIMEOUT 60 LIBRARIES millrace_images millrace_test_support)
millrace_test(torchvision_test loader/images/torchvision_test.cpp TIMEOUT 300 LIBRARIES millrace_images)
millrace_test(combinators_test
  loader/datasets/any_dataset_test.cpp loader/datasets/combinators_test.cpp loader/datasets/named_stack_test.cpp loader/sources/copies_test.cpp
  loader/sources/travelling_test.cpp
  TIMEOUT 120 LIBRARIES millrace_loader millrace_test_support)
millrace_test(collate_test loader/collate_test.cpp loader/collation/batch_memory_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_loader millrace_test_support)
millrace_test(datasets_test
  loader/datasets/arrays_test.cpp loader/images/datasets/csv_test.cpp loader/images/datasets/deep_pictures_test.cpp loader/images/datasets/image_pairs_test.cpp
  loader/images/datasets/manifest_test.cpp
  loader/datasets/messages_test.cpp
  loader/images/datasets/mnist_cifar_test.cpp loader/state_file_test.cpp
  TIMEOUT 120 LIBRARIES millrace_images millrace_test_support)
# By itself, since it has a read(), a pread() and an mmap() of its own.
millrace_test(changing_files_test loader/changing_files_test.cpp
  TIMEOUT 60 LIBRARIES millrace_images)
# Without torch as well.
millrace_test(tar_scan_test
  loader/datasets/tar_scan_test.cpp ${PROJECT_SOURCE_DIR}/loader/datasets/tar_index.cpp ${PROJECT_SOURCE_DIR}/loader/datasets/tar_scan.cpp
  ${PROJECT_SOURCE_DIR}/loader/datasets/tar_sums.cpp
  LABELS asan tsan TIMEOUT 120 LIBRARIES millrace_sharing)
millrace_test(tar_shards_test loader/datasets/tar_shards_test.cpp loader/datasets/tar_damage_test.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_images millrace_test_support)
millrace_fake_cuda_test(device_test
  loader/device/pinning_test.cpp loader/device/gate_test.cpp loader/device/stage_test.cpp
  loader/engine/forwarder_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_loader)
add_test(NAME device_test_without_driver COMMAND device_test --gtest_filter=NoDriver*)
set_tests_properties(device_test_without_driver PROPERTIES TIMEOUT 60 ENVIRONMENT MILLRACE_CUDA_DRIVER=none)
millrace_fake_cuda_test(device_arena_test loader/device/device_arena_test.cpp
  LABELS asan TIMEOUT 300 LIBRARIES millrace_loader millrace_test_support)
set_property(TEST device_arena_test APPEND PROPERTY ENVIRONMENT "MILLRACE_FAKE_CUDA=devices=2,copy_delay_us=100")
millrace_fake_cuda_test(finish_on_device_test loader/device/finish_on_device_test.cpp loader/device/finish_cu.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_loader)
set_property(TEST finish_on_device_test APPEND PROPERTY ENVIRONMENT "MILLRACE_NVRTC=$<TARGET_FILE:fake_cuda>")
millrace_test(finish_test loader/device/finish_test.cpp loader/device/finish_cu.cpp
  LABELS asan TIMEOUT 120 LIBRARIES millrace_images)
