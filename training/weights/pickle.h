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
    kList,      ///< A list or a tuple.
    kDict,      ///< A dict or an OrderedDict.
    kGlobal,    ///< A class or function: its name is `text`, "torch._utils._rebuild_tensor_v2".
    kCall,      ///< The result of a function: `items` are the function and a list of its arguments.
    kExternal,  ///< A storage, which lies outside of the pickle: `items` has the list that names it.
  };

  Kind kind = Kind::kNone;
  int64_t integer = 0;                    ///< The value of a boolean or an integer.
  std::string text;                       ///< The value of a text, the name of a global.
  std::vector<const PickleValue*> items;  ///< The items of a list; of a dict key, value, key, value.

  bool is(Kind other) const { return kind == other; }
};

/// A value with all that it holds. Values refer to each other, in circles too, and live as long as this.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
};

/// Reads a pickle, in time and memory in proportion to its text. Throws std::runtime_error "byte 17: REASON" for what
/// is no such pickle.
Pickle parse_pickle(std::string_view text);

}  // namespace millrace::training::detail
