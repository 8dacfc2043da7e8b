"""PyTorch's DataLoader in the scenarios of benchmarks/compare; see docs/performance.md for what each measures.

Prints one JSON object as its last line: {"versions": …, "metrics": {…}, "check": {…}}. With --batches N it takes N
batches of scenario a, b or c and measures nothing, which is what benchmarks/count_syscalls needs.
"""
import argparse
import itertools
import json
import multiprocessing
import os
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

BIG_SHAPE = (256, 3, 224, 224)
TINY_SAMPLES = 1 << 18
PHOTOS_AN_EPOCH = 1 << 16


def photo_list(root):
    """[(path, class index)], as torchvision's ImageFolder lists them."""
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    return [(os.path.join(root, name, file), label) for label, name in enumerate(classes)
            for file in sorted(os.listdir(os.path.join(root, name))) if file.lower().endswith((".jpg", ".jpeg"))]


class Photos(Dataset):
    """JPEG -> RandomResizedCrop(224) + flip, uint8. Decoded by torchvision.io, which is faster here than Pillow."""

    def __init__(self, items):
        from torchvision.transforms import v2  # only here: workers of the other scenarios must not pay for it
        self.items = items
        self.transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        from torchvision.io import ImageReadMode, decode_jpeg, read_file
        path, label = self.items[index]
        return self.transform(decode_jpeg(read_file(path), mode=ImageReadMode.RGB)), label


class BigSamples(Dataset):
    """One filled image a sample, for the default collate to stack."""

    def __len__(self):
        return 1 << 20

    def __getitem__(self, index):
        return torch.full(BIG_SHAPE[1:], float(index % 97))


class BigBatches(Dataset):
    """One filled batch a sample, with batch_size=None: nothing is stacked."""

    def __len__(self):
        return 1 << 20

    def __getitem__(self, index):
        return torch.full(BIG_SHAPE, float(index % 97))


