#pragma once

/// All of Millrace's public face. The headers below may be included one by one as well.

#include "millrace/configs/build.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/image_folder.h"
#include "millrace/loader/transforms/transforms.h"
#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/sharing/process/init.h"
