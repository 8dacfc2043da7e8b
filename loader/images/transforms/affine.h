#pragma once

#include "millrace/loader/images/transforms/random_affine.h"
#include "millrace/loader/images/transforms/random_rotation.h"

/// The transforms that turn and shear.
