#include "millrace/formats/hdf5_file.h"

#include <hdf5.h>
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

/// libhdf5 is not made for threads, and its state is one for the process. No process is forked while the library is at
/// work, so that a child finds it at rest and its lock free; nobody takes another lock while he has this one.
std::mutex library_lock;
[[maybe_unused]] const int kForksWait =
    ::pthread_atfork([] { library_lock.lock(); }, [] { library_lock.unlock(); }, [] { library_lock.unlock(); });

/// What the library says of its last error: the innermost sentence, which is the reason.
std::string reason_of_hdf5() {
  std::string text;
  const auto take = [](unsigned, const H5E_error2_t* error, void* to) -> herr_t {
    auto& said = *static_cast<std::string*>(to);
    if (said.empty() && error->desc != nullptr) said = printable(error->desc, 120);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take, &text);
  return text.empty() ? "libhdf5 gives no reason" : text;
}

/// Whether the library failed in a function whose name begins so: "H5G" are those of groups.
bool failed_in(std::string_view functions) {
  struct Search {
    std::string_view functions;
    bool found = false;
  } search{functions};
  const auto look = [](unsigned, const H5E_error2_t* error, void* at) -> herr_t {
    auto& asked = *static_cast<Search*>(at);
    if (error->func_name != nullptr && std::string_view(error->func_name).starts_with(asked.functions))
      asked.found = true;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look, &search);
  return search.found;
}

template <class Id>
Id require_id(Id id, const std::string& what) {
  if (id < 0) throw std::runtime_error(what + " (" + reason_of_hdf5() + "); write or copy it again");
  return id;
}

/// An identifier of libhdf5, closed by the function of its kind.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

void start_library() {
  H5dont_atexit();
  require_id(H5open(), "libhdf5 does not start");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // It writes its errors to stderr otherwise.
  H5PLset_loading_state(0);
}

Handle open_file(const std::string& path) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access, false, true);  // File systems without locks have readers too.
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
  // The library reads the superblock, which says where all else lies, and then the root group.
  const bool has_superblock = file < 0 && failed_in("H5G");
  return {
      require_id(file, has_superblock ? "has a damaged root group" : "is no HDF5 file, or has a damaged superblock"),
      H5Fclose};
}

/// Follows no link to another file.
Handle open_array(hid_t file, const std::string& name) {
  const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_elink_cb(
      access, [](const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) -> herr_t { return -1; },
      nullptr);
  return {require_id(H5Dopen2(file, name.c_str(), access), "has no readable dataset " + in_quotes(name)), H5Dclose};
}

std::vector<std::string> names_in_root(hid_t file) {
  struct Found {
    std::vector<std::string> names;
    std::string looked_at;  ///< The name of what cannot be looked at.
  } found;
  const auto take = [](hid_t group, const char* name, const H5L_info_t* link, void* to) -> herr_t {
    auto& all = *static_cast<Found*>(to);
    H5O_info_t object;
    if (link->type != H5L_TYPE_HARD) return 0;
    if (H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) {
      all.looked_at = name;
      return -1;
    }
    if (object.type == H5O_TYPE_DATASET) all.names.emplace_back(name);
    return 0;
  };
  const herr_t ended = H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &found);
  require_id(ended, "has a damaged " +
                        (found.looked_at.empty() ? "" : "entry " + in_quotes(found.looked_at) + " in its ") +
                        "root group");
  if (found.names.empty()) throw std::runtime_error("has no datasets in its root group; name those to read");
  return found.names;
}

c10::ScalarType integer_type(size_t size, bool is_signed) {
  using c10::ScalarType;
  switch (size) {
    case 1:
      return is_signed ? ScalarType::Char : ScalarType::Byte;
    case 2:
      return is_signed ? ScalarType::Short : ScalarType::UInt16;
    case 4:
      return is_signed ? ScalarType::Int : ScalarType::UInt32;
    case 8:
      return is_signed ? ScalarType::Long : ScalarType::UInt64;
    default:
      return ScalarType::Undefined;
  }
}

