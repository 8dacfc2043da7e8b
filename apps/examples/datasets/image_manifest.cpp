#include <millrace/millrace.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  using namespace millrace::transforms;

  // path,label
  // ../photos/hat/00d94e21-5891-492e-be0e-792e7338c077.jpg,hat
  const auto photos = millrace::ImageManifest("manifests/photos.csv").transform(Resize({64, 64}));
  std::cout << photos.size() << " photos, " << photos.describe(0) << " is a " << photos.classes()[photos.label(0)]
            << "\n";

  // {"path": "../formats/rgb.png", "label": 3, "boxes": [[10, 20, 50, 60], [1, 2, 3, 4]], "mask": "mask.png"}
  const auto objects = millrace::ImageManifest("manifests/objects.jsonl", {.boxes = "boxes", .mask = "mask"})
                           .transform(Resize({142, 186}) | RandomHorizontalFlip(1));
  auto loader = millrace::make_data_loader(objects, millrace::DataLoaderOptions(2));
  const auto batch = loader->next();
  std::cout << to_string(loader->spec()) << "\n";
  for (int64_t i = 0; i < batch->size(); ++i)
    std::cout << "picture " << i << " has " << (*batch)["boxes.count"][i].item<int64_t>()
              << " boxes, the first at x = " << (*batch)["boxes"][i][0][0].item<float>() << "\n";
}
