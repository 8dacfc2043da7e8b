#include "millrace/configs/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/overrides.h"
#include "millrace/configs/references.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::configs {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

Node document(const std::string& text, const std::vector<std::string>& overrides = {}) {
  Value root = parse(text, "photos.yaml");
  for (const auto& argument : overrides) apply_override(root, argument);
  resolve_references(root);
  return Node(std::move(root));
}

template <class Call>
std::string error_of(Call&& call) {
  return test::error_of<ConfigError>(std::forward<Call>(call));
}

TEST(Document, KnowsWhereEveryValueWasWritten) {
  const auto run = document("dataset:\n  root: photos\nsizes: [1, 22]\n");
  EXPECT_EQ(to_string(run["dataset"]["root"].value().origin), "photos.yaml:2:9");
  EXPECT_EQ(to_string(run["sizes"].elements()[1].value().origin), "photos.yaml:3:12");
  EXPECT_EQ(run["sizes"].elements()[1].path(), "sizes.1");
}

TEST(Document, GivesTheParentOfAPart) {
  const auto run = document("test: {loader: {batch_size: 4}, list: [{a: 1}]}");
  EXPECT_EQ(run["test"]["loader"].parent().path(), "test");
  EXPECT_EQ(run["test"]["list"].elements()[0]["a"].parent().path(), "test.list.0");
  EXPECT_EQ(run["test"].parent().path(), "");
}

TEST(Document, OutlivesTheNodeItCameFrom) {
  const auto part = document("a: {b: c}")["a"]["b"];
  EXPECT_EQ(read<std::string>(part), "c");
}

TEST(Document, RefusesAKeyGivenTwice) {
  EXPECT_EQ(error_of([] { document("loader:\n  seed: 1\n  seed: 2\n"); }),
            "photos.yaml:3:3: loader.seed: this key was already given in line 2; remove one of them");
}

TEST(Document, RefusesMergeKeys) {
  EXPECT_EQ(error_of([] { document("base: &b {a: 1}\nloader:\n  <<: *b\n"); }),
            "photos.yaml:3:3: loader.<<: merge keys (<<) are not supported; write the keys out");
}

TEST(Document, CopiesAliasesSoThatAnOverrideChangesOne) {
  const auto run = document("one: &a {seed: 1}\ntwo: *a\n", {"two.seed=5"});
  EXPECT_EQ(read<int64_t>(run["one"]["seed"]), 1);
  EXPECT_EQ(read<int64_t>(run["two"]["seed"]), 5);
}

TEST(Document, RefusesAnAliasThatContainsItself) {
  EXPECT_EQ(error_of([] { document("a: &a [*a]"); }).find("photos.yaml:1:4: nested deeper than 64 levels"), 0U);
}

TEST(Document, RefusesAliasesThatMultiply) {
  std::string text = "- &a0 x\n";
  for (const std::string level : {"1", "2", "3", "4", "5", "6"}) {
    const std::string last(1, static_cast<char>(level[0] - 1));
    text += "- &a" + level + " [";
    for (int i = 0; i < 10; ++i) text += "*a" + last + ", ";
    text += "]\n";
  }
  EXPECT_NE(error_of([&] { document(text); }).find("more than 100000 values"), std::string::npos);
}

TEST(Document, RefusesWhatIsNoYaml) {
  EXPECT_EQ(error_of([] { document("loader: {batch_size: 4\nseed: 1\n"); }).find("photos.yaml:2:5: not valid YAML: "),
            0U);
}

TEST(Document, RefusesASecondDocument) {
  EXPECT_EQ(error_of([] { document("a: 1\n---\nb: 2\n"); }),
            "photos.yaml:2:1: a second YAML document begins here, but one is expected; remove the line with ---");
}

TEST(Document, EndsAtATokenThatBeginsNothing) {
  EXPECT_EQ(error_of([] { document(", 1"); }),
            "photos.yaml:1:1: not valid YAML: this stands behind the end of the document");
  EXPECT_EQ(error_of([] { document("[a], b"); }),
            "photos.yaml:1:4: not valid YAML: this stands behind the end of the document");
  EXPECT_EQ(error_of([] { document("a: 1\n...\nb: 2"); }),
            "photos.yaml:3:1: not valid YAML: this stands behind the end of the document");
  EXPECT_EQ(error_of([] { document("a: 1", {"a=, 1"}); }),
            "command line 'a=, 1': the value is not valid YAML; quote it if it is text");
  EXPECT_EQ(parse("...", "photos.yaml").kind, Value::Kind::kNull);
  EXPECT_EQ(read<int64_t>(document("---\na: 1\n...\n")["a"]), 1);
}

