#include "millrace/tests/gpu/check.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace gpu_check {

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void row(const std::string& question, const std::string& answer) {
  std::printf("| %s | %s |\n", question.c_str(), answer.c_str());
  std::fflush(stdout);
}

std::string text(const char* format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string name_of(api::Result result) {
  if (result == api::kSuccess) return "ok";
  const char* name = nullptr;
  millrace::cuda::Driver::get().entry().get_error_name(result, &name);
  return text("%s (%d)", name ? name : "unknown error", result);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

DeviceWords::DeviceWords(size_t words) { MILLRACE_CUDA(mem_alloc, &address_, words * sizeof(uint32_t)); }

DeviceWords::~DeviceWords() {
  if (const auto* const driver = millrace::cuda::Driver::find()) driver->entry().mem_free(address_);
}

namespace {

std::vector<uint32_t> words_from(size_t words, uint32_t first) {
  std::vector<uint32_t> values(words);
  for (size_t i = 0; i < words; ++i) values[i] = first + static_cast<uint32_t>(i);
  return values;
}

}  // namespace

void fill(api::DevicePtr address, size_t words, uint32_t first) {
  const auto values = words_from(words, first);
  MILLRACE_CUDA(memcpy_htod, address, values.data(), words * sizeof(uint32_t));
}

std::string verify(api::DevicePtr address, size_t words, uint32_t first) {
  std::vector<uint32_t> found(words);
  const auto& driver = millrace::cuda::Driver::get().entry();
  const api::Result result = driver.memcpy_dtoh(found.data(), address, words * sizeof(uint32_t));
  if (result != api::kSuccess) return "reading fails: " + name_of(result);
  const auto expected = words_from(words, first);
  size_t changed = 0;
  for (size_t i = 0; i < words; ++i) changed += found[i] != expected[i];
  return changed == 0 ? "all bytes intact" : text("%zu of %zu words changed", changed, words);
}

Role::Role(Function function, std::pair<mp::Connection, mp::Connection> ends)
    : connection_(std::move(ends.first)), process_(function, std::move(ends.second)) {
  process_.start();
}

Role::~Role() {
  if (process_.is_alive()) kill();
}

void Role::kill() {
  process_.kill();
  process_.join(std::chrono::seconds(60));
}

void Role::finish() {
  if (!process_.join(std::chrono::seconds(120))) throw std::runtime_error("a role did not end within two minutes");
  if (process_.exitcode() != 0) throw std::runtime_error(text("a role ended with exit code %d", *process_.exitcode()));
}

}  // namespace gpu_check
