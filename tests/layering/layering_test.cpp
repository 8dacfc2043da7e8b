// Checks the tree against the table of docs/design.md "Folders": which folder may include what. A broken rule is
// reported as file:line, the arrow that turns the wrong way, and what the folder may include.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/tests/support/paths.h"

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = fs::path(millrace::test::source("")).parent_path();

// The groups that outside headers fall into, by the beginning of their name; the first match counts. Whatever matches
// nothing here is named by its first folder: a new dependency is entered in this table, or refused.
struct Library {
  std::string_view prefix;
  std::string_view group;
};
constexpr Library kLibraries[] = {
    {"torch/torch.h", "torch/torch.h"},  // 18 seconds a file: for programs and tests
    {"ATen/cuda/", "cuda"},
    {"c10/cuda/", "cuda"},
    {"cuda", "cuda"},  // cuda.h, cuda_runtime_api.h, cuda_bf16.h
    {"driver_types.h", "cuda"},
    {"ATen/", "torch"},
    {"c10/", "torch"},
    {"torch/", "torch"},
    {"caffe2/", "torch"},  // The archives of torch.save.
    {"jpeglib.h", "jpeg"},
    {"jerror.h", "jpeg"},
    {"png.h", "png"},
    {"tiffio.h", "tiff"},
    {"webp/", "webp"},
    {"gif_lib.h", "gif"},
    {"opencv2/", "opencv"},  // For comparison only: its imdecode hands files to GDAL, which opens others.
    {"turbojpeg.h", "jpeg"},
    {"zlib.h", "zlib"},
    {"hdf5.h", "hdf5"},
    {"archive.h", "libarchive"},
    {"archive_entry.h", "libarchive"},
    {"yaml-cpp/", "yaml-cpp"},
    {"cereal/", "cereal"},
    {"hwy/", "highway"},
    {"spdlog/", "spdlog"},
    {"nlohmann/", "json"},
    {"CLI/", "CLI11"},
    {"gtest/", "gtest"},
    {"gmock/", "gtest"},
    {"benchmark/", "benchmark"},
    {"sys/", "system"},
    {"linux/", "system"},
    {"sanitizer/", "system"},
    {"netinet/", "system"},
    {"arpa/", "system"},
};