class WorkerPids(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        return os.getpid()


def cpu_seconds():
    """User and system time of this process and its descendants."""
    ticks, pending = 0, [os.getpid()]
    while pending:
        pid = pending.pop()
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children") as children:
                    pending += map(int, children.read().split())
        except FileNotFoundError:  # it ended while we looked
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def endless(loader):
    while True:
        yield from loader


def measure(batches, window_s, warm_batches):
    """Seconds and CPU seconds a batch, after `warm_batches` and at least one second."""
    start = time.perf_counter()
    for taken in itertools.count(1):
        next(batches)
        if taken >= warm_batches and time.perf_counter() - start >= 1:
            break
    cpu, start = cpu_seconds(), time.perf_counter()
    for taken in itertools.count(1):
        next(batches)
        elapsed = time.perf_counter() - start
        if elapsed >= window_s:
            return elapsed / taken, (cpu_seconds() - cpu) / taken


def photo_batches(options):
    items = photo_list(options.photos)
    items *= -(-PHOTOS_AN_EPOCH // len(items))  # no epoch ends inside a window, for PyTorch pauses there
    return iter(DataLoader(Photos(items), batch_size=64, num_workers=2, shuffle=True, drop_last=True))


def photos(options):
    batches = photo_batches(options)
    images, labels = next(batches)
    check = {"shape": list(images.shape), "dtype": str(images.dtype), "mean": round(images.float().mean().item(), 2),
             "label_sum": int(labels.sum())}
    seconds, cpu = measure(batches, options.window, warm_batches=12)
    return {"samples_per_s": 64 / seconds, "cpu_us_per_sample": cpu / 64 * 1e6}, check


def tiny_batches(options):
    labels = torch.arange(TINY_SAMPLES)
    dataset = TensorDataset(labels.float().unsqueeze(1).repeat(1, 16), labels)  # a row is full of its own label
    return endless(DataLoader(dataset, batch_size=64, num_workers=1, shuffle=True, drop_last=True,
                              persistent_workers=True))


def tiny(options):
    batches = tiny_batches(options)
    data, target = next(batches)
    check = {"shape": list(data.shape), "rows_match_labels": bool((data == target.unsqueeze(1)).all()),
             "label_sum": int(target.sum())}
    seconds, cpu = measure(batches, options.window, warm_batches=50)
    return {"us_per_batch": seconds * 1e6, "cpu_us_per_batch": cpu * 1e6}, check


def big_batches(options):
    """Each batch is read whole: the sum of its bytes as 64-bit words, on one thread, in every arm alike."""
    torch.set_num_threads(1)
    if options.variant == "whole":
        loader = DataLoader(BigBatches(), batch_size=None, num_workers=1)
    else:
        loader = DataLoader(BigSamples(), batch_size=BIG_SHAPE[0], num_workers=1)
    for batch in loader:
        yield batch, int(batch.view(-1).view(torch.int64).sum())


def big(options):
    batches = big_batches(options)
    batch, _ = next(batches)
    check = {"shape": list(batch.shape), "dtype": str(batch.dtype), "mean": round(batch.mean().item(), 3)}
    del batch
    seconds, cpu = measure(batches, options.window, warm_batches=6)
    return {"ms_per_batch": seconds * 1e3, "cpu_ms_per_batch": cpu * 1e3}, check


def start_workers(count):
    """The loader's iterator and its workers' process ids, once every worker has delivered a sample."""
    batches = iter(DataLoader(WorkerPids(), batch_size=None, num_workers=count, multiprocessing_context="forkserver",
                              persistent_workers=True))
    pids = set()
    while len(pids) < count:
        pids.add(next(batches))
    return batches, pids


def stand_forkserver(preload):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(preload)
    first = context.Process(target=int)  # the server imports its modules before it serves this
    first.start()
    first.join()


def ready(options):
    stand_forkserver(["torch", "torch.utils.data"])
    start = time.perf_counter()
    batches, pids = start_workers(4)
    seconds = time.perf_counter() - start
    del batches
    return {"workers_ready_ms": seconds * 1e3}, {"workers": len(pids)}


def first_batch(options):
    items = photo_list(options.photos)
    if options.variant == "warm":
        loader = DataLoader(Photos(items[::7][:128]), batch_size=64, num_workers=2, shuffle=True,
                            persistent_workers=True)
        for _ in loader:
            pass
    else:
        loader = DataLoader(Photos(items), batch_size=64, num_workers=2, shuffle=True, multiprocessing_context="fork")
    start = time.perf_counter()
    images, labels = next(iter(loader))
    seconds = time.perf_counter() - start
    check = {"shape": list(images.shape), "mean": round(images.float().mean().item(), 2), "label_sum": int(labels.sum())}
    return {"first_batch_ms": seconds * 1e3}, check


def memory(options):
    if options.variant == "preload":
        stand_forkserver(["torch", "torch.utils.data"])
    batches, pids = start_workers(4)
    time.sleep(1)  # idle: what start-up freed has gone back
    pss = sum(map(pss_mb, pids))
    del batches
    return {"workers_pss_mb": pss}, {"workers": len(pids)}


SCENARIOS = {"a": photos, "b": tiny, "c": big, "d": ready, "e": first_batch, "f": memory}
STREAMS = {"a": photo_batches, "b": tiny_batches, "c": big_batches}


def versions():
    names = f"PyTorch {torch.__version__}"
    if "torchvision" in sys.modules:
        import torchvision
        names += f", torchvision {torchvision.__version__}"
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--variant", default="default", help="c: whole; e: warm; f: preload")
    parser.add_argument("--photos", help="folder with one folder of JPEG files per class (a and e)")
    parser.add_argument("--window", type=float, default=5, help="seconds to measure (a, b and c)")
    parser.add_argument("--batches", type=int, help="take so many batches, measure nothing")
    options = parser.parse_args()
    if options.scenario in "ae" and not options.photos:
        parser.error(f"scenario {options.scenario} needs --photos DIR")
    if options.batches is not None:
        if options.scenario not in STREAMS:
            parser.error("--batches goes with scenario a, b or c")
        for _ in itertools.islice(STREAMS[options.scenario](options), options.batches):
            pass
        return
    metrics, check = SCENARIOS[options.scenario](options)
    print(json.dumps({"versions": versions(), "metrics": metrics, "check": check}), flush=True)


if __name__ == "__main__":
    main()
