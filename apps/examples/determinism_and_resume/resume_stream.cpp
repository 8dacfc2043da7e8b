#include <iostream>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/process/init.h"

// A log that is read from beginning to end; each stream reads every num_shards()th line of it.
struct Lines {
  int64_t lines = 0;
  int64_t at = 0;  // Of this stream's next line.

  std::optional<int64_t> next(millrace::StreamContext& context) {
    const int64_t line = context.shard() + at * context.num_shards();
    if (line >= lines) return std::nullopt;
    ++at;
    return line;
  }
  millrace::State state() const { return {{"at", at}}; }  // Optional: to go on without reading from the beginning.
  void load_state(const millrace::State& state) { at = std::get<int64_t>(state.at("at")); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(lines, at);
  }
};

void print_rest(millrace::DataLoader& loader, int64_t batches) {
  for (; batches > 0; --batches) {
    const auto batch = loader.next();
    if (!batch) break;
    std::cout << " [";
    for (int64_t i = 0; i < batch->size(); ++i) std::cout << ' ' << batch->data()[i].item<int64_t>();
    std::cout << " ]";
  }
  std::cout << '\n';
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  const auto options = millrace::DataLoaderOptions(2).num_streams(3);
  auto loader = millrace::make_data_loader(Lines{13}, millrace::DataLoaderOptions(options).num_workers(2));
  print_rest(*loader, 4);
  const millrace::LoaderState state = loader->state_dict();
  for (const auto& stream : state.streams) std::cout << stream.position << " delivered, ";
  std::cout << "stream " << state.next_stream << " is next\n";

  auto resumed = millrace::make_data_loader(Lines{13}, millrace::DataLoaderOptions(options).num_workers(3));
  resumed->load_state_dict(state);
  print_rest(*resumed, 100);
}