// What a folder, or a module that stands above the folder it lies in, may include beside itself and the system's
// headers. Whoever is named further down may include what is named further up, never the other way round. "*" is
// everything but tests.
struct Folder {
  std::string_view path;
  std::vector<std::string_view> may_include;
  std::vector<std::string_view> only_in_cpp;
};
const std::vector<Folder>& folders() {
  static const std::vector<Folder> table = {
      {"version.h", {}, {}},
      {"samplers", {"torch"}, {}},

      {"sharing/os", {}, {}},
      {"sharing/codec", {"sharing/os", "cereal"}, {}},
      {"sharing/memory", {"sharing/os", "sharing/codec"}, {}},
      {"sharing/sync", {"sharing/os", "sharing/codec", "sharing/memory"}, {}},
      {"sharing/channel", {"sharing/os", "sharing/codec", "sharing/memory", "sharing/sync"}, {}},
      {"sharing/process", {"sharing/os", "sharing/codec", "sharing/memory", "sharing/channel", "cereal"}, {}},
      {"sharing/pool",
       {"sharing/os", "sharing/codec", "sharing/memory", "sharing/sync", "sharing/channel", "sharing/process"},
       {}},
      {"sharing/cuda",
       {"sharing/os", "sharing/codec", "sharing/memory", "sharing/channel", "sharing/process", "torch"},
       {}},
      {"sharing/cuda/ipc",
       {"sharing/os", "sharing/codec", "sharing/memory", "sharing/sync", "sharing/channel", "sharing/process",
        "sharing/cuda", "torch"},
       {}},
      {"sharing/tensor", {"sharing/os", "sharing/codec", "sharing/memory", "sharing/cuda/ipc", "torch", "cereal"}, {}},

      // What folders of the loader share and users do not include.
      {"loader/detail", {}, {}},
      // What users and all parts below speak of: samples, columns, options, errors, states.
      {"loader",
       {"loader/detail", "samplers", "sharing/os", "sharing/codec", "sharing/memory", "sharing/process",
        "sharing/tensor", "torch", "cereal"},
       {"json"}},
      {"loader/collation",
       {"loader", "loader/detail", "sharing/os", "sharing/codec", "sharing/tensor", "torch", "cereal"},
       {}},
      {"loader/collate", {"loader", "loader/collation", "sharing/os", "torch"}, {}},
      {"loader/device",
       {"loader", "loader/detail", "sharing/memory", "sharing/os", "sharing/cuda", "sharing/tensor", "torch"},
       {}},
      {"loader/sources",
       {"loader", "loader/collation", "loader/collate", "samplers", "sharing/codec", "sharing/memory", "torch"},
       {"loader/device", "sharing/channel", "sharing/process"}},
      {"loader/engine",
       {"loader", "loader/collation", "loader/detail", "loader/device", "loader/sources", "samplers", "sharing/os",
        "sharing/codec", "sharing/memory", "sharing/channel", "sharing/process", "sharing/cuda", "sharing/tensor",
        "torch", "cereal"},
       {}},
      {"loader/batch", {"loader", "loader/device", "torch"}, {"loader/engine", "sharing/os"}},
      {"loader/data_loader",
       {"loader", "loader/batch", "loader/collate", "loader/collation", "loader/sources", "samplers", "sharing/codec",
        "sharing/cuda"},
       {"loader/engine"}},
      {"loader/datasets",
       {"loader", "loader/collate", "loader/collation", "loader/sources", "samplers", "sharing/os", "sharing/codec",
        "sharing/memory", "torch"},
       {}},

      // The library of pictures, which a program that reads none does without.
      {"loader/images", {"loader", "loader/detail", "sharing/os", "torch", "highway", "jpeg"}, {}},
      {"loader/images/formats", {"loader/images"}, {"png", "tiff", "webp", "gif"}},
      {"loader/images/decode", {"loader", "loader/images", "loader/images/formats"}, {}},
      {"loader/images/header_reader", {"loader/detail", "loader/images", "loader/images/decode", "sharing/os"}, {}},
      {"loader/images/transforms", {"loader", "loader/images", "loader/images/decode", "sharing/codec", "torch"}, {}},
      {"loader/images/datasets",
       {"loader", "loader/datasets", "loader/images", "loader/images/decode", "loader/images/transforms", "sharing/os",
        "sharing/codec", "sharing/memory", "torch"},
       {"json"}},

      // What a program writes down of a run; free of LibTorch.
      {"records", {"sharing/os", "sharing/codec"}, {}},

      // Datasets of formats that others write.
      {"formats",
       {"loader", "loader/datasets", "sharing/os", "sharing/codec", "sharing/memory", "torch"},
       {"zlib", "hdf5"}},

      // What configurations may say, in words; only compiled with the headers of transforms, and free of LibTorch.
      {"configs/tables", {}, {"loader/images/transforms", "sharing/os"}},
      {"configs",
       {"configs/tables", "loader", "loader/collate", "loader/data_loader", "loader/datasets", "loader/device",
        "formats", "loader/images/datasets", "loader/images/transforms", "samplers", "sharing/os", "torch"},
       {"yaml-cpp"}},

      // What a program draws; free of LibTorch.
      {"plots", {"sharing/os"}, {"png"}},

      {"training/models", {"configs", "configs/tables", "sharing/os", "torch"}, {}},
      {"training/weights", {"configs/tables", "sharing/os", "torch"}, {"json", "libarchive"}},
      {"training/tasks", {"loader", "loader/batch", "plots", "sharing/os", "torch"}, {}},
      {"training",
       {"configs", "configs/tables", "loader", "loader/batch", "loader/data_loader", "loader/images/transforms",
        "records", "sharing/os", "training/models", "training/tasks", "training/weights", "torch"},
       {"json", "loader/datasets", "loader/images/datasets", "plots", "sharing/cuda"}},
      // What a run's loader gives, drawn and counted.
      {"showing",
       {"configs", "configs/tables", "loader", "loader/batch", "loader/data_loader", "loader/images",
        "loader/images/transforms", "plots", "sharing/os", "training", "training/tasks", "torch"},
       {}},
      // What lies in a folder, looked at by the datasets that training reads it with.
      {"surveys",
       {"loader/detail", "loader/datasets", "loader/images", "loader/images/datasets", "loader/images/decode",
        "loader/images/header_reader", "sharing/os"},
       {"formats", "json", "torch"}},
      // Shards made of what lies in folders, lists and other shards.
      {"packing",
       {"loader/datasets", "loader/images", "loader/images/datasets", "loader/images/decode", "sharing/os",
        "sharing/sync"},
       {"samplers", "sharing/codec", "sharing/pool", "surveys", "jpeg"}},
      {"millrace.h", {"*"}, {}},
      {"apps/millrace/front/commands", {"configs", "configs/tables"}, {"sharing/os", "version.h", "json", "CLI11"}},
      {"apps/millrace/front",
       {"apps/millrace/front/commands", "configs", "configs/tables", "sharing/os", "sharing/memory", "version.h",
        "torch", "json", "CLI11"},
       {}},
      {"apps", {"*"}, {}},
      {"benchmarks", {"*"}, {}},
      {"tests", {"*"}, {}},
  };
  return table;
}

