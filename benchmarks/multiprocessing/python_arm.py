"""Python's multiprocessing and torch.multiprocessing in the scenarios of compare; millrace_arm.cpp does the same.

Prints one JSON object as its last line: {"versions": …, "metrics": {…}, "check": {…}}. Processes are started by fork,
Python's fastest way, unless the scenario is about another one; torch is imported by the parent and, where the child is
no fork of it, by the target's module, as it is in every real program.
"""
import argparse
import json
import os
import platform
import statistics
import time

import torch
import torch.multiprocessing as mp

clock = time.perf_counter  # one clock for all processes
MILLION = 1 << 20
SIZES = {"150k": 150528, "38m": 256 * 3 * 224 * 224}


def median_us(seconds):
    return statistics.median(seconds) * 1e6


def nothing():
    return None


def start(method, preload, n):
    context = mp.get_context(method)
    if preload:
        context.set_forkserver_preload(["torch"])
    first = context.Process(target=nothing)  # the server starts here
    first.start(), first.join()
    times = []
    for _ in range(n):
        begin = clock()
        process = context.Process(target=nothing)
        process.start()
        process.join()
        times.append(clock() - begin)
        assert process.exitcode == 0
    return {"us": median_us(times)}, {"processes": n}


def flood_producer(queue, n):
    for i in range(n):
        queue.put(i)


def flood(kind, n=100_000):
    context = mp.get_context("fork")
    queue = getattr(context, kind)()
    producer = context.Process(target=flood_producer, args=(queue, n))
    producer.start()
    total = queue.get()
    begin = clock()
    for _ in range(n - 1):
        total += queue.get()
    elapsed = clock() - begin
    producer.join()
    assert total == n * (n - 1) // 2
    return {"us": elapsed / (n - 1) * 1e6}, {"sum": total}


def echo(connection):
    while (value := connection.recv()) is not None:
        connection.send(value)


def pipe(value, n):
    context = mp.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=echo, args=(theirs,))
    process.start()
    times = []
    for i in range(n + 50):
        begin = clock()
        ours.send(value)
        back = ours.recv()
        if i >= 50:
            times.append(clock() - begin)
    assert back == value
    ours.send(None)
    process.join()
    return {"us": median_us(times)}, {"round_trips": n}


def make(size):
    return torch.full((size,), 3, dtype=torch.uint8) if size else 7


def feed(queue, answer, size, shared, n):
    torch.set_num_threads(1)
    value = make(size)
    if shared:
        value.share_memory_()
    for _ in range(n):
        if not shared:
            value = make(size)
        queue.put((clock(), value))
        answer.recv()


def read_all(value):
    return int(value.view(torch.int64).sum()) if torch.is_tensor(value) else value


def latency(size, shared, strategy, n):
    """One value at a time: from put's begin to get's end, and on to the last byte read."""
    torch.set_num_threads(1)
    mp.set_sharing_strategy(strategy)
    context = mp.get_context("fork")
    queue, (ours, theirs) = context.Queue(), context.Pipe()
    process = context.Process(target=feed, args=(queue, theirs, size, shared, n))
    process.start()
    got, read, total = [], [], 0
    for _ in range(n):
        begin, value = queue.get()
        at = clock()
        total += read_all(value)
        end = clock()
        del value
        ours.send(1)
        got.append(at - begin), read.append(end - begin)
    process.join()
    return {"us": median_us(got), "read_us": median_us(read)}, {"sum": total % (1 << 62)}


def square(x):
    return x * x


def pool_map(chunksize, n=10_000):
    with mp.get_context("fork").Pool(2) as pool:
        pool.map(square, range(100))
        times = []
        for _ in range(5):
            begin = clock()
            results = pool.map(square, range(n), chunksize)
            times.append(clock() - begin)
        assert results[-1] == (n - 1) ** 2
        return {"us": median_us(times)}, {"sum": sum(results)}


def pool_apply(n=2_000):
    with mp.get_context("fork").Pool(2) as pool:
        pool.map(square, range(100))
        times = []
        for i in range(n):
            begin = clock()
            pool.apply(square, (i,))
            times.append(clock() - begin)
        return {"us": median_us(times)}, {"calls": n}


def pool_start(n=10):
    times = []
    for _ in range(n):
        begin = clock()
        with mp.get_context("fork").Pool(2) as pool:
            pool.map(square, range(2), 1)
            times.append(clock() - begin)
    return {"us": median_us(times)}, {"pools": n}


def run(scenario, variant):
    name, *rest = scenario.split("-")
    if name == "start":
        return start(rest[0], variant == "preload", {"fork": 100, "forkserver": 8, "spawn": 5}[rest[0]])
    if name == "flood":
        return flood({"queue": "Queue", "simplequeue": "SimpleQueue"}[rest[0]])
    if name == "pipe":
        return pipe(7, 20_000) if rest[0] == "int" else pipe(bytes(MILLION), 500)
    if name == "latency":
        return latency(0, False, "file_descriptor", 10_000)
    if name == "tensor":
        size, state, strategy = rest
        return latency(SIZES[size], state == "shared", strategy, 60 if size == "38m" else 1_000)
    if name == "pool":
        calls = {"map1": lambda: pool_map(1), "map": lambda: pool_map(None), "apply": pool_apply, "start": pool_start}
        return calls[rest[0]]()
    raise SystemExit(f"no scenario {scenario}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("--variant", default="")
    options = parser.parse_args()
    metrics, check = run(options.scenario, options.variant)
    print(json.dumps({"versions": f"torch {torch.__version__}, Python {platform.python_version()}", "metrics": metrics,
                      "check": check}), flush=True)
    os._exit(0)  # what the interpreter does at its end is not measured
