#pragma once

/// The version of this Millrace, by semantic versioning (semver.org): before 1.0 a new minor number may change what a
/// program sees, a new patch number mends faults only. CHANGELOG.md says what changed. CMake reads the numbers from
/// here.
#define MILLRACE_VERSION_MAJOR 0
#define MILLRACE_VERSION_MINOR 2
#define MILLRACE_VERSION_PATCH 0

/// "0.2.0".
#define MILLRACE_VERSION "0.2.0"
