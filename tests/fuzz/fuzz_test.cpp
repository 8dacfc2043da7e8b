// Every parser of what others wrote, with files that were right and then were changed at random: it gives a value or
// throws a std::exception with a message that may be printed, in little time and memory.
//
// MILLRACE_FUZZ_SEED repeats a run, MILLRACE_FUZZ_INPUTS says how many inputs each parser gets, MILLRACE_FUZZ_SECONDS
// how long it gets more. An input that goes wrong is printed as a C string, with the seed that makes it again.
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "millrace/configs/document.h"
#include "millrace/configs/overrides.h"
#include "millrace/configs/references.h"
#include "millrace/loader/collation/packed.h"
#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/datasets/tar_sums.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/loader/images/datasets/manifest_columns.h"
#include "millrace/loader/images/datasets/mnist.h"
#include "millrace/loader/state.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/training/weights/pickle.h"
#include "millrace/training/weights/weights.h"

namespace millrace::fuzz_test {
namespace {

uint64_t number_from(const char* variable, uint64_t fallback) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): before any thread.
  return text ? std::stoull(text) : fallback;
}

uint64_t first_seed() {
  // Every run of the suite is the same; the long ones look elsewhere each time.
  const bool is_long = number_from("MILLRACE_FUZZ_SECONDS", 0) > 0;
  static const uint64_t seed = number_from("MILLRACE_FUZZ_SEED", is_long ? std::random_device{}() : 1);
  return seed;
}

// Changes right inputs at random. The same seed makes the same input.
class Mutator {
 public:
  Mutator(const std::vector<std::string>& right, const std::vector<std::string>& words, uint64_t seed)
      : right_(right), words_(words), random_(seed) {}

  std::string input() {
    std::string text = right_[below(right_.size())];
    for (size_t changes = 1 + below(6); changes > 0; --changes) change(text);
    return text;
  }

 private:
  size_t below(size_t end) { return end == 0 ? 0 : static_cast<size_t>(random_() % end); }

  std::string piece_of(const std::string& text) {
    const size_t first = below(text.size());
    return text.substr(first, 1 + below(std::min<size_t>(text.size() - first, 64)));
  }

  void change(std::string& text) {
    static constexpr char kTelling[] = {0,    1,    0x7F,   -128, -1,  '0', '9', '-', '"',
                                        '\n', '\r', '\x1b', ' ',  ',', ':', '{', '['};
    const size_t at = below(text.size() + 1);
    switch (below(10)) {
      case 0:
        if (!text.empty()) text[below(text.size())] ^= static_cast<char>(1U << below(8));
        break;
      case 1:
        if (!text.empty()) text[below(text.size())] = kTelling[below(sizeof kTelling)];
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 3:
        text.erase(at, 1 + below(32));
        break;
      case 4:
        text.resize(below(text.size() + 1));
        break;
      case 5:
        text.insert(at, piece_of(text));
        break;
      case 6:
        text.insert(at, piece_of(right_[below(right_.size())]));
        break;
      case 7:  // Nested, or long.
        repeat_into(text, at, piece_of(text), 1 + below(3000));
        break;
      case 8:
        if (!words_.empty()) text.insert(at, words_[below(words_.size())]);
        break;
      case 9:
        if (!words_.empty()) repeat_into(text, at, words_[below(words_.size())], 1 + below(100'000));
        break;
    }
  }

  static void repeat_into(std::string& text, size_t at, const std::string& piece, size_t times) {
    constexpr size_t kLongest = 300'000;
    std::string all;
    while (times-- > 0 && all.size() < kLongest) all += piece;
    text.insert(at, all);
  }

  const std::vector<std::string>& right_;
  const std::vector<std::string>& words_;
  std::mt19937_64 random_;
};

std::string as_c_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text.substr(0, 2000)) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(static_cast<uint8_t>(c)));
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    quoted += plain ? std::string(1, c) : std::string(octal);
  }
  return quoted + (text.size() > 2000 ? "\" and more" : "\"");
}

// What is being parsed, for who ends the program.
char current[128];

void say_what_was_parsed(int signal) {
  const auto written = ::write(STDERR_FILENO, current, std::string_view(current).size());
  ::signal(signal, SIG_DFL);
  ::raise(written < 0 ? SIGKILL : signal);
}

struct Parser {
  std::vector<std::string> right;
  std::vector<std::string> words;
  std::function<void(const std::string&)> parse;
};

class Fuzz : public testing::Test {
 protected:
  void SetUp() override {
    for (const int signal : {SIGALRM, SIGSEGV, SIGABRT, SIGBUS}) ::signal(signal, say_what_was_parsed);
  }
  void TearDown() override { ::alarm(0); }

