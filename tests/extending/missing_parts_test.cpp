// The parts of random_threshold.h, left out one by one: the compiler says which one is missing.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::missing_parts_test {
namespace {

struct Compiled {
  bool passed;
  std::string output;
};

/// Of a header with a transform, checked as a step of a chain and a row of a table check it.
Compiled compile(const std::string& header) {
  const char* const compiler = std::getenv("CXX");
  if (!compiler) throw std::runtime_error("CXX must name the compiler");
  const test::Directory directory;
  directory.write("random_threshold.h", header);
  directory.write("check.cpp",
                  "#include \"random_threshold.h\"\n"
                  "static_assert(millrace::transforms::require_transform<millrace::test::RandomThreshold>());\n");
  const std::string command = std::string("LC_ALL=C '") + compiler + "' -std=c++20 -fsyntax-only -I '" +
                              test::built("include") + "' '" + directory.path() + "/check.cpp' 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("no shell can be started");
  std::string output;
  for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) output.push_back(static_cast<char>(byte));
  return {::pclose(pipe) == 0, output};
}

std::string whole_header() {
  std::ifstream file(test::source("tests/extending/random_threshold.h"));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The header with what stands from `first` to the end of `last` replaced.
std::string with(const std::string& first, const std::string& last, const std::string& replacement) {
  std::string text = whole_header();
  const size_t from = text.find(first);
  const size_t to = from == std::string::npos ? from : text.find(last, from);
  if (to == std::string::npos) throw std::runtime_error("random_threshold.h has no " + first + last);
  return text.replace(from, to + last.size() - from, replacement);
}

TEST(MissingParts, OfNoneTheHeaderCompiles) {
  const Compiled compiled = compile(whole_header());
  EXPECT_TRUE(compiled.passed) << compiled.output;
}

struct Part {
  const char* name;
  std::string header;
  const char* message;
};

TEST(MissingParts, AreNamedByTheCompiler) {
  const Part parts[] = {
      {"its name", with("  static constexpr std::string_view kName", ";\n", ""), "no kName"},
      {"its line in the page", with("  static constexpr std::string_view kAbout", ";\n", ""), "no kAbout"},
      {"its fields", with("  static constexpr auto fields()", "  }\n", ""), "no fields()"},
      {"one of its fields", with(".shown(),\n", "&RandomThreshold::p)", ""), "2 elements"},
      {"one field for another",
       with("transforms::probability", "::p)", "transforms::field(\"p\", &RandomThreshold::threshold)"),
       "lists a key or a member twice"},
      {"one key for two, of which one is in a list of its own",
       with(
           "struct RandomThreshold", "  static constexpr auto fields() {\n    return transforms::list(",
           "struct Chance {\n"
           "  double p = 1;\n"
           "  static constexpr auto fields() { return transforms::list(transforms::probability(&Chance::p)); }\n"
           "  bool operator==(const Chance&) const = default;\n"
           "};\n"
           "struct RandomThreshold : transforms::KeepsShape {\n"
           "  int threshold = 128;\n"
           "  Chance chance;\n"
           "  double p = 0.5;\n"
           "  static constexpr std::string_view kName = \"RandomThreshold\";\n"
           "  static constexpr std::string_view kAbout = \"black and white\";\n"
           "  static constexpr auto fields() {\n"
           "    return transforms::list(transforms::field<transforms::forms::Nested>(\"\", &RandomThreshold::chance),\n"
           "                            "),
       "lists a key or a member twice"},
      {"a number for its bounds",
       with("transforms::field(", "::threshold)",
            "transforms::field<transforms::forms::Hidden>(\"\", &RandomThreshold::threshold)"),
       "within() bounds one number"},
      {"its default constructor", with("  RandomThreshold() =", ";\n", ""), "no default constructor"},
      {"its checks", with("  void check()", "\n  }\n", "  static void check(int);\n"), "no check()"},
      {"its shape", with(" : transforms::", "KeepsShape", ""), "no shape"},
      {"a base for what it does", with(" : transforms::", "KeepsShape", " : transforms::MakesFloats"), "go together"},
      {"what it does", with("  void apply(", "\n  }\n", ""), "no apply()"},
      {"whether it moves numbers",
       with("  void apply(", "\n  }\n", "  void apply(transforms::MovedPicture&, SampleRng&) const {}\n"),
       "no moves_numbers()"},
      {"its comparison", with("  bool operator==", ";\n", ""), "no operator=="},
  };
  for (const Part& part : parts) {
    const Compiled compiled = compile(part.header);
    EXPECT_FALSE(compiled.passed) << part.name;
    EXPECT_NE(compiled.output.find(part.message), std::string::npos) << part.name << ":\n" << compiled.output;
    EXPECT_NE(compiled.output.find("RandomThreshold"), std::string::npos) << part.name << ":\n" << compiled.output;
  }
}

}  // namespace
}  // namespace millrace::missing_parts_test
