#include "millrace/records/wall_clock.h"

#include <chrono>

namespace millrace::records {

double system_wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace millrace::records
