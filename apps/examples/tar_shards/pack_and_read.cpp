#include <millrace/millrace.h>
#include <stdlib.h>

#include <filesystem>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

// An encoded picture: 96 x 64 pixels of one grey.
std::string picture(char grey) { return "P6\n96 64\n255\n" + std::string(96 * 64 * 3, grey); }

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  std::string folder = std::filesystem::temp_directory_path() / "millrace_tar_shards_XXXXXX";
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make the folder " + folder);

  // Pack: a sample is a key, and files by their extensions.
  millrace::TarShardWriter writer(folder + "/grey-%06d.tar", {.max_shard_samples = 30});
  for (int i = 0; i < 80; ++i) {
    const std::string image = picture(static_cast<char>(i)), label = std::to_string(i % 10);
    writer.write("part" + std::to_string(i / 50) + "/" + std::to_string(i),
                 {{"ppm", bytes(image)}, {"cls", bytes(label)}});
  }
  writer.close();

  // Any file of any sample.
  millrace::TarShards shards(folder + "/grey-{000000..000002}.tar");
  const auto label = shards.bytes(42, "cls");
  std::cout << shards.size() << " samples in " << shards.num_shards() << " shards; the label of " << shards.key(42)
            << " is " << std::string(reinterpret_cast<const char*>(label.data()), label.size()) << '\n';

  // Batches for training.
  using namespace millrace::transforms;
  const auto images = shards.image("jpg;png;ppm", RandomResizedCrop(32) | RandomHorizontalFlip()).label("cls");
  const millrace::ShardShuffleSampler order(shards.shard_sizes(), {.open_shards = 2});
  auto loader = millrace::make_data_loader(images, order, millrace::DataLoaderOptions(30).num_workers(2));
  for (auto& batch : *loader) std::cout << to_string(batch.columns()) << '\n';

  std::filesystem::remove_all(folder);
}