// Whether path lies in the folder, or belongs to the module of that name.
bool is_inside(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && (path[folder.size()] == '/' || path.substr(folder.size()).starts_with(".")));
}

// The innermost folder of the table that path (relative to the root) lies in; null when there is none.
const Folder* folder_of(std::string_view path) {
  const Folder* innermost = nullptr;
  for (const Folder& folder : folders()) {
    if (!is_inside(path, folder.path)) continue;
    if (!innermost || folder.path.size() > innermost->path.size()) innermost = &folder;
  }
  return innermost;
}

// The folder or group that an include's text points at.
std::string target_of(std::string_view included) {
  constexpr std::string_view kOurs = "millrace/";
  if (included.starts_with(kOurs)) {
    included.remove_prefix(kOurs.size());
    const Folder* folder = folder_of(included);
    return std::string(folder ? folder->path : included);
  }
  for (const Library& library : kLibraries) {
    if (included.starts_with(library.prefix)) return std::string(library.group);
  }
  const size_t slash = included.find('/');
  return slash == included.npos ? "system" : std::string(included.substr(0, slash));
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool may_include(const Folder& folder, std::string_view target, std::string_view path) {
  if (target == "system" || target == folder.path) return true;
  if (target == "tests") return false;
  if (contains(folder.may_include, "*")) return true;
  return contains(folder.may_include, target) || (path.ends_with(".cpp") && contains(folder.only_in_cpp, target));
}

std::string join(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text.empty() ? "nothing else" : text;
}

// The includes of one file that break the table.
std::vector<std::string> violations(const std::string& path, const std::string& text) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  const Folder* folder = folder_of(path);
  if (!folder) return {path + ": lies in no folder of the table in " + __FILE__};
  std::vector<std::string> found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (!std::regex_search(line, match, kInclude)) continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    const std::string included = match[2];
    const bool ours = included.starts_with("millrace/");
    if (match[1] == "\"" && !ours) {
      found.push_back(where + "\"" + included + "\": write it from the root, \"millrace/...\", or in <>");
      continue;
    }
    const std::string target = target_of(included);
    if (may_include(*folder, target, path)) continue;
    found.push_back(where + std::string(folder->path) + " -> " + target + " (" + included + "); " +
                    std::string(folder->path) + " may include: " + join(folder->may_include) +
                    (folder->only_in_cpp.empty() ? "" : ", and in .cpp files: " + join(folder->only_in_cpp)));
  }
  return found;
}

