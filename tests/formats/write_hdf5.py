"""Writes the files of hdf5_dataset_test.cpp with h5py. Row i of "images" is full of i, "labels" has i * i, "even" is
whether i is even, "scores" i / 4 as half floats, "big_endian" i as big-endian floats."""
import pathlib
import sys

try:
    import h5py
    import numpy
except ImportError:
    sys.exit(3)

folder = pathlib.Path(sys.argv[1])
ROWS = 50
numbers = numpy.arange(ROWS)
arrays = {
    "big_endian": numbers.astype(">f4"),
    "even": numbers % 2 == 0,
    "images": numpy.repeat(numbers.astype(numpy.uint8), 3 * 8 * 8).reshape(ROWS, 3, 8, 8),
    "labels": numbers.astype(numpy.int64)**2,
    "scores": (numbers / 4).astype(numpy.float16),
}


def write(name, libver="earliest", **storage):
    with h5py.File(folder / name, "w", libver=libver) as file:
        for array, values in arrays.items():
            file.create_dataset(array, data=values, **storage)
        file.create_group("inner").create_dataset("labels", data=arrays["labels"])


write("plain.h5")
write("packed.h5", compression="gzip", shuffle=True, chunks=True)
write("summed.h5", libver=("v108", "v108"), compression="gzip", chunks=True, fletcher32=True)
write("lzf.h5", compression="lzf")
with h5py.File(folder / "odd.h5", "w") as file:
    file["number"] = 3
    file["texts"] = ["a", "b"]
    file["few"] = numpy.arange(3)
    file["many"] = numpy.arange(4)
    file["elsewhere"] = h5py.ExternalLink("plain.h5", "labels")
    layout = h5py.VirtualLayout(shape=(ROWS,), dtype="i8")
    layout[:] = h5py.VirtualSource(folder / "plain.h5", "labels", shape=(ROWS,))
    file.create_virtual_dataset("virtual", layout)
