"""What tests/gpu/hand_off.cpp measures, with torch.multiprocessing: rows of the same table."""
import statistics
import time

import torch
import torch.multiprocessing as mp

TENSORS = 200


def provide(queue, taken):
    tensor = torch.empty(1 << 18, device="cuda")
    for _ in range(TENSORS):
        queue.put((time.monotonic_ns(), tensor))
        taken.recv()


def main():
    context = mp.get_context("spawn")
    queue = context.Queue()
    ours, theirs = context.Pipe()
    provider = context.Process(target=provide, args=(queue, theirs))
    provider.start()
    us, held = [], []
    for _ in range(TENSORS):
        sent, tensor = queue.get(timeout=60)
        us.append((time.monotonic_ns() - sent) / 1e3)
        held.append(tensor)
        ours.send(0)
    print(f"| torch.multiprocessing {torch.__version__}: the first | {us[0]:.0f} us |")
    print(f"| torch.multiprocessing: the following, median of {TENSORS - 1} | {statistics.median(us[1:]):.1f} us |")
    del tensor
    held.clear()
    provider.join(60)


if __name__ == "__main__":
    main()