TEST(Document, StopsTheParserAtItsLimits) {
  const auto error = [](const std::string& text) { return error_of([&] { document(text); }); };
  EXPECT_THAT(error(std::string(100'000, '[')), EndsWith("nested deeper than 64 levels"));
  EXPECT_THAT(error("[" + repeated("1,", 100'001) + "]"), EndsWith("more than 100000 values"));
  EXPECT_THAT(error("a: " + std::string(4'000'001, 'x')), StartsWith("photos.yaml: is larger than 4000000 bytes"));
  std::string keys;
  for (int i = 0; i < 49'000; ++i) keys += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(document(keys).value().members.size(), 49'000U);  // And not by searching each among all.
}

TEST(Document, QuotesALineOfATextAndEscapesIt) {
  const auto run = document("a: \"red \\e[31m\\r\\n\"\nb: " + std::string(100'000, 'x'));
  EXPECT_EQ(error_of([&] { read<int64_t>(run["a"]); }),
            "photos.yaml:1:4: a: expected an integer, found the quoted text \"red \\x1b[31m\\r\\n\"");
  EXPECT_LT(error_of([&] { read<int64_t>(run["b"]); }).size(), 400U);
  EXPECT_LT(error_of([&] { Section(run).finish(); }).size(), 400U);
  EXPECT_EQ(error_of([] { parse("a: [", "\x1b[2J.yaml"); }).find('\x1b'), std::string::npos);
  EXPECT_EQ(error_of([] {
              document("a: 1", {"b\x1b"
                                "c"});
            }).find('\x1b'),
            std::string::npos);
}

TEST(Document, SaysWhichFileCannotBeRead) {
  const auto folder = std::filesystem::temp_directory_path() / ("document_test." + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto file = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  const auto missing = (folder / "missing.yaml").string();
  EXPECT_EQ(error_of([&] { load(missing); }), missing + ": cannot read: No such file or directory");
  EXPECT_EQ(error_of([&] { load(folder); }), folder.string() + ": cannot read: a directory, not a regular file");
  const auto empty = file("empty.yaml", "# nothing\n");
  EXPECT_EQ(error_of([&] { load(empty); }),
            empty + ":1:1: expected a map of settings, found nothing; write them, or {} for none");
  const auto list = file("list.yaml", "- a\n");
  EXPECT_EQ(error_of([&] { load(list); }),
            list + ":1:1: expected a map of settings, found a list; write its keys without - or [ ]");
  EXPECT_EQ(read<int64_t>(load(file("good.yaml", "a: {b: 1}"), {"a.b=2", "a.b=3"})["a"]["b"]), 3);
  std::filesystem::remove_all(folder);
}

TEST(Document, RefusesAPipeWithoutWaitingForIt) {
  const auto pipe = std::filesystem::temp_directory_path() / ("document_test." + std::to_string(::getpid()) + ".yaml");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { load(pipe); }), HasSubstr("cannot read: a FIFO, not a regular file"));
  std::filesystem::remove(pipe);
}

TEST(Document, HasNothingInTheSectionsThatItLeavesOut) {
  const auto run = document("test: {seed: 1}");
  const auto loader = run["test"].section("loader");
  EXPECT_EQ(loader.path(), "test.loader");
  EXPECT_EQ(loader.value().kind, Value::Kind::kNull);
  EXPECT_EQ(loader.parent().path(), "test");
  EXPECT_EQ(read<int64_t>(loader.parent()["seed"]), 1);
  EXPECT_EQ(run.section("test").path(), "test");
}

TEST(Document, SaysWhichKeyIsMissing) {
  EXPECT_EQ(error_of([] { document("loader:\n  seed: 1\n")["loader"]["batch_size"]; }),
            "photos.yaml:2:3: loader: the key 'batch_size' is missing");
  EXPECT_EQ(error_of([] { document("loader: 3")["loader"]["seed"]; }),
            "photos.yaml:1:9: loader: expected a map with the key 'seed', found '3'");
}

TEST(Document, PrintsItselfWithOriginsAndReadsItBack) {
  const std::string text = "loader: {seed: 1, name: '64', list: [a, {b: c d}], empty: }\n";
  const auto run = document(text, {"loader.seed=2"});
  const auto printed = to_yaml(run.value());
  EXPECT_NE(printed.find("seed: 2  # command line 'loader.seed=2'\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("- a  # photos.yaml:1:38\n"), std::string::npos) << printed;
  const Node again(parse(printed, "printed"));
  EXPECT_EQ(read<int64_t>(again["loader"]["seed"]), 2);
  EXPECT_TRUE(again["loader"]["name"].value().quoted);
  EXPECT_EQ(read<std::string>(again["loader"]["list"].elements()[1]["b"]), "c d");
  EXPECT_EQ(again["loader"]["empty"].value().kind, Value::Kind::kNull);
}

TEST(Override, ReplacesAndAddsValues) {
  const auto run = document("loader: {seed: 1}\n", {"loader.seed=2", "loader.workers=4", "new.deep.key=[1, 2]"});
  EXPECT_EQ(read<int64_t>(run["loader"]["seed"]), 2);
  EXPECT_EQ(read<int64_t>(run["loader"]["workers"]), 4);
  EXPECT_EQ(read<std::vector<int64_t>>(run["new"]["deep"]["key"]), (std::vector<int64_t>{1, 2}));
}

TEST(Document, SparseFileIsRefusedBySize) {
  const test::Directory directory;
  const std::string path = directory.path() + "/run.yaml";
  directory.write("run.yaml", "a: 1\n");
  std::filesystem::resize_file(path, 3'000'000'000);
  EXPECT_EQ(error_of([&] { load(path); }).find(path + ": cannot read: a file of 3000000000 bytes, over the limit"), 0U);
}

TEST(Document, IsFoundInHomeFolders) {
  const test::Directory directory;
  directory.write("run.yaml", "a: 1\n");
  const test::Environment home("HOME", directory.path());
  EXPECT_EQ(read<int64_t>(load("~/run.yaml")["a"]), 1);
}

TEST(Binder, NumbersAreFiniteAndHaveOneSign) {
  for (const char* text : {"a: +-5", "a: ++5", "a: 5z", "a: 5.0", "a: 0x5"})
    EXPECT_NE(error_of([&] { read<int64_t>(document(text)["a"]); }), "no error") << text;
  for (const char* text : {"a: nan", "a: inf", "a: -inf", "a: infinity", "a: +-1.5", "a: 1.5z"})
    EXPECT_NE(error_of([&] { read<double>(document(text)["a"]); }), "no error") << text;
  EXPECT_EQ(read<int64_t>(document("a: +5")["a"]), 5);
}

TEST(Binder, TextWithANulIsRefused) {
  EXPECT_EQ(error_of([] { read<std::string>(document("a: \"photos\\0other\"")["a"]); }),
            "photos.yaml:1:4: a: a text with a NUL in it; write it without");
}

TEST(Override, ReachesIntoLists) {
  const auto run = document("transforms:\n  - crop: {size: 8}\n  - flip\n", {"transforms.0.crop.size=224"});
  EXPECT_EQ(read<int64_t>(run["transforms"].elements()[0]["crop"]["size"]), 224);
}

TEST(Override, NamesAnElementOfAListByItsName) {
  const std::string text = "transforms:\n  - crop: {size: 8}\n  - flip\n  - crops: {of: [a, b]}\n";
  const auto run = document(text, {"transforms.crop.size=224", "transforms.flip.p=1", "transforms.crops.of.b=c"});
  const auto steps = run["transforms"].elements();
  EXPECT_EQ(read<int64_t>(steps[0]["crop"]["size"]), 224);
  EXPECT_EQ(read<int64_t>(steps[1]["flip"]["p"]), 1);
  EXPECT_EQ(read<std::string>(document(text, {"transforms.flip=x"})["transforms"].elements()[1]["flip"]), "x");
}

TEST(Override, AddsOnlyWhatIsNew) {
  const std::string text = "loader: {seed: 1}\nlist: [a, b]\n";
  EXPECT_EQ(read<int64_t>(document(text, {"+loader.workers=4"})["loader"]["workers"]), 4);
  EXPECT_EQ(error_of([&] { document(text, {"+loader.seed=2"}); }),
            "command line '+loader.seed=2': loader.seed is there already, from photos.yaml:1:16; leave out the + to "
            "replace it");
  const auto list = [&](const std::string& argument) {
    return read<std::vector<std::string>>(document(text, {argument})["list"]);
  };
  EXPECT_EQ(list("+list.0=c"), (std::vector<std::string>{"c", "a", "b"}));
  EXPECT_EQ(list("+list.2=c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(error_of([&] { list("+list.3=c"); }),
            "command line '+list.3=c': list is a list of 2 elements, counted from 0; it has no element '3'; append one "
            "by list+=");
}

TEST(Override, RemovesWhatIsThere) {
  const std::string text = "loader: {seed: 1, workers: 2}\nlist: [a, b: {c: 1}]\n";
  EXPECT_FALSE(document(text, {"~loader.seed"})["loader"].find("seed"));
  EXPECT_TRUE(document(text, {"~loader.seed"})["loader"].find("workers"));
  EXPECT_EQ(document(text, {"~list.0"})["list"].elements().size(), 1U);
  EXPECT_EQ(document(text, {"~list.b"})["list"].elements().size(), 1U);
  EXPECT_FALSE(document(text, {"~list.b.c"})["list"].elements()[1]["b"].find("c"));
  EXPECT_EQ(error_of([&] { document(text, {"~loader.sed"}); }),
            "command line '~loader.sed': there is no loader.sed to remove, did you mean loader.seed?");
  EXPECT_EQ(error_of([&] { document(text, {"~list.2"}); }),
            "command line '~list.2': list is a list of 2 elements, counted from 0; it has no element '2'");
  EXPECT_EQ(error_of([&] { document(text, {"~loader=3"}); }),
            "command line '~loader=3': a key is removed without a value; write ~loader");
}

TEST(Override, HasChangedAListAsAWhole) {
  Value document = parse("list: [a, {b: {c: 1}}]\nmap: {kept: 1, set: 2}\ngone: 1\n", "test.yaml");
  const std::vector<std::string> arguments{"list.1.b.c=2", "list+=d", "map.set=3", "+new.key='x'", "~gone"};
  for (const auto& argument : arguments) apply_override(document, argument);
  EXPECT_EQ(to_yaml(parts_changed_by(arguments, document), Origins::kLeftOut),
            "list:\n  - a\n  - b:\n      c: 2\n  - d\nmap:\n  set: 3\nnew:\n  key: \"x\"");
}

TEST(Override, AppendsToLists) {
  const auto list = [](const std::string& text, const std::vector<std::string>& arguments) {
    return read<std::vector<std::string>>(document(text, arguments)["list"]);
  };
  EXPECT_EQ(list("list: [a]", {"list+=b", "list+=[c, d]"}), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(list("other: 1", {"list+=b"}), (std::vector<std::string>{"b"}));
  EXPECT_EQ(error_of([&] { list("list: a", {"list+=b"}); }),
            "command line 'list+=b': list is 'a', and only lists are appended to; write list=VALUE");
}

TEST(Override, GivesAnEmptySectionItsFirstKey) {
  EXPECT_EQ(read<int64_t>(document("loader:\n", {"loader.seed=2"})["loader"]["seed"]), 2);
}

TEST(Override, KeepsEverythingAfterTheFirstEqualsSign) {
  EXPECT_EQ(read<std::string>(document("a: 1", {"a=x=y"})["a"]), "x=y");
}

TEST(Override, IsNamedInErrorsAboutItsValue) {
  EXPECT_EQ(error_of([] { read<int64_t>(document("a: {b: 1}", {"a.b=many"})["a"]["b"]); }),
            "command line 'a.b=many': a.b: expected an integer, found 'many'");
}

TEST(Override, RefusesWhatItCannotPlace) {
  const std::string text = "a: 1\nlist: [x]\n";
  EXPECT_EQ(error_of([&] { document(text, {"loader.seed"}); }),
            "command line 'loader.seed': expected KEY=VALUE, such as loader.batch_size=128");
  EXPECT_EQ(error_of([&] { document(text, {"=3"}); }),
            "command line '=3': expected KEY=VALUE, such as loader.batch_size=128");
  EXPECT_EQ(error_of([&] { document(text, {"a..b=3"}); }), "command line 'a..b=3': a part of the key is empty");
  EXPECT_EQ(error_of([&] { document(text, {"a.b=3"}); }),
            "command line 'a.b=3': a is '1' and has no part 'b'; write a='{b: 3}'");
  EXPECT_EQ(error_of([&] { document(text, {"list.1=3"}); }),
            "command line 'list.1=3': list is a list of 1 element, counted from 0; it has no element '1'; append one "
            "by list+=");
  EXPECT_EQ(error_of([&] { document(text, {"list.y=3"}); }),
            "command line 'list.y=3': list has no element 'y', did you mean x? Append one by list+=");
  EXPECT_EQ(error_of([&] { document(text, {"a=[1"}); }),
            "command line 'a=[1': the value is not valid YAML; quote it if it is text");
}

TEST(Document, MergesWhatItIncludes) {
  const test::Directory directory;
  directory.write("base/all.yaml",
                  "include: [more.yaml]\nloader: {seed: 1, workers: 2}\ndataset: {type: a, root: x}\n");
  directory.write("base/more.yaml", "list: [1, 2]\nloader: {seed: 0, timeout: 9}\n");
  directory.write("run.yaml",
                  "loader: {seed: 3}\ninclude: base/all.yaml\ndataset: {type: b, path: y}\nlist: ['${loader.seed}']\n");
  const auto run = load(directory.path() + "/run.yaml", {"loader.workers=5"});
  EXPECT_EQ(read<int64_t>(run["loader"]["seed"]), 3) << "the including file wins";
  EXPECT_EQ(read<int64_t>(run["loader"]["workers"]), 5) << "and the command line over all";
  EXPECT_EQ(read<int64_t>(run["loader"]["timeout"]), 9);
  EXPECT_EQ(read<std::vector<int64_t>>(run["list"]), (std::vector<int64_t>{3})) << "a list is replaced";
  EXPECT_FALSE(run["dataset"].find("root")) << "a section of another type is replaced whole";
  EXPECT_FALSE(run.find("include"));
  EXPECT_EQ(to_string(run["loader"]["timeout"].value().origin), directory.path() + "/base/more.yaml:2:28");
}

TEST(Document, SaysWhichIncludedFileIsWrong) {
  const test::Directory directory;
  const std::string file = directory.path() + "/run.yaml";
  const auto error = [&] { return error_of([&] { load(file); }); };
  directory.write("run.yaml", "include: other.yaml\n");
  EXPECT_EQ(error(),
            file + ":1:10: include: " + directory.path() +
                "/other.yaml: cannot read: No such file or directory; write its path from the folder of this file");
  directory.write("other.yaml", "include: ./run.yaml\n");
  EXPECT_EQ(error(), directory.path() + "/other.yaml:1:10: include: the files include each other in a circle: " + file +
                         " -> " + directory.path() + "/other.yaml -> " + file + "; remove one of these includes");
  directory.write("other.yaml", "a: [\n");
  EXPECT_THAT(error(), StartsWith(directory.path() + "/other.yaml:2:1: not valid YAML: "));
  directory.write("other.yaml", "- a\n");
  EXPECT_EQ(error(), directory.path() +
                         "/other.yaml:1:1: expected a map of settings, found a list; write its keys without - or [ ]");
  directory.write("run.yaml", "include: [{a: b}]\n");
  EXPECT_EQ(error(), file + ":1:11: include: expected a file or a list of files, found a map");
}

TEST(Document, SaysEverythingThatIsWrongAtOnce) {
  const test::Directory directory;
  directory.write("run.yaml", "a: ???\nb: ${a}\nc: ${other}\nc: 1\n");
  const std::string file = directory.path() + "/run.yaml";
  EXPECT_EQ(error_of([&] { load(file, {"x", "+a=1"}); }),
            file + ":1:4: a: must be given; write a=VALUE behind the file's name, or the value in place of ???\n" +
                file +
                ":3:4: c: ${other}: the configuration has no such value; write the path of one from the top of the "
                "file, such as "
                "${loader.seed}\n" +
                file + ":4:1: c: this key was already given in line 3; remove one of them\n" +
                "command line 'x': expected KEY=VALUE, such as loader.batch_size=128\n" +
                "command line '+a=1': a is there already, from " + file + ":1:4; leave out the + to replace it");
  EXPECT_EQ(error_of([&] { load(file, {"a=1", "~c", "~other"}); }),
            file + ":4:1: c: this key was already given in line 3; remove one of them\n" +
                "command line '~other': there is no other to remove; leave this argument out");
}

TEST(Document, TakesMandatoryValuesFromTheCommandLine) {
  const test::Directory directory;
  directory.write("run.yaml", "a: ???\nb: ${a}/c\n");
  EXPECT_EQ(read<std::string>(load(directory.path() + "/run.yaml", {"a=x"})["b"]), "x/c");
}

TEST(Problems, AreToldUpToTheTwentieth) {
  Problems problems;
  for (int line = 1; line <= 22; ++line) problems.add(ConfigError({"a.yaml", line, 1}, "x"));
  const auto said = error_of([&] { problems.raise(); });
  EXPECT_THAT(said, EndsWith("a.yaml:20:1: x\nand 2 more"));
}

TEST(Problems, AreSortedByTheirPlaces) {
  Problems problems;
  for (const Origin& at : {Origin{"command line 'b'", 0, 2},
                           {"b.yaml", 1, 1},
                           {"command line 'a'", 0, 1},
                           {"a.yaml", 10, 1},
                           {"a.yaml", 9, 3},
                           {"a.yaml", 9, 2}})
    problems.add(ConfigError(at, "x"));
  EXPECT_EQ(error_of([&] { problems.raise(); }),
            "a.yaml:9:2: x\na.yaml:9:3: x\na.yaml:10:1: x\nb.yaml:1:1: x\ncommand line 'a': x\ncommand line 'b': x");
}

TEST(Reference, StandsForAValueElsewhere) {
  const auto run = document(
      "data: {root: photos, sizes: [8, 16]}\ntest: ${data.root}/../test\nsizes: ${data.sizes}\nlast: "
      "${data.sizes.1}\n",
      {"data.root=here"});
  EXPECT_EQ(read<std::string>(run["test"]), "here/../test");
  EXPECT_EQ(read<std::vector<int64_t>>(run["sizes"]), (std::vector<int64_t>{8, 16}));
  EXPECT_EQ(read<int64_t>(run["last"]), 16);
}

TEST(Reference, EscapesTheNameThatItSuggests) {
  EXPECT_THAT(error_of([] { document("da\x7Fta: 1\nb: ${da\x7Fto}\n"); }), HasSubstr("did you mean da\\x7fta?"));
}

TEST(Reference, FollowsReferences) {
  const auto run = document("a: ${b}1\nb: ${c}2\nc: 3\n");
  EXPECT_EQ(read<int64_t>(run["a"]), 321);
}

TEST(Reference, ReadsTheEnvironment) {
  ::setenv("MILLRACE_TEST_WORKERS", "3", 1);
  ::unsetenv("MILLRACE_TEST_ABSENT");
  const auto run = document(
      "a: '${env:MILLRACE_TEST_WORKERS}'\nb: ${env:MILLRACE_TEST_WORKERS,5}\nc: ${env:MILLRACE_TEST_ABSENT,5}");
  EXPECT_EQ(read<std::string>(run["a"]), "3");
  EXPECT_EQ(read<int64_t>(run["b"]), 3);
  EXPECT_EQ(read<int64_t>(run["c"]), 5);
  EXPECT_EQ(error_of([] { document("a: ${env:MILLRACE_TEST_ABSENT}"); }),
            "photos.yaml:1:4: a: the environment variable MILLRACE_TEST_ABSENT is not set; set it, or write "
            "${env:MILLRACE_TEST_ABSENT,DEFAULT}");
}

TEST(Reference, RefusesWhatItCannotReplace) {
  EXPECT_EQ(error_of([] { document("a: ${b.c}\nb: {}\n"); }),
            "photos.yaml:1:4: a: ${b.c}: the configuration has no such value; write the path of one from the top of "
            "the file, "
            "such as ${loader.seed}");
  EXPECT_EQ(
      error_of([] { document("a: x${b}\nb: [1]\n"); }),
      "photos.yaml:1:4: a: ${b} is a list and cannot be a part of the text 'x${b}'; write one of its parts, ${b.0}");
  EXPECT_EQ(error_of([] { document("a: x${b\n"); }),
            "photos.yaml:1:4: a: 'x${b': the } of ${ is missing; write it behind the name");
}

TEST(Reference, StopsWhereTextMultiplies) {
  std::string text = "a0: " + std::string(100, 'x') + "\n";
  for (int i = 1; i < 60; ++i) {
    const auto last = "${a" + std::to_string(i - 1) + "}";
    text += "a" + std::to_string(i) + ": " + last + last + "\n";
  }
  EXPECT_THAT(error_of([&] { document(text); }), HasSubstr("references stand for more than 4000000 bytes of text"));
}

TEST(Reference, StopsWhereListsMultiply) {
  std::string text = "a0: [1, 2]\n";
  for (int i = 1; i < 60; ++i) {
    const auto last = "${a" + std::to_string(i - 1) + "}";
    text += "a" + std::to_string(i) + ": ['" + last + "', '" + last + "']\n";
  }
  EXPECT_THAT(error_of([&] { document(text); }), HasSubstr("references stand for more than 100000 values"));
}

TEST(Reference, StopsAtChainsThatAreTooLong) {
  std::string chain;
  std::string nested = "a0: [1]\n";
  for (int i = 0; i < 40'000; ++i) chain += "a" + std::to_string(i) + ": ${a" + std::to_string(i + 1) + "}\n";
  for (int i = 1; i < 100; ++i) nested += "a" + std::to_string(i) + ": ['${a" + std::to_string(i - 1) + "}']\n";
  EXPECT_THAT(error_of([&] { document(chain); }), HasSubstr("references lead one to the other"));
  EXPECT_THAT(error_of([&] { document(nested); }), HasSubstr("nested deeper than 64 levels by references"));
}

TEST(Reference, ShowsTheNameOfAnEnvironmentVariableAndNeverItsValue) {
  ::setenv("MILLRACE_TEST_TOKEN", "hf_SeCrEt", 1);
  ::setenv("MILLRACE_TEST_PIN", "7", 1);
  const auto run = document(
      "token: ${env:MILLRACE_TEST_TOKEN}\nurl: https://u:${env:MILLRACE_TEST_TOKEN}@host\nquoted: '${url}'\n"
      "list: ['${url}/x', {pin: '${env:MILLRACE_TEST_PIN}'}]\nworkers: ${env:MILLRACE_TEST_PIN}\n");
  EXPECT_EQ(read<std::string>(run["url"]), "https://u:hf_SeCrEt@host");
  const auto printed = to_yaml(run.value());
  EXPECT_EQ(printed.find("hf_SeCrEt"), std::string::npos) << printed;
  EXPECT_THAT(printed, HasSubstr("https://u:${env:MILLRACE_TEST_TOKEN}@host/x"));
  EXPECT_EQ(read<std::string>(Node([&] {
              auto again = parse(printed, "printed");
              resolve_references(again);
              return again;
            }())["quoted"]),
            "https://u:hf_SeCrEt@host");

  std::string errors;
  for (const char* key : {"token", "url", "quoted"}) {
    errors += error_of([&] { read<int64_t>(run[key]); });
    errors += error_of([&] { run[key].find("x"); });
    errors += error_of([&] { throw unknown_word(run[key], run[key].value().text, {"cpu"}); });
    errors += error_of([&] { throw run.error("cannot open " + run[key].value().text); });
  }
  EXPECT_EQ(errors.find("hf_SeCrEt"), std::string::npos) << errors;
  EXPECT_EQ(error_of([&] { read<bool>(run["token"]); }),
            "photos.yaml:1:8: token: expected true or false, found '${env:MILLRACE_TEST_TOKEN}'");
  EXPECT_EQ(error_of([&] { Section(run).integer("workers", 1, 10, 70); }),
            "photos.yaml:5:10: workers: must be from 10 to 70, found ${env:MILLRACE_TEST_PIN}");
}

TEST(Reference, TakesWhatAVariableHoldsAsText) {
  ::setenv("MILLRACE_TEST_TEXT", "${b}", 1);
  const auto run = document("a: ${env:MILLRACE_TEST_TEXT}\nb: 1\nc: ${a}\n");
  EXPECT_EQ(read<std::string>(run["a"]), "${b}");
  EXPECT_EQ(read<std::string>(run["c"]), "${b}");
}

TEST(Reference, RefusesACircle) {
  EXPECT_EQ(error_of([] { document("a: ${b}\nb: ${a}\n"); }),
            "photos.yaml:1:4: a: ${b} leads back to itself: ${b} -> ${a}; write a value in place of one of them");
  EXPECT_EQ(error_of([] { document("a: {b: '${a}'}\n"); }), "photos.yaml:1:8: a.b: ${a} contains itself");
}

TEST(Read, TakesNumbersAsDecimal) {
  const auto run = document("a: 010\nb: -3\nc: 1e-3\nd: +7\ne: 18446744073709551615\n");
  EXPECT_EQ(read<int64_t>(run["a"]), 10);
  EXPECT_EQ(read<int64_t>(run["b"]), -3);
  EXPECT_EQ(read<double>(run["c"]), 1e-3);
  EXPECT_EQ(read<double>(run["d"]), 7);
  EXPECT_EQ(read<uint64_t>(run["e"]), 18446744073709551615U);
}

TEST(Read, NamesTheTypeExpectedAndTheValueFound) {
  const auto run =
      document("loader: {a: yes, b: '64', c: 3.5, d: [1], e: , f: {g: 1}, h: 99999999999999999999, i: -1}");
  const auto error = [&](auto type, const char* key) {
    return error_of([&] { read<decltype(type)>(run["loader"][key]); });
  };
  EXPECT_EQ(error(bool{}, "a"), "photos.yaml:1:13: loader.a: expected true or false, found 'yes'; write true");
  EXPECT_EQ(
      error(int64_t{}, "b"),
      "photos.yaml:1:21: loader.b: expected an integer, found the quoted text \"64\"; write it without the quotes");
  EXPECT_EQ(error(int64_t{}, "c"), "photos.yaml:1:30: loader.c: expected an integer, found '3.5'");
  EXPECT_EQ(error(double{}, "d"), "photos.yaml:1:38: loader.d: expected a number, found a list; write 1");
  EXPECT_NE(error(std::string(), "e").find("loader.e: expected text, found nothing"), std::string::npos);
  EXPECT_EQ(error(std::string(), "f"), "photos.yaml:1:51: loader.f: expected text, found a map");
  EXPECT_EQ(error(int64_t{}, "h"),
            "photos.yaml:1:62: loader.h: expected an integer that fits 64 bits, found '99999999999999999999'");
  EXPECT_EQ(error(uint64_t{}, "i"), "photos.yaml:1:87: loader.i: expected an integer from 0 on, found '-1'");
}

TEST(Section, NamesTheUnknownKeyAndTheOneThatWasMeant) {
  const auto run = document("dataset: x\nloader:\n  num_workers: 2\n  batchsize: 64\n");
  EXPECT_EQ(error_of([&] {
              Section loader(run["loader"]);
              loader.get<int64_t>("batch_size", 1);
              loader.get<int64_t>("num_workers", 0);
              loader.finish();
            }),
            "photos.yaml:4:3: loader.batchsize: unknown key, did you mean batch_size?");
}

TEST(Section, ListsTheKnownKeysWhenNoneIsNear) {
  const auto run = document("loader: {colour: red}");
  EXPECT_EQ(error_of([&] {
              Section loader(run["loader"]);
              loader.get<int64_t>("batch_size", 1);
              loader.get<int64_t>("seed", 1);
              loader.finish();
            }),
            "photos.yaml:1:10: loader.colour: unknown key; known here: batch_size, seed");
}

TEST(Section, SaysWhatIsMissingAndWhere) {
  const auto run = document("dataset: {type: image_folder}");
  EXPECT_EQ(error_of([&] { Section(run["dataset"]).get<std::string>("root"); }),
            "photos.yaml:1:10: dataset: the key 'root' is missing");
}

TEST(Section, TakesANearKeyForTheMissingOne) {
  const auto run = document("dataset: {rooot: photos}");
  EXPECT_EQ(error_of([&] { Section(run["dataset"]).get<std::string>("root"); }),
            "photos.yaml:1:11: dataset.rooot: unknown key, did you mean root?");
}

TEST(Section, ChecksRanges) {
  const auto run = document("loader: {batch_size: 0, p: 1.5, prefetch: -1}");
  Section loader(run["loader"]);
  EXPECT_EQ(error_of([&] { loader.integer("batch_size", 1, 1); }),
            "photos.yaml:1:22: loader.batch_size: must be at least 1, found 0");
  EXPECT_EQ(error_of([&] { loader.number("p", 0.5, 0, 1); }),
            "photos.yaml:1:28: loader.p: must be from 0 to 1, found 1.5");
  EXPECT_EQ(loader.integer("absent", 7, 1), 7);
}

TEST(Section, OffersTheChoices) {
  const auto run = document("loader: {start_method: forksever, worker_mode: fibre}");
  Section loader(run["loader"]);
  const std::vector<std::pair<std::string, int>> methods{{"fork", 0}, {"forkserver", 1}, {"spawn", 2}};
  EXPECT_EQ(
      error_of([&] { loader.choice("start_method", methods, 1); }),
      "photos.yaml:1:24: loader.start_method: expected one of fork, forkserver, spawn, found 'forksever', did you "
      "mean forkserver?");
  EXPECT_EQ(loader.choice("absent", methods, 2), 2);
}

TEST(Section, IsAMap) {
  EXPECT_EQ(error_of([] { Section(document("loader: [1]")["loader"]); }),
            "photos.yaml:1:9: loader: expected a map of settings, found a list; write its keys without - or [ ]");
  Section(document("loader:\n")["loader"]).finish();
}

}  // namespace
}  // namespace millrace::configs