  // The right ones are taken, and of the changed ones none does harm.
  void run(const char* name, const Parser& parser) {
    for (const auto& right : parser.right) EXPECT_NO_THROW(parser.parse(right)) << as_c_string(right);
    const uint64_t inputs = number_from("MILLRACE_FUZZ_INPUTS", 1000);
    std::printf("%s: MILLRACE_FUZZ_SEED=%llu, %llu inputs\n", name, static_cast<unsigned long long>(first_seed()),
                static_cast<unsigned long long>(inputs));
    const Deadline end(std::chrono::seconds(number_from("MILLRACE_FUZZ_SECONDS", 0)));
    for (uint64_t i = 0; (i < inputs || !end.passed()) && !HasFailure(); ++i) {
      // The seed of the first one is printed, so that a run of one input repeats it.
      const uint64_t seed = first_seed() + i;
      std::snprintf(current, sizeof current, "\n%s does not end well: MILLRACE_FUZZ_SEED=%llu MILLRACE_FUZZ_INPUTS=1\n",
                    name, static_cast<unsigned long long>(seed));
      const auto input = Mutator(parser.right, parser.words, seed).input();
      ::alarm(60);  // Thousands of times what the longest takes.
      judge(parser, input, seed);
    }
  }

  test::Directory folder;

