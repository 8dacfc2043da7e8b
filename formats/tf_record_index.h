#pragma once

#include <cstdint>
#include <vector>

#include "millrace/loader/datasets/mapped_file.h"

// Where the records of a TFRecord file lie, kept in a small file beside it ("x.tfrecord.index"), so that the file need
// not be looked through again: little-endian, 32 bytes of head and 8 bytes a record.
//
//   bytes 0 to 7     "tfrindex"
//   bytes 8 to 11    version, 1
//   bytes 12 to 15   masked CRC-32C of all behind it
//   bytes 16 to 31   size of the TFRecord file, time of its last change in nanoseconds since 1970
//   then             the byte that each record begins at
namespace millrace::detail {

/// Where each record of `file` begins: from its index when that was made of the file as it is now (size and time).
/// Otherwise the file is looked through, and the result kept as the index, if this user may write there and there is
/// room: an index saves time and is never needed. Any number of processes may do so at the same time. Throws as
/// scan_tf_records().
std::vector<uint64_t> open_tf_record_index(const MappedFile& file);

}  // namespace millrace::detail
