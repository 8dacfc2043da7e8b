#include "millrace/loader/images/datasets/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::detail {
namespace {

using Rows = std::vector<std::vector<std::string>>;
using millrace::test::error_of;

Rows rows_of(std::string_view text) {
  CsvReader reader("x.csv", text);
  Rows rows;
  for (std::vector<CsvField> fields; reader.next(fields);) {
    auto& row = rows.emplace_back();
    for (const auto& field : fields) row.push_back(field.text);
  }
  return rows;
}

TEST(CsvReader, ReadsWhatPythonWrites) {
  std::ifstream file(test::data("manifests/quoted.csv"), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(rows_of(text), (Rows{{"path", "label"}, {"a, b.jpg", "the \"cat\""}, {"c\nd.jpg", "größe"}, {"", ","}}));
}

TEST(CsvReader, TakesAnyLineEndAndNoneAtTheEnd) {
  const Rows expected{{"a", "b"}, {"c", ""}};
  EXPECT_EQ(rows_of("a,b\nc,\n"), expected);
  EXPECT_EQ(rows_of("a,b\r\nc,"), expected);
  EXPECT_EQ(rows_of("\xEF\xBB\xBF\n\r\na,b\n\nc,\"\""), expected);
  EXPECT_EQ(rows_of(""), Rows{});
  EXPECT_EQ(rows_of("\"\""), Rows{{""}});
}

TEST(CsvReader, LinesMayEndWithCrAlone) {
  EXPECT_EQ(rows_of("a,b\rc,\"d\re\"\r\rf,g"), (Rows{{"a", "b"}, {"c", "d\re"}, {"f", "g"}}));
  EXPECT_EQ(error_of([] { rows_of("a,b\rc,d\"\r"); }).substr(0, 10), "x.csv:2:4:");
}

TEST(CsvReader, TakesTheSeparatorThatTheFirstLineHasMostOf) {
  const Rows expected{{"a", "b", "c, d"}, {"1", "2,5", ""}};
  EXPECT_EQ(rows_of("a;b;c, d\n1;2,5;\n"), expected);
  EXPECT_EQ(rows_of("\xEF\xBB\xBF\na\tb\tc, d\n1\t2,5\t"), expected);
  EXPECT_EQ(rows_of("a|b|\"c, d\"\r\n1|\"2,5\"|\r\n"), expected);
  EXPECT_EQ(rows_of("a,\"b;;;c\"\n1,2;3"), (Rows{{"a", "b;;;c"}, {"1", "2;3"}}));
}

TEST(CsvReader, SaysWhereFieldsBegin) {
  CsvReader reader("x.csv", "\"a\nb\",\"c\nd\",e\nf,g");
  std::vector<CsvField> fields;
  ASSERT_TRUE(reader.next(fields));
  const auto place = [&](size_t i) { return std::pair(fields[i].line, fields[i].column); };
  EXPECT_EQ(place(0), (std::pair<size_t, size_t>(1, 1)));
  EXPECT_EQ(place(1), (std::pair<size_t, size_t>(2, 4)));
  EXPECT_EQ(place(2), (std::pair<size_t, size_t>(3, 4)));
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(place(1), (std::pair<size_t, size_t>(4, 3)));
}

TEST(CsvReader, RefusesQuotesInTheWrongPlaces) {
  EXPECT_EQ(error_of([] { rows_of("a\nb,c\"d\""); }),
            "x.csv:2:4: a quote inside a field: put the whole field in quotes, and double those in it");
  EXPECT_EQ(error_of([] { rows_of("a,\"b\n\nc"); }), "x.csv:1:3: a quoted field without an end: close its quotes");
  EXPECT_EQ(error_of([] { rows_of("\"a\nb\"c"); }),
            "x.csv:2:3: text behind a quoted field: put a comma, or double the quotes inside the field");
}

// What is written by the four lines of RFC 4180 that matter comes back.
TEST(CsvReader, GivesBackRandomFields) {
  auto random = test::seeded_generator();
  const auto pick = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  for (int round = 0; round < 200; ++round) {
    Rows rows(1 + pick(4));
    std::string text;
    const size_t width = 1 + pick(4);
    for (auto& row : rows) {
      for (size_t i = 0; i < width; ++i) {
        std::string& field = row.emplace_back();
        for (size_t n = pick(6); n > 0; --n) field += "ab,\"\n\r "[pick(7)];
        std::string quoted = "\"";
        for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
        text += (i > 0 ? "," : "") + quoted + "\"";
      }
      text += pick(2) == 0 ? "\n" : "\r\n";
    }
    EXPECT_EQ(rows_of(text), rows) << text;
  }
}

}  // namespace
}  // namespace millrace::detail
