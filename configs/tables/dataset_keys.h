#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/key.h"

/// The section `dataset`. Paths begin at the directory that the program is started in, and may begin with ~.
namespace millrace::configs::tables {

/// The keys about pictures, which every dataset that reads pictures from files has.
struct Pictures {
  std::string mode = "rgb";
  std::string pixel_type = "uint8";
  std::string orientation = "ignore";
  int64_t max_pixels = 178'956'970;
  std::string damaged_jpegs = "refuse";

  static constexpr auto keys() {
    return list(
        key("mode", &Pictures::mode, "What pictures are decoded to.").one_of("rgb, gray"),
        key("pixel_type", &Pictures::pixel_type, "The others keep 16 bits of deep gray pictures.")
            .one_of("uint8, uint16, float32"),
        key("orientation", &Pictures::orientation, "Whether pictures are turned as their EXIF says.")
            .one_of("ignore, exif"),
        key("max_pixels", &Pictures::max_pixels, "A larger picture is an error.").in("pixels").at_least(1),
        key("damaged_jpegs", &Pictures::damaged_jpegs, "JPEGs that libjpeg only warns of.").one_of("refuse, read"));
  }
};

struct ImageFolder {
  std::string root;
  std::vector<std::string> classes;
  Pictures pictures;

  static constexpr std::string_view kName = "image_folder";
  static constexpr std::string_view kMakes = "ImageFolder";
  static constexpr std::string_view kAbout = "Pictures in one directory a class.";
  static constexpr auto keys() {
    return list(key("root", &ImageFolder::root, "The directory with those of the classes.").required(),
                key("classes", &ImageFolder::classes, "The classes to read, in the order of their numbers.")
                    .otherwise("all, sorted"),
                keys_of(&ImageFolder::pictures));
  }
};

struct ImageFiles {
  std::string path;
  Pictures pictures;

  static constexpr std::string_view kName = "image_files";
  static constexpr std::string_view kMakes = "ImageFiles";
  static constexpr std::string_view kAbout = "Pictures without labels: all below a directory, or a single one.";
  static constexpr auto keys() {
    return list(key("path", &ImageFiles::path, "The directory, or the picture.").required(),
                keys_of(&ImageFiles::pictures));
  }
};

struct ImageManifest {
  std::string path;
  std::string root;
  std::string image = "path";
  std::string label = "label";
  std::string label_type = "class";
  std::string boxes;
  std::string mask;
  std::vector<int64_t> mask_values;
  std::optional<int64_t> max_boxes;
  Pictures pictures;

  static constexpr std::string_view kName = "image_manifest";
  static constexpr std::string_view kMakes = "ImageManifest";
  static constexpr std::string_view kAbout =
      "Pictures that a file lists, CSV, JSON lines or a .txt of paths with labels, with labels, boxes and masks. A "
      "column "
      "with an empty name is not read.";
  static constexpr auto keys() {
    return list(
        key("path", &ImageManifest::path, "The file.").required(),
        key("root", &ImageManifest::root, "The directory that relative paths begin at.").otherwise("the file's own"),
        key("image", &ImageManifest::image, "The column with the pictures' paths."),
        key("label", &ImageManifest::label, "The column with labels, integers or texts."),
        key("label_type", &ImageManifest::label_type, "Integers for classes, or float32 for regression.")
            .one_of("class, number"),
        key("boxes", &ImageManifest::boxes, "The column with boxes, [x1, y1, x2, y2] in pixels."),
        key("mask", &ImageManifest::mask, "The column with the masks' paths."),
        key("mask_values", &ImageManifest::mask_values,
            "The number that each class has in the masks, such as [0, 255], that of class 0 first. 255 is no class "
            "unless it stands here, any other number an error.")
            .otherwise("numbers are classes"),
        key("max_boxes", &ImageManifest::max_boxes, "Rows of the field boxes.").otherwise("of most boxes"),
        keys_of(&ImageManifest::pictures));
  }
};

struct ImageMasks {
  std::string images;
  std::string masks;
  std::vector<int64_t> mask_values;
  Pictures pictures;

