"""Prints what default_collate makes of each line of the file named by the first argument.

A line is "structure" or "columns", and a list of samples as a Python expression, where a tensor is
T(dtype, shape, values). "columns" prints the batch's tensors and strings by dotted names, the outermost one as "data";
"structure" prints it as it is, tuples as lists and dictionaries in the order of their keys. Errors are printed as
"error: " and their text.

The answer is torch's version and one line for each. Exits with 3 when there is no torch.
"""

import sys

try:
    import torch
except ImportError:
    sys.exit(3)

from torch.utils.data import default_collate


def T(dtype, shape, values):
    return torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape)


def is_strings(batch):
    return isinstance(batch, (list, tuple)) and len(batch) > 0 and all(isinstance(x, str) for x in batch)


def written(batch):
    if isinstance(batch, torch.Tensor):
        values = " ".join("%.17g" % value for value in batch.reshape(-1).tolist())
        return f"{str(batch.dtype).removeprefix('torch.')}{list(batch.shape)}({values})"
    if isinstance(batch, str):
        return f"'{batch}'"
    if isinstance(batch, dict):
        return "{" + ", ".join(f"{key}: {written(batch[key])}" for key in sorted(batch)) + "}"
    return "[" + ", ".join(written(part) for part in batch) + "]"


def columns(name, batch):
    if isinstance(batch, torch.Tensor) or is_strings(batch):
        yield f"{name or 'data'}: {written(batch)}"
        return
    for key, part in batch.items() if isinstance(batch, dict) else enumerate(batch):
        yield from columns(f"{name}.{key}" if name else str(key), part)


print(torch.__version__)
with open(sys.argv[1]) as questions:
    for line in questions:
        kind, samples = line.split(" ", 1)
        try:
            batch = default_collate(eval(samples))
            print(", ".join(columns("", batch)) if kind == "columns" else written(batch))
        except KeyError as error:
            print(f"error: no key {error}")
        except RuntimeError as error:
            print(f"error: {error}")
