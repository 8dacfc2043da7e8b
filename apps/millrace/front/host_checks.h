#pragma once

#include <string>
#include <vector>

#include "millrace/apps/millrace/front/doctor.h"

/// The parts of check_host(). `root` stands in for "/" in tests, where files of the kernel are.
namespace millrace::apps {

/// Processors, and what the cgroup leaves of their time.
std::vector<Check> check_cpu(const std::string& root);

/// Memory that is left, the cgroup's limit, and whether it killed somebody.
std::vector<Check> check_memory(const std::string& root);

/// Large pages for shared memory and for the rest.
std::vector<Check> check_huge_pages(const std::string& root);

/// Whether a seccomp filter refuses calls that worker processes need; they are tried.
std::vector<Check> check_seccomp(const std::string& root);

/// NVIDIA's GPUs as the kernel lists them, and whether their driver can be reached from here. No driver is loaded.
std::vector<Check> check_gpu(const std::string& root);

/// The first line of a file; "" of one that cannot be read.
std::string first_line(const std::string& path);

/// "1.5 GiB"
std::string gib(double bytes);

}  // namespace millrace::apps