// A module is a header with its source: what their paths have in common.
std::string module_of(const fs::path& path) { return fs::path(path).replace_extension(); }

// What each module of some files, by path and text, includes of the others. An include means the file that a reader
// would look for: that of the name from the root, or beside the file.
std::map<std::string, std::set<std::string>> includes_among(const std::map<std::string, std::string>& files) {
  static const std::regex kInclude(R"(\n\s*#\s*include\s*[<"](millrace/)?([^>"]+)[>"])");
  std::map<std::string, std::set<std::string>> included;
  for (const auto& [path, text] : files) {
    const std::string lines = "\n" + text;
    for (std::sregex_iterator found(lines.begin(), lines.end(), kInclude), end; found != end; ++found) {
      const std::string name = (*found)[2];
      const std::string beside = (fs::path(path).parent_path() / name).lexically_normal();
      const std::string& file = files.contains(beside) ? beside : name;
      if (files.contains(file) && module_of(file) != module_of(path)) included[module_of(path)].insert(module_of(file));
    }
  }
  return included;
}

// The modules of each circle, "a, b, c": those that include each other, be it by way of others.
std::set<std::string> circles_among(const std::map<std::string, std::string>& files) {
  const auto included = includes_among(files);
  std::map<std::string, std::set<std::string>> reached;
  for (const auto& [module, _] : included) {
    std::vector<std::string> open = {module};
    while (!open.empty()) {
      const auto found = included.find(open.back());
      open.pop_back();
      if (found == included.end()) continue;
      for (const std::string& next : found->second)
        if (reached[module].insert(next).second) open.push_back(next);
    }
  }
  std::set<std::string> circles;
  for (const auto& [module, others] : reached) {
    std::string circle;
    for (const std::string& other : others)
      if (reached.contains(other) && reached.at(other).contains(module))
        circle.append(circle.empty() ? "" : ", ").append(other);
    if (!circle.empty()) circles.insert(circle);
  }
  return circles;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// Paths, relative to the root, of the repository's files with one of these extensions ("" for none).
std::vector<std::string> files_with(const std::set<std::string>& extensions) {
  std::vector<std::string> paths;
  for (fs::recursive_directory_iterator at(kRoot), end; at != end; ++at) {
    const fs::path relative = at->path().lexically_relative(kRoot);
    if (at->is_directory()) {
      // What the build writes and what git keeps is not ours to check.
      const bool skipped = relative == "build" || relative == ".git" || relative == ".cache";
      if (skipped || at->is_symlink()) at.disable_recursion_pending();
    } else if (at->is_regular_file() && relative != ".git" && extensions.contains(relative.extension())) {
      paths.push_back(relative);
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

const std::set<std::string> kSources = {".h", ".cpp", ".cu"};

TEST(Layering, EveryIncludeFollowsTheTable) {
  const auto paths = files_with(kSources);
  ASSERT_GT(paths.size(), 20u) << "no sources under " << kRoot;
  for (const std::string& path : paths) {
    if (is_inside(path, "tests/consumer/app")) continue;  // a project of its own, which sees the installed headers
    for (const std::string& violation : violations(path, read(kRoot / path))) ADD_FAILURE() << violation;
  }
}

TEST(Layering, TableNamesNobodyBeforeHeStands) {
  std::set<std::string_view> above;
  for (const Library& library : kLibraries) above.insert(library.group);
  above.insert({"*", "yaml-cpp", "cereal", "CLI11"});
  for (const Folder& folder : folders()) {
    for (const auto* names : {&folder.may_include, &folder.only_in_cpp})
      for (std::string_view name : *names)
        EXPECT_TRUE(above.contains(name)) << folder.path << " may include " << name << ", which stands further down";
    above.insert(folder.path);
  }
}

TEST(Layering, EveryFolderWithSourcesHasARowOfItsOwn) {
  std::set<std::string> rows;
  for (const Folder& folder : folders()) rows.emplace(folder.path);
  for (const std::string& path : files_with(kSources)) {
    const std::string folder = fs::path(path).parent_path();
    if (!is_inside(path, "sharing") && !is_inside(path, "loader") && !is_inside(path, "samplers") &&
        !is_inside(path, "configs") && !is_inside(path, "records") && !is_inside(path, "plots") &&
        !is_inside(path, "training") && !is_inside(path, "formats"))
      continue;
    EXPECT_TRUE(rows.contains(folder)) << folder << ", of " << path;
  }
}

TEST(Layering, NoModulesIncludeEachOtherInACircle) {
  std::map<std::string, std::string> files;
  for (const std::string& path : files_with(kSources))
    if (!is_inside(path, "tests") && !is_inside(path, "benchmarks")) files.emplace(path, read(kRoot / path));
  for (const std::string& circle : circles_among(files))
    ADD_FAILURE() << "include each other in a circle: " << circle
                  << "; what both sides need belongs in a module below both, or into the one that owns it";
}

TEST(Layering, EveryIncludedHeaderOfOursExists) {
  static const std::regex kOurs(R"(^\s*#\s*include\s*[<"]millrace/([^>"]+)[>"])");
  for (const std::string& path : files_with(kSources)) {
    std::istringstream lines(read(kRoot / path));
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      std::smatch match;
      if (!std::regex_search(line, match, kOurs)) continue;
      EXPECT_TRUE(fs::exists(kRoot / match[1].str())) << path << ":" << number << ": " << line;
    }
  }
}

// The headers that a set of files includes, by way of others too, and of the sources of these headers.
std::set<std::string> included_from(const std::vector<std::string>& paths) {
  static const std::regex kOurs(R"(\n\s*#\s*include\s*[<"]millrace/([^>"]+)[>"])");
  std::set<std::string> reached;
  std::vector<std::string> open = paths;
  while (!open.empty()) {
    const std::string text = "\n" + read(kRoot / open.back());
    open.pop_back();
    for (std::sregex_iterator found(text.begin(), text.end(), kOurs), end; found != end; ++found) {
      const std::string name = (*found)[1];
      if (!fs::exists(kRoot / name) || !reached.insert(name).second) continue;
      open.push_back(name);
      const std::string source = fs::path(name).replace_extension(".cpp");
      if (fs::exists(kRoot / source)) open.push_back(source);
    }
  }
  return reached;
}

TEST(Layering, EveryHeaderOfTheProductIsReachedByATest) {
  std::vector<std::string> tests;
  for (const std::string& path : files_with({".cpp"}))
    if (is_inside(path, "tests")) tests.push_back(path);
  const std::set<std::string> tested = included_from(tests);
  for (const std::string& path : files_with({".h"})) {
    if (is_inside(path, "tests") || is_inside(path, "benchmarks") || is_inside(path, "apps")) continue;
    EXPECT_TRUE(tested.contains(path)) << path << " is reached by no test, by way of what it includes either";
  }
}

TEST(Layering, EveryFileIsUsed) {
  const auto paths = files_with(kSources);
  std::set<std::string> sources;
  for (const std::string& path : paths)
    if (!path.ends_with(".h")) sources.insert(path);
  const std::set<std::string> used = included_from({sources.begin(), sources.end()});
  std::string builds;
  for (const std::string& path : files_with({".txt", ".cmake"})) builds += read(kRoot / path);
  for (const std::string& path : paths) {
    if (is_inside(path, "tests/consumer/app")) continue;
    if (path.ends_with(".h")) {
      EXPECT_TRUE(used.contains(path) || path == "millrace.h") << path << " is included by nobody";
    } else if (!is_inside(path, "tests")) {  // Whose names are put together there.
      EXPECT_NE(builds.find(fs::path(path).stem()), std::string::npos) << path << " is compiled by nobody";
    }
  }
}

TEST(Layering, HeadersThatMovedAreWhereTheTableSays) {
  std::istringstream lines(read(kRoot / "cmake/moved_headers.txt"));
  std::string line;
  int moved = 0;
  while (std::getline(lines, line)) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string before, now;
    words >> before >> now;
    EXPECT_FALSE(fs::exists(kRoot / before)) << line;
    EXPECT_TRUE(fs::exists(kRoot / now)) << line;
    ++moved;
  }
  EXPECT_GT(moved, 0);
}

// The first thing that a text includes; "" for nothing.
std::string first_include(const std::string& text) {
  static const std::regex kInclude(R"((^|\n)\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::smatch match;
  return std::regex_search(text, match, kInclude) ? match[2].str() : "";
}

// So that a header that needs what it does not include is an error where its own source is compiled by itself.
TEST(Layering, EverySourceIncludesItsOwnHeaderFirst) {
  for (const std::string& path : files_with({".cpp"})) {
    const std::string header = fs::path(path).replace_extension(".h");
    if (is_inside(path, "tests") || !fs::exists(kRoot / header)) continue;
    EXPECT_EQ(first_include(read(kRoot / path)), "millrace/" + header) << path;
  }
}

TEST(Layering, EveryHeaderIsIncludedOnce) {
  for (const std::string& path : files_with({".h"})) {
    EXPECT_NE(("\n" + read(kRoot / path)).find("\n#pragma once\n"), std::string::npos) << path << ": no #pragma once";
  }
}

TEST(Layering, NoFileNamesAPlaceOnSomebodysMachine) {
  // Written in two parts, or this file would name them itself.
  const std::regex place(
      "(^|[\\s\"'=(:])/(ho"
      "me|ro"
      "ot|wo"
      "rk|Us"
      "ers)/");
  for (const std::string& path :
       files_with({"", ".h", ".cpp", ".cu", ".txt", ".cmake", ".in", ".json", ".md", ".py", ".sh", ".yaml", ".yml"})) {
    std::istringstream lines(read(kRoot / path));
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      EXPECT_FALSE(std::regex_search(line, place)) << path << ":" << number << ": " << line;
    }
  }
}

TEST(Layering, EnvironmentIsReadBySecureGetenvOnly) {
  // Variables name libraries to load: a program with more rights than its caller must not listen to them.
  const std::regex plain("(^|[^_])getenv\\(");
  for (const std::string& path : files_with({".h", ".cpp"})) {
    if (path.starts_with("tests/")) continue;
    EXPECT_FALSE(std::regex_search(read(kRoot / path), plain)) << path << " calls getenv(): use secure_getenv()";
  }
}

TEST(Layering, ForeignTextsStandInMessagesByTheFunctionThatEscapesThem) {
  // "cannot read '" + path: what a name has in it would reach the terminal.
  const std::regex by_hand(R"('"\s*(\+|<<))");
  for (const std::string& path : files_with({".h", ".cpp"})) {
    if (!is_inside(path, "loader") && !is_inside(path, "samplers") && !is_inside(path, "configs") &&
        !is_inside(path, "records") && !is_inside(path, "plots") && !is_inside(path, "training") &&
        !is_inside(path, "formats") && !is_inside(path, "apps/millrace"))
      continue;
    const std::string text = read(kRoot / path);
    for (std::sregex_iterator found(text.begin(), text.end(), by_hand), end; found != end; ++found)
      ADD_FAILURE() << path << ":" << 1 + std::count(text.begin(), text.begin() + found->position(), '\n')
                    << ": a text in quotes by hand: use in_quotes() of sharing/os/printable.h";
  }
}

TEST(Layering, ReportNamesFileLineAndArrow) {
  const auto found = violations("samplers/x.cpp", "#include <vector>\n  #  include \"millrace/loader/batch.h\"\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0],
            "samplers/x.cpp:2: samplers -> loader/batch (millrace/loader/batch.h); samplers may include: torch");
}

TEST(Layering, CircleIsNamedByItsModulesAlone) {
  std::map<std::string, std::string> files = {
      {"sharing/a.h", "#include \"millrace/sharing/b.h\"\n"},
      {"sharing/b.h", "#pragma once\n"},
      {"sharing/b.cpp", "#include \"millrace/sharing/b.h\"\n#include <c.h>\n"},
      {"sharing/c.h", "#pragma once\n#include \"millrace/sharing/a.h\"\n#include \"millrace/sharing/below.h\"\n"},
      {"sharing/below.h", "#include <vector>\n"},
      {"sharing/above.cpp", "#include \"millrace/sharing/a.h\"\n"},
  };
  EXPECT_EQ(circles_among(files), std::set<std::string>{"sharing/a, sharing/b, sharing/c"});
  files["sharing/b.cpp"] = "#include \"millrace/sharing/b.h\"\n";
  EXPECT_EQ(circles_among(files), std::set<std::string>{});
}

TEST(Layering, TorchStaysOutOfSharingButForItsTwoFolders) {
  EXPECT_EQ(violations("sharing/os/x.h", "#include <c10/util/Exception.h>\n").size(), 1u);
  EXPECT_EQ(violations("sharing/channel/x.cpp", "#include \"millrace/sharing/tensor/shared_tensor.h\"\n").size(), 1u);
  EXPECT_EQ(violations("sharing/tensor/x.cpp", "#include <c10/core/Storage.h>\n").size(), 0u);
  EXPECT_EQ(violations("sharing/tensor/x.cpp", "#include <cuda_runtime_api.h>\n").size(), 1u);
  EXPECT_EQ(violations("sharing/cuda/x.cpp", "#include <cuda.h>\n").size(), 1u) << "its driver is found at run time";
}

TEST(Layering, UmbrellaOfTorchIsForProgramsAndTests) {
  EXPECT_EQ(violations("loader/x.cpp", "#include <torch/torch.h>\n").size(), 1u);
  EXPECT_EQ(violations("apps/train.cpp", "#include <torch/torch.h>\n").size(), 0u);
}

TEST(Layering, ImageLibrariesStayInLoaderImages) {
  EXPECT_EQ(violations("loader/x.cpp", "#include <jpeglib.h>\n").size(), 1u);
  EXPECT_EQ(violations("loader/engine/x.cpp", "#include \"millrace/loader/images/image.h\"\n").size(), 1u);
  EXPECT_EQ(violations("loader/images/x.cpp", "#include <jpeglib.h>\n#include <png.h>\n").size(), 1u);
  EXPECT_EQ(violations("loader/images/formats/x.cpp", "#include <png.h>\n#include <tiffio.h>\n").size(), 0u);
  EXPECT_EQ(violations("loader/images/formats/x.h", "#include <png.h>\n").size(), 1u);
}

TEST(Layering, OpenCvIsForBenchmarksAlone) {
  EXPECT_EQ(violations("loader/images/x.cpp", "#include <opencv2/imgcodecs.hpp>\n").size(), 1u);
  EXPECT_EQ(violations("benchmarks/x.cpp", "#include <opencv2/imgcodecs.hpp>\n").size(), 0u);
}

TEST(Layering, YamlLibraryStaysOutOfHeaders) {
  EXPECT_EQ(violations("configs/document.h", "#include <yaml-cpp/yaml.h>\n").size(), 1u);
  EXPECT_EQ(violations("configs/document.cpp", "#include <yaml-cpp/yaml.h>\n").size(), 0u);
}

TEST(Layering, NobodyIncludesTests) {
  EXPECT_EQ(violations("apps/x.cpp", "#include \"millrace/tests/data.h\"\n").size(), 1u);
  EXPECT_EQ(violations("tests/loader/x.cpp", "#include \"millrace/tests/data.h\"\n").size(), 0u);
}

TEST(Layering, UnknownLibraryIsRefusedByName) {
  const auto found = violations("loader/x.cpp", "#include <boost/asio.hpp>\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("loader -> boost (boost/asio.hpp)"), std::string::npos) << found[0];
}

}  // namespace
