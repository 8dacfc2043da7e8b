// `millrace` with a dataset, a transform and a model of one's own, which YAML names: docs/own_types.md.
#include <millrace/apps/millrace/program.h>
#include <millrace/loader/images/transforms/renderer.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

namespace tables = millrace::configs::tables;
namespace transforms = millrace::transforms;

struct BarKeys {  // What stands in the section `dataset`.
  int64_t count = 256;
  static constexpr std::string_view kName = "bars", kMakes = "Bars", kAbout = "Bars above or below the middle.";
  static constexpr auto keys() { return tables::list(tables::key("count", &BarKeys::count, "How many.").at_least(1)); }
};

struct Bars {
  int64_t count = 0;
  transforms::Chain chain;  // What stands in the section `transforms`.
  size_t size() const { return static_cast<size_t>(count); }
  millrace::SampleSpec spec() const {
    return {chain.field("image", millrace::ImageMode::kGray, chain.output_size({16, 16})), {"label", at::kLong, {}}};
  }
  void read(size_t i, millrace::SampleRow& row, millrace::SampleContext& context) const {
    std::vector<uint8_t> pixels(16 * 16, 40);
    const size_t y = 8 * (i % 2) + static_cast<size_t>(context.rng().integer(0, 7));
    for (size_t x = 0; x < 16; ++x) pixels[16 * y + x] = 90;
    transforms::Renderer().render(chain, pixels, {16, 16}, context.rng(), chain.output_size({16, 16}), row.bytes(0));
    row.set<int64_t>("label", static_cast<int64_t>(i % 2));
  }
  void serialize(auto& archive) { archive(count, chain); }  // How it travels to workers.
};

struct Threshold : transforms::KeepsShape {  // A step of the section `transforms`.
  int least = 128;
  static constexpr std::string_view kName = "Threshold", kAbout = "black and white";
  static constexpr auto fields() { return transforms::list(transforms::field("least", &Threshold::least)); }
  void check() const {}
  void apply(transforms::Pixels& picture, millrace::SampleRng&) const {
    millrace::image::map_values(picture.planes(), [&](uint8_t value) -> uint8_t { return value < least ? 0 : 255; });
  }
  bool operator==(const Threshold&) const = default;
};

struct NetKeys {  // What stands in the section `model`.
  int64_t width = 32;
  static constexpr std::string_view kName = "two_layers", kMakes = "Sequential", kAbout = "Two linear layers.";
  static constexpr auto keys() { return tables::list(tables::key("width", &NetKeys::width, "Of the first.")); }
};

void add_types(millrace::apps::ProgramTypes& types) {
  types.datasets.add<BarKeys>([](const BarKeys& keys, transforms::Chain chain) { return Bars{keys.count, chain}; });
  types.transforms.add<Threshold>();
  types.models.add<NetKeys>([](const NetKeys& keys, const millrace::training::ModelFacts& facts) {
    const torch::nn::Linear first(facts.channels * facts.height * facts.width, keys.width);
    return torch::nn::Sequential(torch::nn::Flatten(), first, torch::nn::Linear(keys.width, facts.classes));
  });
}

int main(int argc, char** argv) { return millrace::apps::run_program(argc, argv, add_types); }
