#include "millrace/configs/build.h"

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>

#include "millrace/loader/device/pinning.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"

namespace millrace::configs {
namespace {

constexpr int64_t kMaxSide = std::numeric_limits<int>::max();

int read_side(const Node& node) {
  const auto side = read<int64_t>(node);
  if (side < 1 || side > kMaxSide) throw node.error("expected a number of pixels, found " + shown_text(node.value()));
  return static_cast<int>(side);
}

transforms::Chain read_step(const Node& node);

// size: 224, or size: [224, 320] for height and width. Hands a number or a pair of them to `make`.
template <class Make>
transforms::Chain with_size(Section& parameters, Make make) {
  const Node node = parameters.child("size");
  if (node.value().kind != Value::Kind::kList)
    return build_at(parameters.node(), [&] { return make(read_side(node)); });
  const auto sides = node.elements();
  if (sides.size() != 2) throw node.error("expected one number, or height and width");
  const image::Size size{read_side(sides[0]), read_side(sides[1])};
  return build_at(parameters.node(), [&] { return make(size); });
}

std::pair<double, double> range(Section& parameters, const char* key, std::pair<double, double> fallback) {
  const auto node = parameters.find(key);
  if (!node) return fallback;
  const auto values = read<std::vector<double>>(*node);
  if (values.size() != 2) throw node->error("expected two numbers, [low, high]");
  return {values[0], values[1]};
}

transforms::Chain normalize(Section& parameters) {
  const auto mean = parameters.get<std::vector<double>>("mean", {});
  const auto std = parameters.get<std::vector<double>>("std", {});
  return build_at(parameters.node(), [&] {
    return mean.empty() && std.empty() ? transforms::Normalize::imagenet()
                                       : transforms::Normalize({mean.begin(), mean.end()}, {std.begin(), std.end()});
  });
}

/// A probability p, the one parameter of T.
template <class T>
transforms::Chain with_probability(Section& parameters) {
  return T(parameters.number("p", T().p, 0, 1));
}

std::vector<uint8_t> pixel_values(Section& parameters, const char* key) {
  const auto node = parameters.find(key);
  if (!node) return {0};
  const bool is_list = node->value().kind == Value::Kind::kList;
  std::vector<uint8_t> values;
  for (const int64_t value : is_list ? read<std::vector<int64_t>>(*node) : std::vector{read<int64_t>(*node)}) {
    if (value < 0 || value > 255) throw node->error("expected pixel values, 0 to 255, found " + std::to_string(value));
    values.push_back(static_cast<uint8_t>(value));
  }
  return values;
}

// padding: 4, or [2, 4] for left and right, top and bottom, or [left, top, right, bottom].
image::Borders borders(const Node& node) {
  const bool is_list = node.value().kind == Value::Kind::kList;
  const auto sides = is_list ? read<std::vector<int64_t>>(node) : std::vector{read<int64_t>(node)};
  for (const int64_t side : sides) {
    if (side < 0 || side > kMaxSide) throw node.error("expected numbers of pixels, found " + std::to_string(side));
  }
  const auto side = [&](size_t i) { return static_cast<int>(sides[i % sides.size()]); };
  if (sides.size() != 1 && sides.size() != 2 && sides.size() != 4)
    throw node.error("expected one number, [left and right, top and bottom] or [left, top, right, bottom]");
  return {side(0), side(1), side(2), side(3)};
}

/// The keys of Pad; without padding there are no borders.
transforms::Pad pad(Section& parameters) {
  const auto padding = parameters.find("padding");
  const auto sides = padding ? borders(*padding) : image::Borders{};
  const auto fill = pixel_values(parameters, "fill");
  const auto mode = parameters.choice<transforms::PadMode>("padding_mode",
                                                           {{"constant", transforms::PadMode::kConstant},
                                                            {"edge", transforms::PadMode::kEdge},
                                                            {"reflect", transforms::PadMode::kReflect},
                                                            {"symmetric", transforms::PadMode::kSymmetric}},
                                                           transforms::PadMode::kConstant);
  return build_at(parameters.node(), [&] { return transforms::Pad(sides, fill, mode); });
}

transforms::Chain random_crop(Section& parameters) {
  const auto padding = pad(parameters);
  const bool pad_if_needed = parameters.get<bool>("pad_if_needed", false);
  return with_size(parameters, [&](auto size) { return transforms::RandomCrop(size, padding, pad_if_needed); });
}

// brightness: 0.4 for factors from 0.6 to 1.4, or [0.6, 1.4]; hue: 0.1 for turns from -0.1 to 0.1.
transforms::Chain color_jitter(Section& parameters) {
  const auto changes = [&](const char* key, double middle, double lowest) {
    const auto node = parameters.find(key);
    if (!node) return transforms::ColorJitter::Range{middle, middle};
    if (node->value().kind == Value::Kind::kList) return range(parameters, key, {});
    const auto change = read<double>(*node);
    if (change < 0) throw node->error("must be at least 0, or [low, high]; found " + shown_text(node->value()));
    return transforms::ColorJitter::Range{std::max(lowest, middle - change), middle + change};
  };
  const auto brightness = changes("brightness", 1, 0);
  const auto contrast = changes("contrast", 1, 0);
  const auto saturation = changes("saturation", 1, 0);
  const auto hue = changes("hue", 0, -1);
  return build_at(parameters.node(), [&] { return transforms::ColorJitter(brightness, contrast, saturation, hue); });
}

transforms::Chain gaussian_blur(Section& parameters) {
  const auto sigma = range(parameters, "sigma", transforms::GaussianBlur().sigma);
  const Node node = parameters.child("kernel_size");
  const bool is_list = node.value().kind == Value::Kind::kList;
  const auto sides = is_list ? node.elements() : std::vector{node};
  if (sides.size() != 1 && sides.size() != 2) throw node.error("expected one number, or height and width");
  const image::Size size{read_side(sides.front()), read_side(sides.back())};
  return build_at(parameters.node(), [&] { return transforms::GaussianBlur(size, sigma); });
}

transforms::Chain random_erasing(Section& parameters) {
  const transforms::RandomErasing defaults;
  const double p = parameters.number("p", defaults.p, 0, 1);
  const auto scale = range(parameters, "scale", defaults.scale);
  const auto ratio = range(parameters, "ratio", defaults.ratio);
  const auto value = pixel_values(parameters, "value");
  return build_at(parameters.node(), [&] { return transforms::RandomErasing(p, scale, ratio, value); });
}

// degrees: 10 for -10 to 10, or [-5, 20].
std::pair<double, double> symmetric_range(Section& parameters, const char* key) {
  const auto node = parameters.find(key);
  if (!node) return {0, 0};
  if (node->value().kind == Value::Kind::kList) return range(parameters, key, {});
  const auto most = read<double>(*node);
  return {-most, most};
}

transforms::Interpolation interpolation(Section& parameters) {
  return parameters.choice<transforms::Interpolation>(
      "interpolation",
      {{"nearest", transforms::Interpolation::kNearest}, {"bilinear", transforms::Interpolation::kBilinear}},
      transforms::Interpolation::kNearest);
}

transforms::Chain random_rotation(Section& parameters) {
  parameters.child("degrees");
  const auto degrees = symmetric_range(parameters, "degrees");
  const auto mode = interpolation(parameters);
  const auto fill = pixel_values(parameters, "fill");
  return build_at(parameters.node(), [&] { return transforms::RandomRotation(degrees, mode, fill); });
}

// shear: as degrees, along x; or four numbers, low and high along x, low and high along y.
transforms::Chain random_affine(Section& parameters) {
  transforms::RandomAffine::Ranges ranges;
  parameters.child("degrees");
  ranges.degrees = symmetric_range(parameters, "degrees");
  ranges.translate = range(parameters, "translate", ranges.translate);
  ranges.scale = range(parameters, "scale", ranges.scale);
  const auto shear = parameters.find("shear");
  if (shear && shear->value().kind == Value::Kind::kList && shear->elements().size() == 4) {
    const auto numbers = read<std::vector<double>>(*shear);
    ranges.shear_x = {numbers[0], numbers[1]};
    ranges.shear_y = {numbers[2], numbers[3]};
  } else {
    ranges.shear_x = symmetric_range(parameters, "shear");
  }
  const auto mode = interpolation(parameters);
  const auto fill = pixel_values(parameters, "fill");
  return build_at(parameters.node(), [&] { return transforms::RandomAffine(ranges, mode, fill); });
}

/// Policies have no fill unless there is one.
std::vector<uint8_t> policy_fill(Section& parameters) {
  return parameters.find("fill") ? pixel_values(parameters, "fill") : std::vector<uint8_t>{};
}

/// A step with a number of its own, and a probability p.
template <class T>
transforms::Chain with_number_and_probability(Section& parameters, const char* key) {
  const auto number = read<double>(parameters.child(key));
  const double p = parameters.number("p", T().p, 0, 1);
  return build_at(parameters.node(), [&] { return transforms::Chain(T(number, p)); });
}

transforms::Chain random_posterize(Section& parameters) {
  parameters.child("bits");
  const transforms::RandomPosterize defaults;
  const auto bits = static_cast<int>(parameters.integer("bits", defaults.bits, 0, 8));
  return transforms::RandomPosterize(bits, parameters.number("p", defaults.p, 0, 1));
}

transforms::Chain rand_augment(Section& parameters) {
  constexpr int64_t kMost = 1000;
  const transforms::RandAugment defaults;
  const auto integer = [&](const char* key, int fallback, int64_t least) {
    return static_cast<int>(parameters.integer(key, fallback, least, kMost));
  };
  const int num_ops = integer("num_ops", defaults.num_ops, 0);
  const int magnitude = integer("magnitude", defaults.magnitude, 0);
  const int bins = integer("num_magnitude_bins", defaults.num_magnitude_bins, 2);
  const auto mode = interpolation(parameters);
  const auto fill = policy_fill(parameters);
  return build_at(parameters.node(), [&] { return transforms::RandAugment(num_ops, magnitude, bins, mode, fill); });
}

transforms::Chain trivial_augment_wide(Section& parameters) {
  const int bins = static_cast<int>(
      parameters.integer("num_magnitude_bins", transforms::TrivialAugmentWide().num_magnitude_bins, 2, 1000));
  const auto mode = interpolation(parameters);
  const auto fill = policy_fill(parameters);
  return build_at(parameters.node(), [&] { return transforms::TrivialAugmentWide(bins, mode, fill); });
}

transforms::Chain random_apply(Section& parameters) {
  auto chain = read_transforms(parameters.child("transforms"));
  const double p = parameters.number("p", 0.5, 0, 1);
  return build_at(parameters.node(), [&] { return transforms::RandomApply(std::move(chain), p); });
}

// transforms: [random_invert, [color_jitter: {hue: 0.1}, gaussian_blur: {kernel_size: 3}]], of which one is applied.
transforms::Chain random_choice(Section& parameters) {
  std::vector<transforms::Chain> chains;
  for (const auto& element : parameters.child("transforms").elements()) {
    const bool is_list = element.value().kind == Value::Kind::kList;
    chains.push_back(is_list ? read_transforms(element) : read_step(element));
  }
  const auto p = parameters.get<std::vector<double>>("p", {});
  return build_at(parameters.node(), [&] { return transforms::RandomChoice(std::move(chains), p); });
}

using MakeStep = transforms::Chain (*)(Section& parameters);

const std::vector<std::pair<std::string, MakeStep>>& steps() {
  static const std::vector<std::pair<std::string, MakeStep>> table{
      {"resize", [](Section& p) { return with_size(p, [](auto size) { return transforms::Resize(size); }); }},
      {"center_crop", [](Section& p) { return with_size(p, [](auto size) { return transforms::CenterCrop(size); }); }},
      {"random_resized_crop",
       [](Section& p) {
         const transforms::RandomResizedCrop defaults;
         const auto scale = range(p, "scale", defaults.scale);
         const auto ratio = range(p, "ratio", defaults.ratio);
         return with_size(p, [&](auto size) { return transforms::RandomResizedCrop(size, scale, ratio); });
       }},
      {"random_horizontal_flip", with_probability<transforms::RandomHorizontalFlip>},
      {"random_vertical_flip", with_probability<transforms::RandomVerticalFlip>},
      {"pad",
       [](Section& p) {
         p.child("padding");  // Which random_crop may leave out.
         return transforms::Chain(pad(p));
       }},
      {"random_crop", random_crop},
      {"color_jitter", color_jitter},
      {"grayscale",
       [](Section& p) {
         const auto channels = static_cast<int>(p.integer("num_output_channels", 1, 1, 3));
         return build_at(p.node(), [&] { return transforms::Chain(transforms::Grayscale(channels)); });
       }},
      {"random_grayscale", with_probability<transforms::RandomGrayscale>},
      {"gaussian_blur", gaussian_blur},
      {"random_erasing", random_erasing},
      {"random_rotation", random_rotation},
      {"random_affine", random_affine},
      {"random_invert", with_probability<transforms::RandomInvert>},
      {"random_posterize", random_posterize},
      {"random_solarize",
       [](Section& p) { return with_number_and_probability<transforms::RandomSolarize>(p, "threshold"); }},
      {"random_adjust_sharpness",
       [](Section& p) {
         return with_number_and_probability<transforms::RandomAdjustSharpness>(p, "sharpness_factor");
       }},
      {"random_autocontrast", with_probability<transforms::RandomAutocontrast>},
      {"random_equalize", with_probability<transforms::RandomEqualize>},
      {"rand_augment", rand_augment},
      {"trivial_augment_wide", trivial_augment_wide},
      {"random_apply", random_apply},
      {"random_choice", random_choice},
      {"to_dtype",
       [](Section& p) {
         const auto dtype = p.choice<c10::ScalarType>("dtype", {{"float32", c10::ScalarType::Float}});
         return transforms::Chain(transforms::ToDtype(dtype, p.get<bool>("scale", false)));
       }},
      {"normalize", normalize},
  };
  return table;
}

transforms::Chain read_step(const Node& node) {
  const Value& value = node.value();
  const bool is_name = value.kind == Value::Kind::kScalar;
  if (!is_name && (value.kind != Value::Kind::kMap || value.members.size() != 1))
    throw node.error(
        "expected a transform's name, or one name with its parameters, such as resize: {size: 224}; found " +
        describe(value));
  const auto name = is_name ? value.text : value.members.front().key;
  std::vector<std::string> names;
  for (const auto& [known, make] : steps()) {
    names.push_back(known);
    if (known != name) continue;
    Section parameters(is_name ? node.emptied() : node[name]);
    auto step = make(parameters);
    parameters.finish();
    return step;
  }
  throw unknown_word(node, name, names);
}

// pin_memory: auto pins where there is a device that gains by it.
bool pin_memory(Section& keys, bool fallback) {
  enum class Pin { kAuto, kTrue, kFalse };
  const auto pin = keys.choice<Pin>("pin_memory", {{"auto", Pin::kAuto}, {"true", Pin::kTrue}, {"false", Pin::kFalse}},
                                    fallback ? Pin::kTrue : Pin::kFalse);
  return pin == Pin::kAuto ? can_pin_memory() : pin == Pin::kTrue;
}

// device: cpu, cuda or cuda:1.
c10::Device device(Section& keys, c10::Device fallback) {
  const auto node = keys.find("device");
  if (!node) return fallback;
  const auto name = read<std::string>(*node);
  try {
    const c10::Device named(name);
    if (named.is_cpu() || named.is_cuda()) return named;
  } catch (const c10::Error&) {
  }
  throw node->error("expected cpu, cuda, or cuda:1 for a certain one, found " + describe(node->value()));
}

}  // namespace

DataLoaderOptions read_loader_options(const Node& loader) {
  Section keys(loader);
  DataLoaderOptions options;
  options.batch_size(keys.integer("batch_size", options.batch_size(), 1))
      .num_workers(keys.integer("num_workers", options.num_workers(), 0))
      .worker_mode(keys.choice<WorkerMode>(
          "worker_mode", {{"process", WorkerMode::kProcess}, {"thread", WorkerMode::kThread}}, options.worker_mode()))
      .start_method(keys.choice<StartMethod>(
          "start_method",
          {{"forkserver", StartMethod::kForkServer}, {"fork", StartMethod::kFork}, {"spawn", StartMethod::kSpawn}},
          options.start_method()))
      .seed(keys.get<uint64_t>("seed", options.seed()))
      .drop_last(keys.get<bool>("drop_last", options.drop_last()))
      .prefetch(keys.integer("prefetch", options.prefetch(), 1))
      .held(keys.integer("held", options.held(), 1))
      .in_order(keys.get<bool>("in_order", options.in_order()))
      .timeout(std::chrono::milliseconds(static_cast<int64_t>(1e3 * keys.number("timeout", 0, 0, 1e9))))
      .retries(keys.integer("retries", options.retries(), 0))
      .sample_timeout(std::chrono::milliseconds(static_cast<int64_t>(1e3 * keys.number("sample_timeout", 0, 0, 1e9))))
      .on_error(keys.choice<OnError>(
          "on_error", {{"raise", OnError::kRaise}, {"skip", OnError::kSkip}, {"replace", OnError::kReplace}},
          options.on_error()))
      .pin_memory(pin_memory(keys, options.pin_memory()))
      .device(device(keys, options.device()))
      .device_prefetch(keys.integer("device_prefetch", options.device_prefetch(), 0));
  keys.finish();
  return options;
}

AnySampler read_sampler(const std::optional<Node>& sampler, int64_t samples, const DataLoaderOptions& options) {
  enum class Type { kSequential, kRandom };
  if (!sampler) return SequentialSampler(samples);
  Section keys(*sampler);
  const auto type = keys.choice<Type>("type", {{"sequential", Type::kSequential}, {"random", Type::kRandom}});
  if (type == Type::kSequential) {
    keys.finish();
    return SequentialSampler(samples);
  }
  RandomSamplerOptions random;
  random.seed = keys.get<uint64_t>("seed", options.seed());
  random.replacement = keys.get<bool>("replacement", false);
  if (const auto count = keys.find("num_samples")) random.num_samples = read<int64_t>(*count);
  keys.finish();
  return build_at(*sampler, [&] { return RandomSampler(samples, random); });
}

transforms::Chain read_transforms(const std::optional<Node>& transforms) {
  transforms::Chain chain;
  if (!transforms || transforms->value().kind == Value::Kind::kNull) return chain;
  for (const auto& element : transforms->elements())
    chain = build_at(element, [&] { return std::move(chain) | read_step(element); });
  return chain;
}

ImageFolder build_image_folder(const Node& dataset, const std::optional<Node>& transforms) {
  Section keys(dataset);
  keys.choice<int>("type", {{"image_folder", 0}});
  const Node root = keys.child("root");
  const auto mode =
      keys.choice<ImageMode>("mode", {{"rgb", ImageMode::kRGB}, {"gray", ImageMode::kGray}}, ImageMode::kRGB);
  const auto orientation = keys.choice<Orientation>(
      "orientation", {{"ignore", Orientation::kIgnore}, {"exif", Orientation::kExif}}, Orientation::kIgnore);
  const int64_t max_pixels = keys.integer("max_pixels", kMaxPixels, 1);
  const auto damaged = keys.choice<DamagedJpegs>(
      "damaged_jpegs", {{"refuse", DamagedJpegs::kRefuse}, {"read", DamagedJpegs::kRead}}, DamagedJpegs::kRefuse);
  const auto pixel_type = keys.choice<PixelType>(
      "pixel_type",
      {{"uint8", PixelType::kUInt8}, {"uint16", PixelType::kUInt16}, {"float32", PixelType::kFloat32}},
      PixelType::kUInt8);
  keys.finish();
  auto chain = read_transforms(transforms);
  return build_at<std::exception>(root, [&] {
    return ImageFolder(read<std::string>(root))
        .mode(mode)
        .orientation(orientation)
        .max_pixels(max_pixels)
        .damaged_jpegs(damaged)
        .pixel_type(pixel_type)
        .transform(std::move(chain));
  });
}

DatasetTypes::DatasetTypes() { add("image_folder", build_image_folder); }

DatasetTypes::LoaderMaker DatasetTypes::open(const Node& loader) const {
  const Node dataset = loader.parent()["dataset"];
  const Node type = dataset["type"];
  const auto name = read<std::string>(type);
  const auto found = makers_.find(name);
  if (found != makers_.end()) return found->second(dataset, loader);
  std::vector<std::string> names;
  for (const auto& [known, maker] : makers_) names.push_back(known);
  throw unknown_word(type, name, names);
}

std::unique_ptr<DataLoader> build_loader(const Node& loader, const DatasetTypes& types) { return types.open(loader)(); }

}  // namespace millrace::configs
