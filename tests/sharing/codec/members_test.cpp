// Members that a serialize forgets, and types that the codec does not know.
#include "millrace/sharing/codec/members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <any>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/encodable.h"

namespace millrace::members_test {
namespace {

struct Tag {};
struct One {
  int a = 0;
};
struct Various {
  int elements[3] = {};
  std::optional<int> maybe;
  std::any anything;
  std::function<void()> function;
  std::unique_ptr<int> owned;
  std::map<int, One> map;
  const double constant = 1;
  mutable std::mutex mutex;
};
struct AnyFirst {
  std::any anything;
  int a = 0;
};
struct Tagged : Tag {
  int a = 0;
};
struct TaggedOne : One, Tag {
  int b = 0;
  bool c = false;
};
struct Many {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r;
};

TEST(Members, OfAnAggregateAreCounted) {
  static_assert(detail::kMembers<Tag> == 0);
  static_assert(detail::kMembers<One> == 1);
  static_assert(detail::kMembers<Various> == 8);
  static_assert(detail::kMembers<AnyFirst> == 2);
  static_assert(detail::kMembers<Tagged> == 1);
  static_assert(detail::kMembers<TaggedOne> == 2);
  static_assert(detail::kMembers<Many> == detail::kMostCountedMembers);
}

struct Forgetful {
  std::vector<int> numbers = {1, 2, 3};
  int forgotten = 49;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers);
  }
};

struct Thorough {
  std::vector<std::string> words = {"a"};
  One one;
  int number = 49;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(words, one.a);
    archive& cereal::make_nvp("number", number);
  }
};

struct Derived : Thorough {
  double more = 1;

  template <class Archive>
  void serialize(Archive& archive) {
    Thorough::serialize(archive);
    archive(more);
  }
};

struct Cached {
  int number = 49;
  int cache = 7;

  template <class Archive>
  void save(Archive& archive) const {
    archive(number);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(number);
  }
};

template <class... T>
std::string forgotten_in(const T&... values) {
  EncodeArchive archive;
  archive.require_all_members();
  try {
    archive(values...);
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "";
}

TEST(MembersThatASerializeForgets, AreAnErrorThatNamesIt) {
  EXPECT_THAT(forgotten_in(Forgetful()), ::testing::HasSubstr("Forgetful visits 1 of its 2 members"));
}

TEST(MembersThatASerializeForgets, AreFoundInsideOtherValues) {
  EXPECT_THAT(forgotten_in(1, std::map<std::string, std::vector<Forgetful>>{{"a", {Forgetful()}}}),
              ::testing::HasSubstr("Forgetful visits 1 of its 2 members"));
  EXPECT_NE(forgotten_in(std::make_shared<Forgetful>()), "");
}

TEST(MembersThatASerializeForgets, AreOfNoConcernWhereNobodyAsked) { EXPECT_NO_THROW(encode(Forgetful())); }

TEST(MembersThatASerializeForgets, AreNoneWhereItVisitsAll) {
  EXPECT_EQ(forgotten_in(Thorough(), Derived(), std::vector<Thorough>(3)), "");
}

TEST(MembersThatASerializeForgets, MayBeLeftOutBySaveAndLoad) { EXPECT_EQ(forgotten_in(Cached()), ""); }

TEST(TheCodec, KnowsWhatStandardTypesHold) {
  static_assert(detail::kIsEncodable<std::map<std::string, std::vector<std::pair<int, Thorough>>>>);
  static_assert(detail::kIsEncodable<std::unique_ptr<Cached>>);
  static_assert(!detail::kIsEncodable<One>);
  static_assert(!detail::kIsEncodable<std::vector<One>>);
  static_assert(!detail::kIsEncodable<std::map<std::string, std::optional<One>>>);
  static_assert(!detail::kIsEncodable<std::vector<const char*>>);
}

}  // namespace
}  // namespace millrace::members_test