  static constexpr std::string_view kName = "image_masks";
  static constexpr std::string_view kMakes = "ImageManifest";
  static constexpr std::string_view kAbout = "Pictures in one directory, and their masks of the same names in another.";
  static constexpr auto keys() {
    return list(key("images", &ImageMasks::images, "The directory with the pictures.").required(),
                key("masks", &ImageMasks::masks, "The directory with their masks.").required(),
                key("mask_values", &ImageMasks::mask_values,
                    "The number that each class has in the masks, as of image_manifest.")
                    .otherwise("numbers are classes"),
                keys_of(&ImageMasks::pictures));
  }
};

/// The keys of pairs of pictures, however they are found.
struct Pairs {
  std::string color_changes = "both";
  Pictures pictures;

  static constexpr auto keys() {
    return list(key("color_changes", &Pairs::color_changes,
                    "Which picture of a pair is changed by transforms that change colours and move nothing.")
                    .one_of("both, data, target"),
                keys_of(&Pairs::pictures));
  }
};

struct ImagePairs {
  std::string data;
  std::string target;
  Pairs pairs;

  static constexpr std::string_view kName = "image_pairs";
  static constexpr std::string_view kMakes = "ImagePairs";
  static constexpr std::string_view kAbout =
      "Pictures of the same names in two directories, as data and target; cropped, flipped and moved alike.";
  static constexpr auto keys() {
    return list(key("data", &ImagePairs::data, "The directory with what goes in.").required(),
                key("target", &ImagePairs::target, "The directory with what is to come out.").required(),
                keys_of(&ImagePairs::pairs));
  }
};

struct ImagePairsManifest {
  std::string path;
  std::string root;
  std::string data = "data";
  std::string target = "target";
  Pairs pairs;

  static constexpr std::string_view kName = "image_pairs_manifest";
  static constexpr std::string_view kMakes = "ImagePairs";
  static constexpr std::string_view kAbout =
      "The same of a file that lists the pairs: CSV, JSON lines, or a .txt of two paths a line.";
  static constexpr auto keys() {
    return list(key("path", &ImagePairsManifest::path, "The file.").required(),
                key("root", &ImagePairsManifest::root, "The directory that relative paths begin at.")
                    .otherwise("the file's own"),
                key("data", &ImagePairsManifest::data, "The column with the paths of what goes in."),
                key("target", &ImagePairsManifest::target, "The column with the paths of what is to come out."),
                keys_of(&ImagePairsManifest::pairs));
  }
};

/// The keys of datasets that are published in two parts.
struct Published {
  std::string root;
  std::string split = "train";

  static constexpr auto keys() {
    return list(key("root", &Published::root, "The directory with the unpacked files.").required(),
                key("split", &Published::split, "Which of the two parts.").one_of("train, test"));
  }
};

struct Mnist {
  Published files;

  static constexpr std::string_view kName = "mnist";
  static constexpr std::string_view kMakes = "MNIST";
  static constexpr std::string_view kAbout = "Handwritten digits, and what else comes in such idx files.";
  static constexpr auto keys() { return list(keys_of(&Mnist::files)); }
};

struct Cifar10 {
  Published files;

  static constexpr std::string_view kName = "cifar10";
  static constexpr std::string_view kMakes = "CIFAR10";
  static constexpr std::string_view kAbout = "Colour pictures of 32x32 in ten classes, the binary version.";
  static constexpr auto keys() { return list(keys_of(&Cifar10::files)); }
};

struct Cifar100 {
  Published files;

  static constexpr std::string_view kName = "cifar100";
  static constexpr std::string_view kMakes = "CIFAR100";
  static constexpr std::string_view kAbout = "The same in a hundred classes.";
  static constexpr auto keys() { return list(keys_of(&Cifar100::files)); }
};

struct Npy {
  std::vector<std::string> paths;
  std::vector<std::string> names;
  std::string float64 = "keep";

