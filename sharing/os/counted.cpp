#include "millrace/sharing/os/counted.h"

namespace millrace {

std::string plural_of(std::string one) {
  if (one.ends_with("ss") || one.ends_with("x") || one.ends_with("tch")) return one + "es";
  if (one.ends_with("ry")) return one.replace(one.size() - 1, 1, "ies");
  return one + "s";
}

}  // namespace millrace
