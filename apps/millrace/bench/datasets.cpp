#include <c10/core/ScalarType.h>

#include <utility>

#include "millrace/apps/millrace/bench/noise_jpegs.h"
#include "millrace/apps/millrace/bench/volumes.h"
#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/commands/synthetic_keys.h"
#include "millrace/apps/millrace/synthetic.h"
#include "millrace/configs/build.h"
#include "millrace/configs/read_keys.h"

namespace millrace::apps {

void add_bench_datasets(configs::DatasetTypes& types) {
  types
      .add<FilledKeys>([](const FilledKeys& keys) {
        const auto dtype = configs::meaning_of<c10::ScalarType>(
            keys.dtype,
            {{"uint8", c10::ScalarType::Byte}, {"int64", c10::ScalarType::Long}, {"float32", c10::ScalarType::Float}});
        return Filled(keys.size, dtype, keys.shape, keys.fields);
      })
      .add<RowsKeys>([](const RowsKeys& keys) { return Rows(keys.size, keys.width, keys.seed); })
      .add<NoiseJpegKeys>([](const NoiseJpegKeys& keys, transforms::Chain chain) {
        return NoiseJpegs(keys.size, keys.different, static_cast<int>(keys.width), static_cast<int>(keys.height),
                          keys.entropy, keys.seed)
            .transform(std::move(chain));
      })
      .add<VolumesKeys>([](const VolumesKeys& keys) { return Volumes(keys.root, keys.array, keys.bytes); });
}

}  // namespace millrace::apps
