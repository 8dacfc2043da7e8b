#include "millrace/loader/worker_info.h"

namespace millrace {
namespace {

thread_local std::optional<WorkerInfo> current;
thread_local uint64_t looks = 0;

// M. E. O'Neill's seed_seq_fe (www.pcg-random.org, "Developing a seed_seq Alternative"), with NumPy's constants.
class EntropyMixer {
 public:
  uint32_t scatter(uint32_t value, uint32_t& constant, uint32_t multiplier) const {
    value ^= constant;
    constant *= multiplier;
    value *= constant;
    return fold(value);
  }
  uint32_t hash(uint32_t value) { return scatter(value, hash_constant_, 0x931e8875U); }
  static uint32_t mix(uint32_t x, uint32_t y) { return fold(0xca01f9ddU * x - 0x4973f715U * y); }

 private:
  static uint32_t fold(uint32_t value) { return value ^ (value >> 16); }

  uint32_t hash_constant_ = 0x43b0d7e5U;
};

}  // namespace

namespace detail {

std::array<uint32_t, 4> numpy_state(uint64_t base_seed, uint64_t worker) {
  EntropyMixer mixer;
  std::array<uint32_t, 4> pool = {static_cast<uint32_t>(worker), static_cast<uint32_t>(base_seed),
                                  static_cast<uint32_t>(base_seed >> 32), 0};
  for (auto& word : pool) word = mixer.hash(word);
  for (size_t from = 0; from < pool.size(); ++from)
    for (size_t to = 0; to < pool.size(); ++to)
      if (from != to) pool[to] = EntropyMixer::mix(pool[to], mixer.hash(pool[from]));
  uint32_t constant = 0x8b51f9ddU;
  for (auto& word : pool) word = mixer.scatter(word, constant, 0x58f38dedU);
  return pool;
}

void set_worker_info(const WorkerInfo& info) { current = info; }

uint64_t worker_info_looks() { return looks; }

int workers_beside() { return current ? current->num_workers : 0; }

}  // namespace detail

std::array<uint32_t, 4> WorkerInfo::numpy_seed() const {
  return detail::numpy_state(seed - static_cast<uint64_t>(id), static_cast<uint64_t>(id));
}

std::optional<WorkerInfo> get_worker_info() {
  ++looks;
  return current;
}

}  // namespace millrace
