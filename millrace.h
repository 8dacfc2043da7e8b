#pragma once

/// All of Millrace's public face. The headers below may be included one by one as well.

#include "millrace/configs/build.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/cifar.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/loader/datasets/image_folder.h"
#include "millrace/loader/datasets/mnist.h"
#include "millrace/loader/transforms/transforms.h"
#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/class_balanced_sampler.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/shard_shuffle_sampler.h"
#include "millrace/samplers/shuffle_buffer_sampler.h"
#include "millrace/samplers/subset_random_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/sharing/process/init.h"
