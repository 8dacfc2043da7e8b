#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

int twice(int x) { return 2 * x; }

TEST(FunctionRef, NamesAFunctionOfTheProgram) {
  const auto ref = identify(twice);
  EXPECT_THAT(ref.build_id, Not(IsEmpty()));
  EXPECT_EQ(ref.module, "") << "the program itself";
  EXPECT_EQ(resolve<int(int)>(ref), &twice);
}

TEST(FunctionRef, NamesALambdaWithoutCaptures) {
  int (*const lambda)(int) = [](int x) { return x + 1; };
  EXPECT_EQ(resolve<int(int)>(identify(lambda))(41), 42);
}

TEST(FunctionRef, NamesAFunctionOfASharedLibrary) {
  void* code = ::dlsym(RTLD_DEFAULT, "lgamma_r");
  if (code == nullptr) code = ::dlsym(RTLD_DEFAULT, "getpid");
  ASSERT_NE(code, nullptr);
  const auto ref = identify_function(code);
  EXPECT_THAT(ref.module, HasSubstr(".so"));
  EXPECT_EQ(resolve_function(ref), code);
}

TEST(FunctionRef, SurvivesTheCodec) {
  const auto ref = identify(twice);
  const auto encoded = encode(ref);
  FunctionRef read;
  DecodeArchive(encoded.bytes, {})(read);
  EXPECT_EQ(resolve<int(int)>(read)(4), 8);
}

TEST(FunctionRef, AnAddressInNoModuleCannotBeNamed) {
  static int data_on_no_page = 0;
  (void)data_on_no_page;
  int on_the_stack = 0;
  EXPECT_THROW(identify_function(&on_the_stack), FunctionError);
  EXPECT_THROW(identify_function(nullptr), FunctionError);
}

TEST(FunctionRef, OfARebuiltModuleIsRefusedByName) {
  auto ref = identify(twice);
  ref.build_id.back() ^= 1;
  ref.module = "/opt/user/libdata.so";
  try {
    resolve_function(ref);
    FAIL();
  } catch (const FunctionError& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("'/opt/user/libdata.so'"), HasSubstr("rebuilt")));
  }
  ref.module = "";
  try {
    resolve_function(ref);
    FAIL();
  } catch (const FunctionError& e) {
    EXPECT_THAT(e.what(), HasSubstr("the program"));
  }
}

TEST(FunctionRef, OfALibraryWithAnotherBuildIdDoesNotLoadIt) {
  auto ref = identify(twice);
  ref.build_id.back() ^= 1;
  ref.module = test::built("tests/libsharing_early_thread.so");
  EXPECT_THROW(resolve_function(ref), FunctionError);
  EXPECT_EQ(::dlopen(ref.module.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr) << "its code has run";
}

TEST(FunctionRef, NamesALibraryByItsAbsolutePathAndLoadsNoOther) {
  const std::string path = test::built("tests/libsharing_relative.so");
  const std::string relative = std::filesystem::relative(path).string();
  void* const library = ::dlopen(("./" + relative).c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  auto ref = identify_function(::dlsym(library, "plugin_entry"));
  EXPECT_EQ(std::filesystem::path(ref.module).lexically_normal(), path);
  ::dlclose(library);
  auto elsewhere = ref;
  elsewhere.module = "./" + relative;
  EXPECT_THROW(resolve_function(elsewhere), FunctionError);
  EXPECT_NO_THROW(resolve_function(ref));
  // What that loaded stays loaded; here it goes, or the test repeated would find it under any name.
  void* const loaded = ::dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(loaded, nullptr);
  ::dlclose(loaded);
  ::dlclose(loaded);
}

TEST(FunctionRef, WithoutABuildIdOrOutsideItsModuleIsRefused) {
  EXPECT_THROW(resolve_function({}), FunctionError);
  auto ref = identify(twice);
  ref.offset = uint64_t{1} << 40;
  EXPECT_THROW(resolve_function(ref), FunctionError);
}

class LibraryLoadedLater : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, LibraryLoadedLater, test::every_start_method(), test::start_method_name);

TEST_P(LibraryLoadedLater, RunsInTheChild) {
  void* library = ::dlopen(test::built("tests/libsharing_plugin.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto entry = reinterpret_cast<ChildEntry>(::dlsym(library, "plugin_entry"));
  ASSERT_NE(entry, nullptr);
  auto child = start_child(GetParam(), {entry, {}, {}, "plugin"});
  EXPECT_EQ(child.wait(test::kLong).value().code(), 77);
}

}  // namespace
}  // namespace millrace
