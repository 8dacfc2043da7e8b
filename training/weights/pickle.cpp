#include "millrace/training/weights/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace millrace::training::detail {
namespace {

using Kind = PickleValue::Kind;

static_assert(std::endian::native == std::endian::little);  // As numbers in pickles are.

// Far beyond the largest state_dict: a tensor takes some fifteen.
constexpr size_t kMostValues = 1'000'000;

// Runs the opcodes of a pickle on a stack, as Python's Unpickler does.
class PickleReader {
 public:
  explicit PickleReader(std::string_view text) : text_(text) {}

  Pickle read() {
    try {
      while (step()) {
      }
    } catch (const std::runtime_error& e) {
      throw std::runtime_error("byte " + std::to_string(opcode_at_) + ": " + e.what());
    }
    return std::move(pickle_);
  }

 private:
  // Whether there is more to come.
  bool step() {
    opcode_at_ = at_;
    const auto opcode = static_cast<uint8_t>(take(1).front());
    switch (opcode) {
      case 0x80:  // PROTO
        if (const auto protocol = number<uint8_t>(); protocol != 2)
          refuse("is of protocol " + std::to_string(protocol) + "; torch.save writes 2 unless it is told otherwise");
        return true;
      case '.':  // STOP
        pickle_.root = pop();
        return false;
      case '(':  // MARK
        marks_.push_back(stack_.size());
        return true;
      case 'N':  // NONE
        push(Kind::kNone);
        return true;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        push(Kind::kBool).integer = opcode == 0x88 ? 1 : 0;
        return true;
      case 'K':  // BININT1
        push(Kind::kInteger).integer = number<uint8_t>();
        return true;
      case 'M':  // BININT2
        push(Kind::kInteger).integer = number<uint16_t>();
        return true;
      case 'J':  // BININT
        push(Kind::kInteger).integer = number<int32_t>();
        return true;
      case 0x8a:  // LONG1
        push(Kind::kInteger).integer = long_number(take(number<uint8_t>()));
        return true;
      case 'G':  // BINFLOAT, which no weight is made of.
        take(8);
        push(Kind::kNumber);
        return true;
      case 'X':  // BINUNICODE
        push(Kind::kText).text = take(number<uint32_t>());
        return true;
      case 'c':  // GLOBAL
        push(Kind::kGlobal).text = global_name();
        return true;
      case ']':  // EMPTY_LIST
      case ')':  // EMPTY_TUPLE
        push(Kind::kList);
        return true;
      case '}':  // EMPTY_DICT
        push(Kind::kDict);
        return true;
      case 't':  // TUPLE
        push_list(above_mark());
        return true;
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        push_list(pop_some(opcode - 0x84U));
        return true;
      case 'a':  // APPEND
        append(pop_some(1), Kind::kList);
        return true;
      case 'e':  // APPENDS
        append(above_mark(), Kind::kList);
        return true;
      case 's':  // SETITEM
        append(pop_some(2), Kind::kDict);
        return true;
      case 'u':  // SETITEMS
        append(above_mark(), Kind::kDict);
        return true;
      case 'q':  // BINPUT
        memo_[number<uint8_t>()] = top();
        return true;
      case 'r':  // LONG_BINPUT
        memo_[number<uint32_t>()] = top();
        return true;
      case 'h':  // BINGET
        stack_.push_back(remembered(number<uint8_t>()));
        return true;
      case 'j':  // LONG_BINGET
        stack_.push_back(remembered(number<uint32_t>()));
        return true;
      case 'R':   // REDUCE
      case 0x81:  // NEWOBJ
        call(pop_some(2));
        return true;
      case 'b':  // BUILD: attributes of an object, such as the versions of its layers that a state_dict carries.
        pop();
        top();
        return true;
      case 'Q':  // BINPERSID
      {
        const PickleValue* const name = pop();
        push(Kind::kExternal).items = {name};
      }
        return true;
      default:
        refuse("is no instruction that torch.save writes");
    }
  }

  [[noreturn]] static void refuse(const std::string& why) { throw std::runtime_error(why); }

  std::string_view take(size_t bytes) {
    if (bytes > text_.size() - at_) refuse("ends early");
    at_ += bytes;
    return text_.substr(at_ - bytes, bytes);
  }

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  // Of bytes of a two's complement, as many as it needs.
  static int64_t long_number(std::string_view bytes) {
    if (bytes.size() > sizeof(int64_t)) refuse("is a larger number than any tensor has");
    const bool negative = !bytes.empty() && static_cast<int8_t>(bytes.back()) < 0;
    int64_t value = negative ? -1 : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  std::string line() {
    const size_t end = text_.find('\n', at_);
    if (end == text_.npos) refuse("ends early");
    std::string found(take(end - at_));
    take(1);
    return found;
  }

  std::string global_name() {
    std::string module = line();
    return module.append(".").append(line());
  }

  PickleValue& push(Kind kind) {
    if (pickle_.values.size() == kMostValues) refuse("has more values than any state_dict");
    PickleValue& value = pickle_.values.emplace_back();
    value.kind = kind;
    stack_.push_back(&value);
    return value;
  }

  void push_list(const std::vector<PickleValue*>& items) { push(Kind::kList).items.assign(items.begin(), items.end()); }

  // What stands on the stack above the last mark, or below it where there is none.
  size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }

  PickleValue* top() const {
    if (stack_.size() == bottom()) refuse("takes a value where there is none");
    return stack_.back();
  }

  PickleValue* pop() {
    PickleValue* const value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<PickleValue*> pop_some(size_t count) {
    if (stack_.size() - bottom() < count) refuse("takes a value where there is none");
    std::vector<PickleValue*> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }

  std::vector<PickleValue*> above_mark() {
    if (marks_.empty()) refuse("takes values above a mark where there is none");
    auto values = pop_some(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }

  void append(const std::vector<PickleValue*>& items, Kind kind) {
    PickleValue* const owner = top();
    // Objects of other classes may be filled like lists and dicts; nobody asks what with.
    if (owner->is(Kind::kCall)) return;
    if (!owner->is(kind)) refuse("adds to what is no list and no dict");
    if (kind == Kind::kDict && items.size() % 2 != 0) refuse("adds a key without a value");
    owner->items.insert(owner->items.end(), items.begin(), items.end());
  }

  PickleValue* remembered(uint32_t key) const {
    const auto found = memo_.find(key);
    if (found == memo_.end()) refuse("recalls a value that was never kept");
    return found->second;
  }

  void call(const std::vector<PickleValue*>& function_and_arguments) {
    const auto& function = *function_and_arguments.front();
    const auto& arguments = *function_and_arguments.back();
    const bool is_dict = function.text == "collections.OrderedDict" && arguments.items.empty();
    if (is_dict)
      push(Kind::kDict);
    else
      push(Kind::kCall).items.assign(function_and_arguments.begin(), function_and_arguments.end());
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  Pickle pickle_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleValue*> memo_;
};

}  // namespace

Pickle parse_pickle(std::string_view text) { return PickleReader(text).read(); }

}  // namespace millrace::training::detail
