#include "millrace/training/weights/torch_file.h"

#include <ATen/ops/as_strided.h>
#include <c10/core/ScalarType.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/weights/pickle.h"
#include "millrace/training/weights/pickle_writer.h"
#include "millrace/training/weights/storage_classes.h"
#include "millrace/training/weights/zip.h"

namespace millrace::training {
namespace {

using detail::PickleValue;
using Kind = PickleValue::Kind;
using ZipFiles = std::map<std::string, at::Tensor>;

static_assert(std::endian::native == std::endian::little);  // As files of torch.save are.

constexpr const char* kSaveState = "torch.save(model.state_dict(), path) writes what is read here";

std::string_view text_of(const at::Tensor& bytes) {
  return {static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()};
}

// "torch._utils._rebuild_tensor_v2", of a call of that; "" of anything else.
std::string_view called_by(const PickleValue& value) {
  return value.is(Kind::kCall) && value.items.front()->is(Kind::kGlobal) ? std::string_view(value.items.front()->text)
                                                                         : std::string_view();
}

bool is_tensor(const PickleValue& value) { return called_by(value).starts_with("torch._utils._rebuild_"); }

// The arguments of a call or the parts of a storage's name, of which there are at least `count`.
const std::vector<const PickleValue*>& parts_of(const PickleValue& list, size_t count) {
  if (!list.is(Kind::kList) || list.items.size() < count)
    throw std::runtime_error("is no tensor that torch.save wrote");
  return list.items;
}

int64_t count_of(const PickleValue& value) {
  if (!value.is(Kind::kInteger) || value.integer < 0)
    throw std::runtime_error("has a size that is no number from 0 on");
  return value.integer;
}

std::vector<int64_t> counts_of(const PickleValue& list) {
  std::vector<int64_t> counts;
  for (const PickleValue* item : parts_of(list, 0)) counts.push_back(count_of(*item));
  return counts;
}

// All elements of a storage, which is ('storage', class, name of its file, device, number of elements).
at::Tensor elements_of(const PickleValue& storage, const ZipFiles& files) {
  if (!storage.is(Kind::kExternal)) throw std::runtime_error("has no storage");
  const auto& parts = parts_of(*storage.items.front(), 5);
  const auto dtype = detail::dtype_of_storage(parts[1]->text);
  if (!dtype)
    throw std::runtime_error("has a storage " + in_quotes(parts[1]->text) + ", which is none that LibTorch has here");
  const auto file = files.find("data/" + parts[2]->text);
  if (file == files.end()) throw std::runtime_error("has no file " + in_quotes("data/" + parts[2]->text));
  const auto bytes = static_cast<int64_t>(file->second.nbytes());
  const auto size = static_cast<int64_t>(c10::elementSize(*dtype));
  if (bytes % size != 0 || bytes / size != count_of(*parts[4]))
    throw std::runtime_error("should have " + counted(count_of(*parts[4]), "element") + " of " + c10::toString(*dtype) +
                             ", and its file has " + counted(bytes, "byte"));
  return file->second.view(*dtype);
}

// That no element lies outside of the storage, and that none stands for two.
void require_inside(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, int64_t offset,
                    int64_t elements) {
  int64_t count = 1, end = offset;
  bool fits = sizes.size() == strides.size();
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    int64_t reach = 0;
    fits = !__builtin_mul_overflow(count, sizes[i], &count) &&
           !__builtin_mul_overflow(std::max<int64_t>(sizes[i] - 1, 0), strides[i], &reach) &&
           !__builtin_add_overflow(end, reach, &end);
  }
  if (fits) fits = count == 0 ? offset <= elements : end < elements && count <= elements;
  if (!fits) throw std::runtime_error("reaches beyond its storage of " + counted(elements, "element"));
}

at::Tensor tensor_of(const PickleValue& value, const ZipFiles& files) {
  const auto function = called_by(value);
  if (function == "torch._utils._rebuild_parameter") {
    const auto& inner = *parts_of(*value.items.back(), 1).front();
    if (called_by(inner) == function) throw std::runtime_error("is a parameter of a parameter");
    return tensor_of(inner, files);
  }
  if (function != "torch._utils._rebuild_tensor_v2")
    throw std::runtime_error("is of a kind that is not read here (" + printable(function) +
                             "); save dense tensors of numbers");
  const auto& arguments = parts_of(*value.items.back(), 4);  // Storage, offset, sizes, strides, and what is not asked.
  const auto elements = elements_of(*arguments[0], files);
  const int64_t offset = count_of(*arguments[1]);
  const auto sizes = counts_of(*arguments[2]), strides = counts_of(*arguments[3]);
  require_inside(sizes, strides, offset, elements.numel());
  return elements.as_strided(sizes, strides, offset);
}

// What is wrong with a dict that has other values than tensors: most often it is a checkpoint with a state_dict in it.
[[noreturn]] void refuse_entry(const PickleValue& dict, const PickleValue& key, const PickleValue& value) {
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    const auto& inner = dict.items[i + 1]->items;
    if (dict.items[i + 1]->is(Kind::kDict) && inner.size() > 1 && is_tensor(*inner[1]))
      throw std::runtime_error("is a checkpoint with a state_dict in " + in_quotes(dict.items[i]->text) +
                               ": save that alone, torch.save(checkpoint[" + in_quotes(dict.items[i]->text) +
                               "], path)");
  }
  const std::string name = key.is(Kind::kText) ? in_quotes(key.text) : "a key that is no text";
  const auto function = called_by(value);
  throw std::runtime_error(
      name + " is no tensor" +
      (function.empty() ? "" : ", but " + printable(function) + ", Python's code that is not run") + "; " + kSaveState);
}

