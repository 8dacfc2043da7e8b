#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// A place in a tar file where bytes are not what they were when its index was made.
struct TarDamage {
  std::string tar;     ///< The file that it is in: a tar file, or the index of one.
  std::string sample;  ///< The key of the sample, where the place belongs to one.
  std::string file;    ///< The name of the file in the tar file, where the place belongs to one.
  uint64_t begin = 0;  ///< The bytes of `tar` among which the damage is; both 0 where it is about the file as a whole.
  uint64_t end = 0;    ///< One behind the last of them.
  std::string what;    ///< What is wrong there and what to do.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(tar, sample, file, begin, end, what);
  }
};

/// One line of a damage: "'x.tar' from byte 1536 to 2000, sample 'a', file 'a.jpg': what".
std::string to_string(const TarDamage& damage);

/// Reads all of `tar` and compares it with the sums in its index, whatever the file's time: a copy may have another.
/// Finds every change of up to 32 bits in a row, and of more all but one in 2^32, in headers, payloads, padding and
/// behind them, and in the index itself. Gives nothing when all is as it was written. An index that is missing or has
/// no sums is a damage too, since nothing is known of the tar file then. Throws TarError for a file that cannot be
/// opened, SyscallError for one that cannot be read.
std::vector<TarDamage> find_tar_damage(const std::string& tar);

}  // namespace millrace
