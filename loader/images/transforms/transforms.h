#pragma once

#include "millrace/loader/images/transforms/affine.h"
#include "millrace/loader/images/transforms/augment.h"
#include "millrace/loader/images/transforms/chain.h"
#include "millrace/loader/images/transforms/lambda.h"
#include "millrace/loader/images/transforms/random_apply.h"
#include "millrace/loader/images/transforms/random_choice.h"
#include "millrace/loader/images/transforms/steps.h"
#include "millrace/loader/images/transforms/tones.h"

/// What may be done to a picture between file and batch: torchvision's transforms by their names and defaults, as
/// values.
///
///   RandomResizedCrop(224) | RandomHorizontalFlip() | Normalize::imagenet()
///
/// is a Chain. Steps work on uint8 pixels. A step that changes colours costs a pass over the picture, so it is cheapest
/// behind the step that makes the picture small. Transforms are values: they copy, compare and travel to other
/// processes (by the lists of their fields; the default constructors exist for the receiving side). Constructors throw
/// std::invalid_argument for parameters without a meaning.
