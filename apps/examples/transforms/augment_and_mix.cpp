#include <ATen/ATen.h>
#include <millrace/millrace.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace millrace::transforms;
namespace fs = std::filesystem;

// A step of one's own. Worker processes find the function by where it is in the program.
at::Tensor add_noise(at::Tensor picture, millrace::SampleRng& rng) {
  const auto shift = static_cast<int64_t>(rng.uniform(-20, 20));
  return picture.to(at::kShort).add_(shift).clamp_(0, 255).to(at::kByte);
}

// Eight small pictures in two classes.
void write_pictures(const fs::path& folder) {
  for (int i = 0; i < 8; ++i) {
    const fs::path path = folder / (i % 2 == 0 ? "even" : "odd") / (std::to_string(i) + ".ppm");
    fs::create_directories(path.parent_path());
    std::string pixels;
    for (int byte = 0; byte < 60 * 80 * 3; ++byte) pixels += static_cast<char>(byte * (i + 1) / 60);
    std::ofstream(path, std::ios::binary) << "P6\n80 60\n255\n" << pixels;
  }
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  std::string folder = fs::temp_directory_path() / "millrace_augment_and_mix_XXXXXX";
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make the folder " + folder);
  write_pictures(folder);

  const Chain chain = RandomResizedCrop(32) | RandomHorizontalFlip() | RandAugment() |
                      RandomApply(ColorJitter(0.4, 0.4) | GaussianBlur(3), 0.8) | Lambda(add_noise) |
                      Normalize::imagenet();
  std::cout << to_string(chain) << '\n';
  const auto photos = millrace::ImageFolder(folder).transform(chain);
  const auto loader = millrace::make_data_loader(photos, millrace::DataLoaderOptions(8).seed(1).num_workers(2));
  const auto batch = loader->next().value();
  std::cout << "a batch: " << batch.data().sizes() << '\n';

  // A sample's draws are its own: the number of workers changes nothing.
  const auto alone = millrace::make_data_loader(photos, millrace::DataLoaderOptions(8).seed(1).num_workers(0));
  std::cout << "the same without workers: " << alone->next().value().data().equal(batch.data()) << '\n';

  // MixUp and CutMix blend the samples of a batch, in the trainer.
  millrace::SampleRng rng(1);
  const auto [mixed, targets] = MixUp(0.2, /*num_classes=*/2)(batch.data(), batch.target(), rng);
  std::cout << "mixed: " << mixed.sizes() << ", targets " << targets.sizes() << '\n';
  const auto [cut, cut_targets] = CutMix(1.0, /*num_classes=*/2)(batch.data(), batch.target(), rng);
  std::cout << "cut: " << cut.sizes() << ", targets add up to " << cut_targets.sum().item<float>() << '\n';
  fs::remove_all(folder);
}
