#pragma once

#include <string>
#include <vector>

#include "millrace/loader/images/datasets/manifest_options.h"
#include "millrace/packing/sample_list.h"

namespace millrace::packing {

/// What there is to pack.
struct Source {
  SampleList samples;
  std::vector<std::string> classes;  ///< The names of the labels by number; empty where there are none.
  std::string folder;                ///< The folder that was listed; empty where it was files.
};

/// Lists what lies in a folder of pictures with one folder a class: each picture under its own ending, and its label,
/// a number, as "cls". A folder with pictures and without folders has no labels. Throws as ImageFolder and ImageFiles,
/// and for a folder whose folders are parts (train, test) and no classes.
Source list_folder(const std::string& path);

/// Lists the pictures of a manifest: each under its own ending, its label as "cls", or as "txt" where labels are
/// numbers, its boxes as "json", {"boxes": [[x1, y1, x2, y2]]}, its mask as "mask.png" or what its ending is. Throws as
/// ImageManifest.
Source list_manifest(const std::string& path, const ImageManifestOptions& options);

/// Lists the samples of tar files, all their files under the extensions they have. Throws as TarShards.
Source list_shards(const std::vector<std::string>& tars);

/// Lists what lies at `input`: list_shards() for a tar file, a pattern of them or a folder that has some, list_folder()
/// for any other folder, and else list_manifest().
Source list_source(const std::string& input, const ImageManifestOptions& columns);

/// The tar files at a path: themselves, all that a pattern stands for, or those of a folder, sorted. Empty where a
/// folder has none.
std::vector<std::string> tar_files_at(const std::string& path);

}  // namespace millrace::packing