  static constexpr std::string_view kName = "npy";
  static constexpr std::string_view kMakes = "NpyDataset";
  static constexpr std::string_view kAbout = "The rows of .npy files, a field each.";
  static constexpr auto keys() {
    return list(key("paths", &Npy::paths, "The files.").required(),
                key("names", &Npy::names, "The fields' names.").otherwise("the files'"),
                key("float64", &Npy::float64, "What float64 becomes, which NumPy writes unless told otherwise.")
                    .one_of("keep, float32"));
  }
};

struct Npz {
  std::string path;
  std::vector<std::string> names;
  std::string float64 = "keep";

  static constexpr std::string_view kName = "npz";
  static constexpr std::string_view kMakes = "npz_dataset";
  static constexpr std::string_view kAbout = "The rows of the arrays in an .npz file, a field each.";
  static constexpr auto keys() {
    return list(key("path", &Npz::path, "The file.").required(),
                key("names", &Npz::names, "The arrays to read, which are the fields.").otherwise("all"),
                key("float64", &Npz::float64, "What float64 becomes, which NumPy writes unless told otherwise.")
                    .one_of("keep, float32"));
  }
};

struct Hdf5 {
  std::string path;
  std::vector<std::string> names;

  static constexpr std::string_view kName = "hdf5";
  static constexpr std::string_view kMakes = "Hdf5Dataset";
  static constexpr std::string_view kAbout = "The rows of the datasets in an HDF5 file, a field each.";
  static constexpr auto keys() {
    return list(key("path", &Hdf5::path, "The file.").required(),
                key("names", &Hdf5::names, "The datasets to read, which are the fields: group/name for one in a group.")
                    .otherwise("all in the root"));
  }
};

struct Lmdb {
  std::string path;
  std::string database;
  std::string values = "string";

  static constexpr std::string_view kName = "lmdb";
  static constexpr std::string_view kMakes = "LmdbDataset";
  static constexpr std::string_view kAbout = "The entries of an LMDB database, key and value.";
  static constexpr auto keys() {
    return list(key("path", &Lmdb::path, "Its folder, or its file.").required(),
                key("database", &Lmdb::database, "The name of a database inside.").otherwise("the main one"),
                key("values", &Lmdb::values, "What values become: texts, or tensors of bytes, which are copied less.")
                    .one_of("string, tensor"));
  }
};

struct LmdbImages {
  std::string path;
  std::string database;
  Pictures pictures;

  static constexpr std::string_view kName = "lmdb_images";
  static constexpr std::string_view kMakes = "EncodedPictures<LmdbDataset>";
  static constexpr std::string_view kAbout = "The pictures whose files are the values of an LMDB database.";
  static constexpr auto keys() {
    return list(key("path", &LmdbImages::path, "Its folder, or its file.").required(),
                key("database", &LmdbImages::database, "The name of a database inside.").otherwise("the main one"),
                keys_of(&LmdbImages::pictures));
  }
};

struct Tokens {
  std::string path;
  int64_t length = 1024;
  std::optional<int64_t> stride;
  std::string documents = "crossed";
  std::string dtype = "uint16";
  std::optional<int64_t> separator;
  int64_t padding = 0;
  std::optional<int64_t> vocabulary;

