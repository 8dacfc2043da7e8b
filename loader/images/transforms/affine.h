#pragma once

#include "millrace/loader/images/transforms/random_affine.h"
#include "millrace/loader/images/transforms/random_rotation.h"

/// The transforms that turn and shear, for programs that include this path. The operation is loader/images/affine.h.
