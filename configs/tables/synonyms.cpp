#include "millrace/configs/tables/synonyms.h"

#include <cctype>
#include <cstdint>

namespace millrace::configs {
namespace {

struct Synonym {
  std::string_view theirs;  // Folded.
  std::string_view ours;
};

// A word stands here as often as it may mean something: which is meant, the place tells.
constexpr Synonym kSynonyms[] = {
    // Sections and keys of the file.
    {"data", "dataset"},
    {"dataloader", "loader"},
    {"transform", "transforms"},
    {"augmentation", "transforms"},
    {"augmentations", "transforms"},
    {"preprocessing", "transforms"},
    {"batchsampler", "sampler"},
    {"collatefn", "collate"},
    {"validation", "test"},
    {"val", "test"},
    {"valid", "test"},
    {"eval", "test"},
    {"dev", "test"},
    {"training", "train"},
    {"net", "model"},
    {"network", "model"},
    {"arch", "model"},
    {"architecture", "model"},
    {"backbone", "model"},
    {"optim", "optimizer"},
    {"scheduler", "schedule"},
    {"lrscheduler", "schedule"},
    {"constantlr", "constant"},
    {"cosineannealinglr", "cosine"},
    {"multisteplr", "step"},
    {"steplr", "step"},
    {"onecyclelr", "one_cycle"},
    {"criterion", "loss"},
    {"numepochs", "epochs"},
    {"maxepochs", "epochs"},
    {"nepochs", "epochs"},
    {"gpu", "device"},
    {"gpus", "device"},
    {"accelerator", "device"},
    {"mixedprecision", "amp"},
    {"precision", "amp"},
    {"randomseed", "seed"},
    {"manualseed", "seed"},
    // The loader.
    {"bs", "batch_size"},
    {"batch", "batch_size"},
    {"samplesperbatch", "batch_size"},
    {"workers", "num_workers"},
    {"numthreads", "num_workers"},
    {"jobs", "num_workers"},
    {"multiprocessingcontext", "start_method"},
    {"context", "start_method"},
    {"enforceordering", "in_order"},
    {"pinmemorydevice", "device"},
    {"persistent", "persistent_workers"},
    {"threads", "thread"},
    {"processes", "process"},
    {"ignore", "skip"},
    {"throw", "raise"},
    {"error", "raise"},
    // Datasets.
    {"csv", "image_manifest"},
    {"json", "image_manifest"},
    {"jsonl", "image_manifest"},
    {"manifest", "image_manifest"},
    {"folder", "image_folder"},
    {"directory", "image_folder"},
    {"images", "image_folder"},
    {"webdataset", "tar_images"},
    {"wds", "tar_images"},
    {"tar", "tar_images"},
    {"numpy", "npy"},
    {"fashionmnist", "mnist"},
    {"kmnist", "mnist"},
    {"path", "root"},
    {"dir", "root"},
    {"folder", "root"},
    {"directory", "root"},
    {"datadir", "root"},
    {"datapath", "root"},
    {"file", "path"},
    {"filename", "path"},
    {"csvfile", "path"},
    {"annotations", "path"},
    {"urls", "shards"},
    {"files", "paths"},
    {"train", "split"},
    {"colormode", "mode"},
    {"imagemode", "mode"},
    {"grayscale", "gray"},
    {"grey", "gray"},
    {"color", "rgb"},
    {"l", "gray"},
    {"tokenwindows", "tokens"},
    // Transforms.
    {"flip", "random_horizontal_flip"},
    {"horizontalflip", "random_horizontal_flip"},
    {"hflip", "random_horizontal_flip"},
    {"verticalflip", "random_vertical_flip"},
    {"vflip", "random_vertical_flip"},
    {"rotation", "random_rotation"},
    {"rotate", "random_rotation"},
    {"cutout", "random_erasing"},
    {"scale", "resize"},
    {"convertimagedtype", "to_dtype"},
    {"autoaugment", "rand_augment"},
    {"prob", "p"},
    {"probability", "p"},
    {"angle", "degrees"},
    {"linear", "bilinear"},
    // Samplers.
    {"shuffle", "random"},
    {"weighted", "weighted_random"},
    {"balanced", "class_balanced"},
    // Training.
    {"visiontransformer", "vit_tiny"},
    {"vit", "vit_tiny"},
    {"resnet", "resnet18"},
    {"cnn", "small_cnn"},
    {"torchscript", "torch_script"},
    {"jit", "torch_script"},
    {"learningrate", "lr"},
    {"rate", "lr"},
    {"wd", "weight_decay"},
    {"l2", "weight_decay"},
    {"fp16", "half"},
    {"float16", "half"},
    {"bf16", "bfloat16"},
    {"fp32", "none"},
    {"true", "bfloat16"},
    {"false", "none"},
    {"float", "float32"},
    // YAML 1.1.
    {"yes", "true"},
    {"on", "true"},
    {"y", "true"},
    {"no", "false"},
    {"off", "false"},
    {"n", "false"},
    {"1", "true"},
    {"0", "false"},
};

constexpr Misplaced kMisplaced[] = {
    {"lr", "optimizer.lr"},
    {"learningrate", "optimizer.lr"},
    {"baselr", "optimizer.lr"},
    {"lr0", "optimizer.lr"},
    {"momentum", "optimizer.momentum"},
    {"nesterov", "optimizer.nesterov"},
    {"betas", "optimizer.betas"},
    {"eps", "optimizer.eps"},
    {"weightdecay", "optimizer.weight_decay"},
    {"wd", "optimizer.weight_decay"},
    {"l2", "optimizer.weight_decay"},
    {"warmup", "schedule.warmup_epochs"},
    {"warmupepochs", "schedule.warmup_epochs"},
    {"workers", "loader.num_workers"},
    {"jobs", "loader.num_workers"},
    {"batch", "loader.batch_size"},
    {"bs", "loader.batch_size"},
    {"imgsz", "transforms.resize"},
    {"imgsize", "transforms.resize"},
    {"imagesize", "transforms.resize"},
    {"inputsize", "transforms.resize"},
    {"cropsize", "transforms.random_resized_crop"},
    {"numclasses", "classes"},
    {"nclasses", "classes"},
    {"nc", "classes"},
    {"dropout", "model.dropout"},
    {"pretrained", "weights.from"},
    {"finetune", "weights.from"},
    {"checkpoint", "weights.from"},
    {"mean", "normalize.mean"},
    {"std", "normalize.std"},
    {"labelsmoothing", "loss.label_smoothing"},
    {"smoothing", "loss.label_smoothing"},
    {"mixup", "mix.mixup"},
    {"mixupalpha", "mix.mixup"},
    {"cutmix", "mix.cutmix"},
    {"cutmixalpha", "mix.cutmix"},
    {"modelema", "ema.decay"},
    {"emadecay", "ema.decay"},
    {"decay", "ema.decay"},
    {"clip", "gradients.clip"},
    {"gradclip", "gradients.clip"},
    {"clipgrad", "gradients.clip"},
    {"maxgradnorm", "gradients.clip"},
    {"gradientclipval", "gradients.clip"},
    {"accumulate", "gradients.accumulate"},
    {"accumulategradbatches", "gradients.accumulate"},
    {"gradientaccumulationsteps", "gradients.accumulate"},
    {"saveevery", "checkpoints.every_epochs"},
    {"patience", "early_stop.patience"},
    {"earlystopping", "early_stop.patience"},
};

struct Advice {
  std::string_view theirs;  // Folded.
  std::string_view text;
};

constexpr Advice kAdvice[] = {
    {"totensor", "pictures are tensors already, for floats from 0 to 1 write to_dtype: {dtype: float32, scale: true}"},
    {"piltotensor", "pictures are tensors already; remove it"},
    {"toimage", "pictures are tensors already; remove it"},
    {"topilimage", "pictures are tensors already; remove it"},
    {"compose", "the list of transforms is the composition, write its steps in it"},
    {"sequential", "the list of transforms is the composition, write its steps in it"},
    {"lambda", "it is a function of the program; give it a name by configs::TransformTypes"},
};

}  // namespace

std::string folded(std::string_view word) {
  word = word.substr(0, word.find('('));
  const size_t before = word.find_last_of(".:");
  if (before != std::string_view::npos) word.remove_prefix(before + 1);
  std::string letters;
  for (const char c : word)
    if (c != '_' && c != '-' && c != ' ') letters += static_cast<char>(std::tolower(static_cast<uint8_t>(c)));
  return letters;
}

std::vector<std::string> synonyms(std::string_view word) {
  const std::string theirs = folded(word);
  std::vector<std::string> ours;
  for (const Synonym& synonym : kSynonyms)
    if (synonym.theirs == theirs) ours.emplace_back(synonym.ours);
  return ours;
}

std::span<const Misplaced> misplaced_words() { return kMisplaced; }

std::string place_of_misplaced(std::string_view word) {
  const std::string theirs = folded(word);
  for (const Misplaced& one : kMisplaced)
    if (one.theirs == theirs) return std::string(one.place);
  return "";
}

std::string advice(std::string_view word) {
  const std::string theirs = folded(word);
  for (const Advice& one : kAdvice)
    if (one.theirs == theirs) return std::string(one.text);
  return "";
}

}  // namespace millrace::configs
