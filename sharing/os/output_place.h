#pragma once

#include <string>

/// Where a program writes: what is in the way there, and what to do.
namespace millrace::detail {

/// "; make the folder 'runs' first" where the file or folder at `path` could not be made since the folder that it lies
/// in is not there, "; 'runs' is no folder, name another place" where that is a file. "" for another errno.
std::string cure_of_place(int error, const std::string& path);

/// Makes a folder, and those that it lies in, where they are not there. Throws std::runtime_error where a file has the
/// name of one of them, SyscallError.
void make_folders(const std::string& path);

}  // namespace millrace::detail
