#include <millrace/millrace.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);  // First: starts the fork server.
  using namespace millrace::transforms;
  const auto photos = millrace::ImageFolder("photos").transform(RandomResizedCrop(224) | RandomHorizontalFlip());
  std::cout << photos.size() << " photos of " << photos.classes().size() << " classes, the first is a "
            << photos.classes().front() << "\n";

  auto loader = millrace::make_data_loader(photos, millrace::DataLoaderOptions(32).num_workers(2).shuffle(true));
  for (auto& batch : *loader) std::cout << batch.data().sizes() << " and " << batch.target().sizes() << "\n";
}