NamedTensors weights_in(const PickleValue& root, const ZipFiles& files) {
  if (!root.is(Kind::kDict)) {
    const auto function = called_by(root);
    throw std::runtime_error("is no state_dict" + (function.empty() ? "" : ", but " + printable(function)) + "; " +
                             kSaveState);
  }
  NamedTensors weights;
  std::set<std::string_view> names;
  for (size_t i = 0; i < root.items.size(); i += 2) {
    const PickleValue &key = *root.items[i], &value = *root.items[i + 1];
    if (!key.is(Kind::kText) || !is_tensor(value)) refuse_entry(root, key, value);
    if (!names.insert(key.text).second) throw std::runtime_error("has two tensors " + in_quotes(key.text));
    try {
      weights.push_back({key.text, tensor_of(value, files)});
    } catch (const std::runtime_error& e) {
      throw std::runtime_error("tensor " + in_quotes(key.text) + ": " + e.what());
    }
  }
  return weights;
}

// The same weights as they lie in a file: on the CPU, each in the order of its elements.
NamedTensors in_order(const NamedTensors& weights) {
  NamedTensors plain;
  for (const auto& [name, tensor] : weights) plain.push_back({name, tensor.detach().cpu().contiguous()});
  return plain;
}

std::string pickle_of(const NamedTensors& weights) {
  detail::PickleWriter pickle;
  std::set<std::string_view> names;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto& [name, tensor] = weights[i];
    if (!names.insert(name).second) throw std::invalid_argument("two tensors have the name " + in_quotes(name));
    const auto storage = detail::storage_of_dtype(tensor.scalar_type());
    if (!storage)
      throw std::invalid_argument("tensor " + in_quotes(name) + " is " + c10::toString(tensor.scalar_type()) +
                                  ", which has no storage class in torch; .safetensors has room for more types");
    pickle.name(name);
    pickle.tensor(tensor, *storage, i);
  }
  return std::move(pickle).str();
}

// Where the writer of archives puts its bytes. It is C inside, through which no exception may go, and finishes the
// archive in its destructor, from which none may come: so after the first error writing goes on into nothing.
class Sink {
 public:
  explicit Sink(NewFile& file) : file_(file) {}

  size_t write(const void* bytes, size_t count) {
    try {
      if (!error_) file_.write({static_cast<const std::byte*>(bytes), count});
    } catch (...) {
      error_ = std::current_exception();
    }
    return count;
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  NewFile& file_;
  std::exception_ptr error_;
};

}  // namespace

bool is_torch_file(std::string_view bytes) { return detail::is_zip(bytes); }

NamedTensors parse_torch_file(std::string_view bytes) {
  const auto files = detail::read_zip(bytes);
  const auto pickle_file = files.find("data.pkl");
  if (pickle_file == files.end()) throw std::runtime_error(std::string("has no data.pkl in it; ") + kSaveState);
  if (files.contains("constants.pkl"))
    throw std::runtime_error(std::string("is a TorchScript program, model.type: torch_script; ") + kSaveState);
  const auto order = files.find("byteorder");
  if (order != files.end() && text_of(order->second) != "little")
    throw std::runtime_error("was written by a big-endian machine");
  detail::Pickle pickle;
  try {
    pickle = detail::parse_pickle(text_of(pickle_file->second));
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(std::string("data.pkl, ") + e.what());
  }
  return weights_in(*pickle.root, files);
}

void write_torch_file(NewFile& file, const NamedTensors& weights) {
  const NamedTensors plain = in_order(weights);
  const std::string pickle = pickle_of(plain);
  Sink sink(file);
  caffe2::serialize::PyTorchStreamWriter archive(
      [&](const void* bytes, size_t count) { return sink.write(bytes, count); });
  archive.writeRecord("data.pkl", pickle.data(), pickle.size());
  constexpr std::string_view kOrder = "little";
  archive.writeRecord("byteorder", kOrder.data(), kOrder.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    const at::Tensor& elements = plain[i].tensor;
    archive.writeRecord("data/" + std::to_string(i), elements.const_data_ptr(), elements.nbytes());
    sink.rethrow();
  }
  archive.writeEndOfFile();
  sink.rethrow();
}

}  // namespace millrace::training
