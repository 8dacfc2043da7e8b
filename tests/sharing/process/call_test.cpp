#include "millrace/sharing/process/call.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

// Runs a call here that was packed here, as another process would.
template <class R, class... Arguments>
R round_trip(auto target, Arguments&&... arguments) {
  auto call = pack_call(target, std::forward<Arguments>(arguments)...);
  DecodeArchive archive(call.arguments.bytes, call.arguments.fds);
  auto result = run_call(call.target, archive);
  EXPECT_EQ(archive.remaining(), 0u);
  R value{};
  DecodeArchive(result.bytes, result.fds)(value);
  return value;
}

struct Point {
  int x = 0;
  int y = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(x, y);
  }
};

// Counts its copies, and lets one see that it was consumed.
struct Token {
  Token() = default;
  explicit Token(int n) : value(std::make_unique<int>(n)) {}
  std::unique_ptr<int> value;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
  }
};

int add(int x, int y) { return x + y; }
int add_noexcept(int x, int y) noexcept { return x + y; }
int length(const std::string& text) { return static_cast<int>(text.size()); }
int take(Token token) { return *token.value; }
int take_rvalue(Token&& token) { return *token.value; }
int increment(int& n) { return ++n; }

TEST(Call, FunctionPointersAndLambdasWithoutCapturesNeedNoRegistration) {
  EXPECT_EQ(round_trip<int>(add, 1, 2), 3);
  EXPECT_EQ(round_trip<int>(&add, 1, 2), 3);
  EXPECT_EQ(round_trip<int>(add_noexcept, 1, 2), 3);
  EXPECT_EQ(round_trip<int>([](int x, int y) { return x * y; }, 3, 4), 12);
}

TEST(Call, ArgumentsConvertToTheParametersTypes) {
  EXPECT_EQ(round_trip<int>(add, 1.9, 'a'), 98);
  EXPECT_EQ(round_trip<int>(length, "seven.."), 7);
}

TEST(Call, ContainersAndTypesWithSerializeTravel) {
  const auto sum = [](std::vector<std::map<std::string, Point>> points) { return points.at(1).at("b").y; };
  std::vector<std::map<std::string, Point>> points(2);
  points[1]["b"] = {3, 4};
  EXPECT_EQ(round_trip<int>(sum, points), 4);
  EXPECT_EQ(round_trip<Point>([](Point p) { return Point{p.y, p.x}; }, Point{1, 2}).x, 2);
}

TEST(Call, StdRefStandsForItsObject) {
  const std::string text = "five.";
  EXPECT_EQ(round_trip<int>(length, std::ref(text)), 5);
}

TEST(Call, ReferenceParametersGetAnObjectOfTheirOwn) {
  int here = 1;
  EXPECT_EQ(round_trip<int>(increment, here), 2);
  EXPECT_EQ(here, 1);
}

TEST(Call, ValuesThatOnlyMoveArePassedByMoving) {
  EXPECT_EQ(round_trip<int>(take, Token(5)), 5);
  EXPECT_EQ(round_trip<int>(take_rvalue, Token(6)), 6);
}

TEST(Call, AnRvalueIsConsumed) {
  Token token(1);
  round_trip<int>(take, std::move(token));
  EXPECT_EQ(token.value, nullptr);
  Token kept(1);
  round_trip<int>(take, kept);
  EXPECT_NE(kept.value, nullptr);
}

TEST(Call, DescriptorsTravelBesideTheBytes) {
  const auto same_file = [](OwnedFd a, OwnedFd b) { return test::inode_of(a.get()) == test::inode_of(b.get()); };
  const OwnedFd file(::dup(0));
  EXPECT_TRUE(round_trip<bool>(same_file, file, OwnedFd(::dup(0))));
}

TEST(Call, ResultOfTypeVoidIsNothing) {
  auto call = pack_call([] {});
  DecodeArchive archive(call.arguments.bytes, call.arguments.fds);
  EXPECT_TRUE(run_call(call.target, archive).bytes.empty());
}

TEST(Call, DroppedResultsMayBeOfAnyType) {
  auto call = pack_call<ResultUse::kDrop>([](int x) -> void* { return x ? nullptr : nullptr; }, 1);
  DecodeArchive archive(call.arguments.bytes, call.arguments.fds);
  EXPECT_TRUE(run_call(call.target, archive).bytes.empty());
}

TEST(Call, WhatTheTargetThrowsPassesThrough) {
  auto call = pack_call([](int n) -> int { throw std::out_of_range(std::to_string(n)); }, 7);
  DecodeArchive archive(call.arguments.bytes, call.arguments.fds);
  EXPECT_THROW(run_call(call.target, archive), std::out_of_range);
}

TEST(Call, ArgumentsCutShortAreRefused) {
  auto call = pack_call(add, 1, 2);
  call.arguments.bytes.pop_back();
  DecodeArchive archive(call.arguments.bytes, call.arguments.fds);
  EXPECT_THROW(run_call(call.target, archive), DecodeError);
}

TEST(Call, OneObjectBehindTwoSharedPointersStaysOne) {
  const auto same = [](std::vector<std::shared_ptr<int>> a, std::shared_ptr<int> b) { return a.at(0) == b && *b == 4; };
  const auto number = std::make_shared<int>(4);
  EXPECT_TRUE(round_trip<bool>(same, std::vector{number}, number));
}

}  // namespace
}  // namespace millrace
