"""Prints what torch.utils.data gives for each line of the file named by the first argument.

A line is a kind and its numbers, all separated by spaces; `source` is "seed" (epoch e draws from a new generator seeded
with seed + e) or "stream" (one generator goes on from epoch to epoch):

    sequential EPOCHS N
    random SOURCE SEED EPOCHS N NUM_SAMPLES REPLACEMENT
    batch SOURCE SEED EPOCHS N BATCH_SIZE DROP_LAST
    subset SOURCE SEED EPOCHS INDEX...
    weighted SOURCE SEED EPOCHS NUM_SAMPLES REPLACEMENT WEIGHT...
    distributed SEED EPOCHS N RANK NUM_REPLICAS SHUFFLE DROP_LAST
    split_lengths SEED LENGTH...
    split_fractions SEED N FRACTION...

The answer is torch's version and one line for each: lists of indices, separated by " | ". Exits with 3 when there is no
torch.
"""

import sys
import warnings

try:
    import torch
except ImportError:
    sys.exit(3)

from torch.utils.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    random_split,
)
from torch.utils.data.distributed import DistributedSampler


def generators(source, seed, epochs):
    stream = torch.Generator().manual_seed(int(seed))
    for epoch in range(int(epochs)):
        yield stream if source == "stream" else torch.Generator().manual_seed(int(seed) + epoch)


def sequential(epochs, n):
    sampler = SequentialSampler(range(int(n)))
    for _ in range(int(epochs)):
        yield list(sampler)


def random(source, seed, epochs, n, num_samples, replacement):
    for generator in generators(source, seed, epochs):
        yield list(
            RandomSampler(range(int(n)), replacement=replacement == "1", num_samples=int(num_samples), generator=generator)
        )


def batch(source, seed, epochs, n, batch_size, drop_last):
    for generator in generators(source, seed, epochs):
        sampler = RandomSampler(range(int(n)), generator=generator)
        yield from BatchSampler(sampler, int(batch_size), drop_last == "1")


def subset(source, seed, epochs, *indices):
    for generator in generators(source, seed, epochs):
        yield list(SubsetRandomSampler([int(i) for i in indices], generator=generator))


def weighted(source, seed, epochs, num_samples, replacement, *weights):
    for generator in generators(source, seed, epochs):
        weights = [float(w) for w in weights]
        yield list(WeightedRandomSampler(weights, int(num_samples), replacement == "1", generator=generator))


def distributed(seed, epochs, n, rank, num_replicas, shuffle, drop_last):
    sampler = DistributedSampler(
        range(int(n)), int(num_replicas), int(rank), shuffle == "1", int(seed), drop_last == "1"
    )
    for epoch in range(int(epochs)):
        sampler.set_epoch(epoch)
        yield list(sampler)


def split(seed, n, lengths):
    return [s.indices for s in random_split(range(n), lengths, torch.Generator().manual_seed(int(seed)))]


def split_lengths(seed, *lengths):
    lengths = [int(length) for length in lengths]
    return split(seed, sum(lengths), lengths)


def split_fractions(seed, n, *fractions):
    return split(seed, int(n), [float(f) for f in fractions])


KINDS = {
    f.__name__: f
    for f in (sequential, random, batch, subset, weighted, distributed, split_lengths, split_fractions)
}

warnings.simplefilter("ignore")
print(torch.__version__)
with open(sys.argv[1]) as questions:
    for line in questions:
        kind, *numbers = line.split()
        print(" | ".join(" ".join(str(int(i)) for i in part) for part in KINDS[kind](*numbers)))
