#pragma once

#include "millrace/loader/images/transforms/random_adjust_sharpness.h"
#include "millrace/loader/images/transforms/random_autocontrast.h"
#include "millrace/loader/images/transforms/random_equalize.h"
#include "millrace/loader/images/transforms/random_invert.h"
#include "millrace/loader/images/transforms/random_posterize.h"
#include "millrace/loader/images/transforms/random_solarize.h"

/// The transforms of grey levels, for programs that include this path. The operations are loader/images/tones.h.