 private:
  static void judge(const Parser& parser, const std::string& input, uint64_t seed) {
    const auto context = [&] { return " of seed " + std::to_string(seed) + ": " + as_c_string(input); };
    try {
      parser.parse(input);
    } catch (const std::bad_alloc&) {
      ADD_FAILURE() << "asked for more memory than there is, instead of refusing the input" << context();
    } catch (const std::length_error& e) {
      ADD_FAILURE() << "asked for memory without a limit: " << e.what() << context();
    } catch (const std::exception& e) {
      const std::string_view what = e.what();
      EXPECT_LT(what.size(), 10'000U) << context();
      EXPECT_EQ(what, printable_lines(what)) << context();
    }
  }
};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

const std::vector<std::string> kYamlWords{
    "[",    "{", "- ", "? ",    ": ",   ", ",    "&a ", "*a", "!!x ", "---\n", "...\n", "${",         "}",
    "${a}", "'", "\"", "|\n  ", "<<: ", "%TAG ", "\t",  "# ", "\\x",  "~",     "1e99",  "${env:HOME}"};
const std::vector<std::string> kYaml{
    "dataset: {type: image_folder, root: photos}\nloader:\n  batch_size: 64\n  seed: ${dataset.root}\n",
    "a: &x [1, 2.5, 'text', \"q\\tq\", ~]\nb: *x\nc: ${a}\nd: x${a.0}y${env:HOME,none}\n",
    "- one\n- {two: [3, {four: 5}]}\n- |\n  lines\n  of text\n- >-\n  folded\n",
    "---\n# comment\nkey: value # another\n? complex\n: yes\n...\n"};

TEST_F(Fuzz, Yaml) {
  run("YAML", {kYaml, kYamlWords, [](const std::string& text) {
                 auto root = configs::parse(text, "fuzz.yaml");
                 configs::resolve_references(root);
                 EXPECT_LT(configs::to_yaml(root).size(), 50'000'000U);
               }});
}

TEST_F(Fuzz, Overrides) {
  run("overrides", {{"loader.seed=2", "list.0.a=[1, 2]", "new.deep.key={a: b}", "a=${loader.seed}"},
                    kYamlWords,
                    [](const std::string& argument) {
                      auto root = configs::parse("loader: {seed: 1}\nlist: [{a: 1}, 2]\n", "fuzz.yaml");
                      configs::apply_override(root, argument);
                      configs::resolve_references(root);
                    }});
}

TEST_F(Fuzz, ManifestOfCommaSeparatedValues) {
  const auto file = folder.path() + "/m.csv";
  run("CSV manifest",
      {{"path,label,boxes\na.jpg,1,\"[[1, 2, 3, 4]]\"\nb.jpg,2,\n", "path,label,boxes\r\n\"a,b\",cat,[]\r\n"},
       {",", "\"", "\n", "\r\n", "[", "]", "18446744073709551615", "-", "1e400", "\xEF\xBB\xBF"},
       [&](const std::string& text) {
         write(file, text);
         detail::read_manifest(file, {.boxes = "boxes"});
       }});
}

TEST_F(Fuzz, ManifestOfJsonLines) {
  const auto file = folder.path() + "/m.jsonl";
  run("JSON manifest",
      {{"{\"path\": \"a.jpg\", \"label\": 1, \"boxes\": [[1, 2, 3, 4]]}\n{\"path\": \"b\", \"label\": 2, \"boxes\": "
        "[]}\n"},
       {"[", "{\"a\":", "]", "}", "\"", "\\u0000", "18446744073709551615", "-", "1e400", "null", "true", ","},
       [&](const std::string& text) {
         write(file, text);
         detail::read_manifest(file, {.boxes = "boxes"});
       }});
}

TEST_F(Fuzz, ManifestWithoutAHeader) {
  const auto file = folder.path() + "/m.txt";
  const std::vector<std::string> words = {" ", "\t",    "\n",          "\r\n", "18446744073709551615",
                                          "-", "1e400", "\xEF\xBB\xBF"};
  run("list of classes",
      {{"a.jpg 1\nb c.jpg 2\n", "a.jpg\tcat\r\n\r\nb c.jpg\tdog"}, words, [&](const std::string& text) {
         write(file, text);
         detail::read_manifest(file, {});
       }});
  run("list of numbers", {{"a.jpg 1.5\nb c.jpg -2e3\n"}, words, [&](const std::string& text) {
                            write(file, text);
                            detail::read_manifest(file, {.label_type = LabelType::kNumber});
                          }});
}

TEST_F(Fuzz, TarAndItsIndex) {
  const auto tar = folder.path() + "/x.tar";
  std::vector<std::string> tars;
  for (const auto& entry : std::filesystem::directory_iterator(test::data("shards")))
    if (entry.path().extension() == ".tar" && entry.file_size() < 50'000) tars.push_back(text_of(entry.path()));
  std::erase_if(tars, [&](const std::string& text) {
    write(tar, text);
    try {
      scan_tar(tar);
      return false;
    } catch (const TarError&) {
      return true;
    }
  });
  ASSERT_FALSE(tars.empty());
  const std::vector<std::string> words{"ustar",
                                       "77777777777",
                                       "\x80\xff\xff\xff\xff\xff\xff\xff",
                                       "9 path=",
                                       "size=99999999999999\n",
                                       std::string(512, '\0'),
                                       "././@LongLink",
                                       "../",
                                       "/"};
  run("tar", {tars, words, [&](const std::string& text) {
                write(tar, text);
                scan_tar(tar);
              }});
  write(tar, tars[0]);
  const TarContents contents = scan_tar(tar);
  const OwnedFd file = open_tar(tar);
  save_tar_index(tar, file.get(), {contents, sum_tar(file.get(), tar, contents), 1});
  const auto index = tar_index_path(tar);
  run("tar index", {{text_of(index)}, words, [&](const std::string& text) {
                      write(index, text);
                      load_tar_index(tar);
                    }});
}

TEST_F(Fuzz, NumpyArrays) {
  const auto file = folder.path() + "/x.npy";
  const auto array = [](const std::string& header, size_t bytes) {
    std::string padded = header + std::string(63 - (header.size() + 10) % 64, ' ') + "\n";
    std::string text = std::string("\x93NUMPY\x01\x00", 8);
    text += static_cast<char>(padded.size() & 255);
    text += static_cast<char>(padded.size() >> 8);
    return text + padded + std::string(bytes, 'x');
  };
  run(".npy", {{array("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 24),
                array("{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", 5)},
               {"(", ")", ",", "'", "18446744073709551615", "9223372036854775807", "-1", "<c16", "|O", "True", "0,",
                "4294967296, "},
               [&](const std::string& text) {
                 write(file, text);
                 const NpyArray read(file);
               }});
}

TEST_F(Fuzz, WeightsOfModels) {
  const auto file = folder.path() + "/x.safetensors", torchs = folder.path() + "/x.pt";
  const training::NamedTensors weights = {{"a.weight", at::ones({2, 3})}, {"a.bias", at::ones({3})}};
  training::save_weights(file, weights);
  training::save_weights(torchs, weights);
  const auto parse = [](const auto& path) {
    return [&path](const std::string& text) {
      write(path, text);
      for (const auto& [name, tensor] : training::load_weights(path)) tensor.clone();
    };
  };
  run(".safetensors", {{text_of(file)},
                       {"[", "{", "]", "}", "\"", ",", "18446744073709551615", "-1", "1e400", "\"F64\"", "null",
                        "\xff\xff\xff\xff", "__metadata__", "\"data_offsets\":[0,24]"},
                       parse(file)});
  run(".pt",
      {{text_of(torchs)},
       {"PK\x03\x04", "PK\x01\x02", "\xff\xff\xff\xff", std::string(8, '\0'), "archive/data/0", "archive/data.pkl"},
       parse(torchs)});
}

// A changed pickle in an archive whose checksums are right.
TEST_F(Fuzz, PicklesOfWeights) {
  constexpr char kRight[] =
      "\x80\x02}q\x00X\x01\x00\x00\x00"
      "aq\x01"
      "ctorch._utils\n_rebuild_tensor_v2\nK\x01M\x02\x01\x86R"
      "s(K\x01Nu]N\x88\x89\x87(N\x8a\x01\xff"
      "e}b.";
  run("pickle", {{std::string(kRight, sizeof kRight - 1)},
                 {"(", "t", "u", "R", "Q", "q", "h", "\x8a\xff", "X\xff\xff\xff\xff", "}", "]", "s", "b", "N", "."},
                 [](const std::string& text) { training::detail::parse_pickle(text); }});
}

TEST_F(Fuzz, IdxFiles) {
  const auto big_endian = [](std::vector<uint32_t> numbers) {
    std::string text;
    for (const uint32_t n : numbers)
      for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(n >> static_cast<unsigned>(shift));
    return text;
  };
  const auto images = big_endian({0x803, 2, 28, 28}) + std::string(2 * 28 * 28, 'x');
  const auto labels = big_endian({0x801, 2}) + std::string({'\x01', '\x02'});
  const std::vector<std::string> words{"\xff\xff\xff\xff", "\x7f\xff\xff\xff", std::string("\0\0\0\0", 4), "\x1f\x8b"};
  const auto root = folder.path() + "/MNIST/raw";
  const auto open = [&] { MNIST(folder.path()); };
  folder.write("MNIST/raw/train-labels-idx1-ubyte", labels);
  run(".idx pictures", {{images}, words, [&](const std::string& text) {
                          write(root + "/train-images-idx3-ubyte", text);
                          open();
                        }});
  folder.write("MNIST/raw/train-images-idx3-ubyte", images);
  run(".idx labels", {{labels}, words, [&](const std::string& text) {
                        write(root + "/train-labels-idx1-ubyte", text);
                        open();
                      }});
}

TEST_F(Fuzz, StatesOfLoaders) {
  LoaderState state;
  state.samples = 100;
  state.fields = "image uint8[3, 4, 4]";
  state.sampler.generator = {1, 2, 3};
  state.ahead = {1, 2};
  run("state", {{to_string(LoaderState()), to_string(state)},
                {"[", "{\"a\":", "]", "}", "\"", "18446744073709551616", "-1", "1e400", "null", "0z"},
                [](const std::string& text) { loader_state_from_string(text); }});
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const std::vector<std::string> kLengths{std::string(8, '\xff'), std::string("\xff\xff\xff\x7f\0\0\0\0", 8),
                                        std::string("\0\0\0\0\1\0\0\0", 8), std::string(8, '\0')};

TEST_F(Fuzz, Codec) {
  using Value = std::tuple<std::string, std::vector<std::vector<int64_t>>, std::map<std::string, std::optional<double>>,
                           std::vector<bool>, std::shared_ptr<std::string>>;
  const Value value{
      "text", {{1, 2}, {}, {3}}, {{"a", 1.5}, {"b", std::nullopt}}, {true, false}, std::make_shared<std::string>("x")};
  run("codec", {{text_of(encode(value).bytes)}, kLengths, [](const std::string& text) {
                  Value read;
                  DecodeArchive archive(std::as_bytes(std::span(text)), {});
                  archive(read);
                }});
}

std::shared_ptr<std::byte> aligned(size_t bytes) {
  void* const memory = std::aligned_alloc(64, (bytes / 64 + 1) * 64);
  if (memory == nullptr) throw std::bad_alloc();
  return {static_cast<std::byte*>(memory), std::free};
}

TEST_F(Fuzz, PackedBatches) {
  PackedBatch batch;
  batch.samples = 3;
  pack_value(batch, std::vector<at::Tensor>{at::ones({2, 3}), at::ones({4}, at::kByte)});
  const PackedLayout layout(batch);
  const auto memory = aligned(layout.bytes());
  layout.write({memory.get(), layout.bytes()});
  const std::string right(reinterpret_cast<const char*>(memory.get()), layout.bytes());
  run("packed batch", {{right}, kLengths, [](const std::string& text) {
                         const auto copy = aligned(text.size());
                         std::copy(text.begin(), text.end(), reinterpret_cast<char*>(copy.get()));
                         auto read = read_packed({copy.get(), text.size()}, copy);
                         unpack_value<std::vector<at::Tensor>>(std::move(read));
                       }});
}

}  // namespace
}  // namespace millrace::fuzz_test