  static constexpr std::string_view kName = "tokens";
  static constexpr std::string_view kMakes = "TokenWindows";
  static constexpr std::string_view kAbout =
      "Windows of a token file, nanoGPT's .bin or Megatron-LM's .bin with .idx: data, and the target one token "
      "further.";
  static constexpr auto keys() {
    return list(
        key("path", &Tokens::path, "The .bin file. An .idx file beside it is taken where there is one.").required(),
        key("length", &Tokens::length, "Tokens a window.").at_least(1),
        key("stride", &Tokens::stride, "Tokens from one window to the next; 1 for windows anywhere.")
            .at_least(1)
            .otherwise("the length"),
        key("documents", &Tokens::documents, "Whether a window may go on from one document to the next.")
            .one_of("crossed, kept"),
        key("dtype", &Tokens::dtype, "The type of tokens in a file without an .idx.")
            .one_of("uint8, uint16, uint32, int32, int64"),
        key("separator", &Tokens::separator, "The token that ends a document in a file without an .idx.")
            .otherwise("the .idx file says it"),
        key("padding", &Tokens::padding, "What follows a document that is kept; the target has -100."),
        key("vocabulary", &Tokens::vocabulary, "The number of tokens there are; another one is an error.")
            .at_least(1)
            .otherwise("not asked"));
  }
};

struct TarImages {
  std::string shards;
  std::string image = "jpg;jpeg;png";
  std::string label = "cls";
  Pictures pictures;

  static constexpr std::string_view kName = "tar_images";
  static constexpr std::string_view kMakes = "TarImages";
  static constexpr std::string_view kAbout =
      "The pictures of tar shards, named as webdataset names them. The names of classes are in classes.txt beside "
      "them.";
  static constexpr auto keys() {
    return list(
        key("shards", &TarImages::shards, "Their paths: photos-{000000..000146}.tar, :: between several.").required(),
        key("image", &TarImages::image, "Endings of the pictures, of which the first that is there is taken."),
        key("label", &TarImages::label, "Ending of the files with labels; '' for none."),
        keys_of(&TarImages::pictures));
  }
};

struct TarShards {
  std::string shards;

  static constexpr std::string_view kName = "tar_shards";
  static constexpr std::string_view kMakes = "TarShards";
  static constexpr std::string_view kAbout = "The files of tar shards as they are: texts by their ending.";
  static constexpr auto keys() {
    return list(key("shards", &TarShards::shards, "Their paths: texts-{00..31}.tar, :: between several.").required());
  }
};

struct TfRecords {
  std::string files;
  std::vector<std::string> features;

  static constexpr std::string_view kName = "tfrecord";
  static constexpr std::string_view kMakes = "TfRecords";
  static constexpr std::string_view kAbout = "The features of tf.train.Example in TFRecord files, a field each.";
  static constexpr auto keys() {
    return list(key("files", &TfRecords::files, "Their paths: train-{00..31}.tfrecord, :: between several.").required(),
                key("features", &TfRecords::features, "The features to read, which are the fields.").otherwise("all"));
  }
};

struct TfRecordImages {
  std::string files;
  std::string image = "image/encoded";
  std::string label = "image/class/label";
  Pictures pictures;

  static constexpr std::string_view kName = "tfrecord_images";
  static constexpr std::string_view kMakes = "EncodedPictures<TfRecords>";
  static constexpr std::string_view kAbout = "The pictures whose files are a feature of tf.train.Example.";
  static constexpr auto keys() {
    return list(
        key("files", &TfRecordImages::files, "Their paths: train-{00..31}.tfrecord, :: between several.").required(),
        key("image", &TfRecordImages::image, "The feature with a picture's file."),
        key("label", &TfRecordImages::label, "The feature with its class, a whole number; '' for none."),
        keys_of(&TfRecordImages::pictures));
  }
};

/// The table of datasets that have a name in YAML, in the order of the reference. A TensorDataset holds tensors of the
/// program; ConcatDataset, Subset, StackDataset and ChainDataset are made of other datasets.
using NamedDatasets =
    TypeList<ImageFolder, ImageFiles, ImageManifest, ImageMasks, ImagePairs, ImagePairsManifest, Mnist, Cifar10,
             Cifar100, Npy, Npz, Hdf5, Lmdb, LmdbImages, Tokens, TarImages, TarShards, TfRecords, TfRecordImages>;

}  // namespace millrace::configs::tables
