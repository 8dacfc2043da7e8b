#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::training::detail {

/// Writes the pickle of an OrderedDict of names and tensors with the instructions that Python writes for a state_dict,
/// which torch.load(weights_only=True) takes. Call name() and tensor() for each entry, then str() once.
class PickleWriter {
 public:
  /// Begins the dict.
  PickleWriter();

  /// Appends a name.
  void name(std::string_view text) { put_text(text); }

  /// Appends a tensor whose elements lie in their order, without gaps, in the archive's file data/NUMBER.
  /// `storage_class` is "torch.FloatStorage" or its like.
  void tensor(const at::Tensor& value, std::string_view storage_class, size_t number);

  /// The pickle.
  std::string str() &&;

 private:
  void put(std::string_view bytes) { bytes_ += bytes; }
  template <class T>
  void put_number(T value);
  void put_text(std::string_view text);
  void put_integer(int64_t value);
  void put_integers(c10::IntArrayRef values);
  void put_global(std::string_view module, std::string_view name);
  void put_empty_dict();

  std::string bytes_;
};

}  // namespace millrace::training::detail
