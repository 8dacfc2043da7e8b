#pragma once

#include "millrace/loader/images/transforms/center_crop.h"
#include "millrace/loader/images/transforms/color_jitter.h"
#include "millrace/loader/images/transforms/flips.h"
#include "millrace/loader/images/transforms/gaussian_blur.h"
#include "millrace/loader/images/transforms/grayscale.h"
#include "millrace/loader/images/transforms/normalize.h"
#include "millrace/loader/images/transforms/pad.h"
#include "millrace/loader/images/transforms/random_crop.h"
#include "millrace/loader/images/transforms/random_erasing.h"
#include "millrace/loader/images/transforms/random_resized_crop.h"
#include "millrace/loader/images/transforms/resize.h"
#include "millrace/loader/images/transforms/to_dtype.h"

/// The steps that most chains are made of; transforms.h has all.
