#include <millrace/millrace.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  using namespace millrace::transforms;

  // ../formats/rgb.png ../formats/alpha.png, which are one picture
  const auto pairs = millrace::ImagePairs::in_manifest("manifests/pairs.txt")
                         .transform(RandomCrop(64) | RandomHorizontalFlip() | ColorJitter(0.4));
  std::cout << to_string(pairs.spec()) << "\n";

  for (const auto changes : {ColorChanges::kBoth, ColorChanges::kData}) {
    auto loader = millrace::make_data_loader(pairs.color_changes(changes), millrace::DataLoaderOptions(2));
    const auto batch = loader->next();
    std::cout << (batch->data().equal(batch->target()) ? "alike" : "of other colours") << "\n";
  }
}
