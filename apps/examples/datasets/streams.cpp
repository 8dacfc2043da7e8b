#include <ATen/ops/full.h>
#include <millrace/millrace.h>

#include <iostream>

// Gives its samples one after the other: here the lines of a log that grows, cut into parts.
struct Log {
  int64_t lines = 100;
  int64_t given = 0;

  size_t size() const { return static_cast<size_t>(lines); }  // Of all parts; may be left out.
  std::optional<millrace::Example> next(millrace::StreamContext& context) {
    const int64_t line = given * context.num_shards() + context.shard();  // Every num_shards-th is ours.
    if (line >= lines) return std::nullopt;
    ++given;
    return millrace::Example{at::full({4}, line, at::kLong), at::full({}, context.rng().uniform(), at::kDouble)};
  }

  // How it is resumed without reading from the beginning; may be left out.
  millrace::State state() const { return {{"given", given}}; }
  void load_state(const millrace::State& state) { given = std::get<int64_t>(state.at("given")); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(lines, given);
  }
};

std::vector<int64_t> lines_of(millrace::DataLoader& loader) {
  std::vector<int64_t> lines;
  while (const auto batch = loader.next())
    for (int64_t row = 0; row < batch->size(); ++row) lines.push_back(batch->data()[row][0].item<int64_t>());
  return lines;
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  auto loader = millrace::make_data_loader(Log{}, millrace::DataLoaderOptions(10).num_streams(4).num_workers(2));
  for (int i = 0; i < 5; ++i) loader->next();
  const std::string state = to_string(loader->state_dict());  // Or millrace::save(loader->state_dict(), path).
  const auto rest = lines_of(*loader);

  auto resumed = millrace::make_data_loader(Log{}, millrace::DataLoaderOptions(10).num_streams(4).num_workers(3));
  resumed->load_state_dict(millrace::loader_state_from_string(state));
  std::cout << rest.size() << " lines were left; with three workers "
            << (lines_of(*resumed) == rest ? "the same" : "others") << "\n";
}