c10::ScalarType float_type(size_t size) {
  using c10::ScalarType;
  return size == 2   ? ScalarType::Half
         : size == 4 ? ScalarType::Float
         : size == 8 ? ScalarType::Double
                     : ScalarType::Undefined;
}

/// h5py's bool: an enumeration of FALSE and TRUE.
bool is_bool(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  bool known = true;
  for (unsigned member = 0; member < 2; ++member) {
    char* const name = H5Tget_member_name(type, member);
    known = known && name != nullptr && std::string(name) == (member == 0 ? "FALSE" : "TRUE");
    H5free_memory(name);
  }
  return known;
}

c10::ScalarType dtype_of_hdf5(hid_t type) {
  const size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return integer_type(size, H5Tget_sign(type) == H5T_SGN_2);
    case H5T_FLOAT:
      return float_type(size);
    case H5T_ENUM:
      return is_bool(type) ? c10::ScalarType::Bool : c10::ScalarType::Undefined;
    default:
      return c10::ScalarType::Undefined;
  }
}

/// A dataset and what is needed to read from it.
struct OpenArray {
  Handle dataset;
  Handle space;
  Handle type;  ///< Of a row's elements in memory: little-endian.
  Hdf5Array about;
  uint64_t bytes = 0;
  size_t row_bytes = 0;
  uint64_t chunk_rows = 0;  ///< Rows of a chunk; 0 where the array is in one piece.
};

/// Refuses what is stored where or how it cannot be read. Gives the rows of a chunk, 0 where there are none.
uint64_t require_storage(const OpenArray& array) {
  constexpr hsize_t kMostChunk = hsize_t{1} << 30;
  const Handle layout(require_id(H5Dget_create_plist(array.dataset), "has a damaged layout"), H5Pclose);
  const H5D_layout_t kind = H5Pget_layout(layout);
  if (kind == H5D_VIRTUAL || H5Pget_external_count(layout) > 0)
    throw std::runtime_error("lies in other files, which are not opened: copy it into one file");
  if (kind == H5D_CONTIGUOUS && H5Dget_storage_size(array.dataset) != array.bytes)
    throw std::runtime_error("has " + std::to_string(H5Dget_storage_size(array.dataset)) + " bytes of the " +
                             std::to_string(array.bytes) + " that its shape promises; write or copy it again");
  if (kind != H5D_CHUNKED) return 0;
  std::vector<hsize_t> sides(array.about.shape.size());
  require_id(H5Pget_chunk(layout, static_cast<int>(sides.size()), sides.data()), "has damaged chunks");
  hsize_t bytes = c10::elementSize(array.about.dtype);
  for (const hsize_t side : sides)
    if (__builtin_mul_overflow(bytes, side, &bytes) || bytes > kMostChunk)
      throw std::runtime_error("has chunks of more than 1 GiB; write or copy it again");
  for (int i = 0; i < H5Pget_nfilters(layout); ++i) {
    unsigned flags = 0, values = 0;
    size_t count = 0;
    char name[64] = {};
    const auto filter =
        H5Pget_filter2(layout, static_cast<unsigned>(i), &flags, &count, &values, sizeof name, name, nullptr);
    if (filter < 0 || H5Zfilter_avail(filter) <= 0)
      throw std::runtime_error("is compressed by filter " + std::to_string(filter) + ", " + in_quotes(name) +
                               ", which libhdf5 does not have; write it with gzip");
  }
  return sides.front();
}

