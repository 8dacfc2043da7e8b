#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

/// Python's pickles, as far as torch.save writes them (protocol 2), taken for a description of values: what stands for
/// a call in them is a value too, and nothing is called.
namespace millrace::training::detail {

struct PickleValue {
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInteger,
    kNumber,
    kText,
    kList,      ///< Tuples too.
    kDict,      ///< An OrderedDict too.
    kGlobal,    ///< A class or function: its name is `text`, "torch._utils._rebuild_tensor_v2".
    kCall,      ///< What a function makes of arguments: `items` are the function and a list of them.
    kExternal,  ///< What lies outside of the pickle, a storage: `items` has the list that names it.
  };

  Kind kind = Kind::kNone;
  int64_t integer = 0;                    ///< Of booleans and integers.
  std::string text;                       ///< Of texts and globals.
  std::vector<const PickleValue*> items;  ///< Of lists; of dicts key, value, key, value.

  bool is(Kind other) const { return kind == other; }
};

/// A value with all that it holds. Values refer to each other, in circles too, and live as long as this.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
};

/// Throws std::runtime_error "byte 17: REASON" for what is no such pickle. Takes time and memory in proportion to the
/// text.
Pickle parse_pickle(std::string_view text);

}  // namespace millrace::training::detail
