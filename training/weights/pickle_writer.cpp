#include "millrace/training/weights/pickle_writer.h"

#include <bit>
#include <utility>

namespace millrace::training::detail {

static_assert(std::endian::native == std::endian::little);  // As numbers in pickles are.

PickleWriter::PickleWriter() {
  put("\x80\x02");  // The protocol.
  put_empty_dict();
  put("(");
}

void PickleWriter::tensor(const at::Tensor& value, std::string_view storage_class, size_t number) {
  put_global("torch._utils", "_rebuild_tensor_v2");
  put("((");
  put_text("storage");
  put_global("torch", storage_class.substr(storage_class.find('.') + 1));
  put_text(std::to_string(number));
  put_text("cpu");
  put_integer(value.numel());
  put("tQ");
  put_integer(0);
  put_integers(value.sizes());
  put_integers(value.strides());
  put("\x89");       // It requires no gradient,
  put_empty_dict();  // and has no hooks.
  put("tR");
}

std::string PickleWriter::str() && {
  put("u.");
  return std::move(bytes_);
}

template <class T>
void PickleWriter::put_number(T value) {
  put({reinterpret_cast<const char*>(&value), sizeof value});
}

void PickleWriter::put_text(std::string_view text) {
  put("X");
  put_number(static_cast<uint32_t>(text.size()));
  put(text);
}

void PickleWriter::put_integer(int64_t value) {
  put("\x8a\x08");
  put_number(value);
}

void PickleWriter::put_integers(c10::IntArrayRef values) {
  put("(");
  for (const int64_t value : values) put_integer(value);
  put("t");
}

void PickleWriter::put_global(std::string_view module, std::string_view name) {
  put("c");
  put(module);
  put("\n");
  put(name);
  put("\n");
}

void PickleWriter::put_empty_dict() {
  put_global("collections", "OrderedDict");
  put(")R");
}

}  // namespace millrace::training::detail
