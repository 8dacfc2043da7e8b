"""Prints what whole torch DataLoaders give for each line of the file named by the first argument.

A line is a kind and its numbers, all separated by spaces:

    loader SOURCE SEED EPOCHS N BATCH_SIZE SHUFFLE DROP_LAST NUM_WORKERS PERSISTENT INIT
    worker_seed BASE_SEED WORKER

SOURCE is "global" (torch.manual_seed(SEED)) or "generator" (a generator of its own with SEED, and the global one with
SEED + 1). Sample i draws randn(20) and two doubles of rand where it is read. INIT is 1 for a worker_init_fn that draws
once.

The answer is torch's version and one line for each, lists of integers separated by " | ": for a loader each batch's
indices, then the bits of its draws; and at the end one number drawn from each generator. For a worker_seed, NumPy's
four words. Exits with 3 when there is no torch.
"""

import sys
import warnings

try:
    import torch
except ImportError:
    sys.exit(3)

from torch.utils.data import DataLoader
from torch.utils.data._utils.worker import _generate_state


class Draws:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return i, torch.randn(20), torch.rand(2, dtype=torch.float64)


def draw_once(worker):
    torch.rand(1)


def loader(source, seed, epochs, n, batch_size, shuffle, drop_last, num_workers, persistent, init):
    seed = int(seed)
    generator = torch.Generator().manual_seed(seed) if source == "generator" else None
    torch.manual_seed(seed + 1 if generator else seed)
    loader = DataLoader(
        Draws(int(n)),
        batch_size=int(batch_size),
        shuffle=shuffle == "1",
        drop_last=drop_last == "1",
        num_workers=int(num_workers),
        persistent_workers=persistent == "1",
        generator=generator,
        worker_init_fn=draw_once if init == "1" else None,
    )
    for _ in range(int(epochs)):
        for indices, normal, uniform in loader:
            bits = normal.view(torch.int32).flatten().tolist() + uniform.view(torch.int64).flatten().tolist()
            yield indices.tolist() + bits
    yield [torch.empty((), dtype=torch.int64).random_().item()]
    if generator:
        yield [torch.empty((), dtype=torch.int64).random_(generator=generator).item()]


def worker_seed(base_seed, worker):
    yield _generate_state(int(base_seed), int(worker))


KINDS = {f.__name__: f for f in (loader, worker_seed)}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(torch.__version__)
    with open(sys.argv[1]) as questions:
        for line in questions:
            kind, *numbers = line.split()
            print(" | ".join(" ".join(map(str, part)) for part in KINDS[kind](*numbers)))