OpenArray open_with_type(hid_t file, const std::string& name) {
  OpenArray array;
  array.dataset = open_array(file, name);
  try {
    array.space = Handle(require_id(H5Dget_space(array.dataset), "has a damaged shape"), H5Sclose);
    const Handle stored(require_id(H5Dget_type(array.dataset), "has a damaged type"), H5Tclose);
    array.about = {name, dtype_of_hdf5(stored), {}};
    if (array.about.dtype == c10::ScalarType::Undefined)
      throw std::runtime_error("has a type that no tensor has: save numbers, such as array.astype('float32')");
    array.type = Handle(require_id(H5Tcopy(stored), "has a damaged type"), H5Tclose);
    if (array.about.dtype != c10::ScalarType::Bool)
      require_id(H5Tset_order(array.type, H5T_ORDER_LE), "has a damaged type");
    const int sides = require_id(H5Sget_simple_extent_ndims(array.space), "has a damaged shape");
    if (sides == 0) throw std::runtime_error("is a single number, which has no rows");
    std::vector<hsize_t> shape(static_cast<size_t>(sides));
    require_id(H5Sget_simple_extent_dims(array.space, shape.data(), nullptr), "has a damaged shape");
    array.row_bytes = array.bytes = c10::elementSize(array.about.dtype);
    for (size_t k = 0; k < shape.size(); ++k) {
      constexpr uint64_t kMost = uint64_t{1} << 62;
      const hsize_t side = std::max<hsize_t>(shape[k], 1);
      if (side > kMost / array.bytes) throw std::runtime_error("has an impossible shape; write or copy it again");
      array.bytes *= side;
      if (k > 0) array.row_bytes *= shape[k];
      array.about.shape.push_back(static_cast<int64_t>(shape[k]));
    }
    if (std::ranges::count(shape, 0) > 0) array.bytes = 0;
    array.chunk_rows = require_storage(array);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("has dataset " + in_quotes(name) + ", which " + error.what());
  }
  return array;
}

/// "row 7", and where it is packed with others "row 7, of the chunk of rows 0 to 24,".
std::string text_of_row(const OpenArray& array, uint64_t row) {
  const std::string text = "row " + std::to_string(row);
  if (array.chunk_rows == 0) return text;
  const uint64_t first = row - row % array.chunk_rows;
  const uint64_t last = std::min<uint64_t>(first + array.chunk_rows, static_cast<uint64_t>(array.about.shape[0])) - 1;
  return text + ", of the chunk of rows " + std::to_string(first) + " to " + std::to_string(last) + ",";
}

}  // namespace

struct Hdf5File::Open {
  Handle file;
  std::vector<OpenArray> opened;
  std::vector<Hdf5Array> arrays;
};

Hdf5File::Hdf5File(const std::string& path, const std::vector<std::string>& names) {
  const std::lock_guard lock(library_lock);
  static const bool started = (start_library(), true);
  static_cast<void>(started);
  auto made = std::make_unique<Open>();
  made->file = open_file(path);
  for (const std::string& name : names.empty() ? names_in_root(made->file) : names) {
    made->opened.push_back(open_with_type(made->file, name));
    made->arrays.push_back(made->opened.back().about);
  }
  open_ = std::move(made);
}

Hdf5File::~Hdf5File() {
  const std::lock_guard lock(library_lock);
  open_.reset();
}

const std::vector<Hdf5Array>& Hdf5File::arrays() const { return open_->arrays; }

void Hdf5File::read_row(size_t index, uint64_t row, std::span<std::byte> to) const {
  const std::lock_guard lock(library_lock);
  const OpenArray& array = open_->opened.at(index);
  const auto& shape = array.about.shape;
  if (row >= static_cast<uint64_t>(shape[0]) || to.size() != array.row_bytes)
    throw std::logic_error("Hdf5File: no such row, or memory of another size");
  if (to.empty()) return;
  std::vector<hsize_t> start(shape.size(), 0), count(shape.begin(), shape.end());
  start[0] = row;
  count[0] = 1;
  const auto require = [&](auto id) {
    if (id >= 0) return id;
    return require_id(
        id, "has dataset " + in_quotes(array.about.name) + ", whose " + text_of_row(array, row) + " cannot be read");
  };
  const Handle space(require(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr)), H5Sclose);
  require(H5Sselect_hyperslab(array.space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
  require(H5Dread(array.dataset, array.type, space, array.space, H5P_DEFAULT, to.data()));
  if (array.about.dtype == c10::ScalarType::Bool)  // Only 0 and 1 are bools of C++, whatever the file has.
    std::ranges::transform(to, to.begin(), [](std::byte value) { return std::byte{value != std::byte{0}}; });
}

}  // namespace millrace::detail
