"""Writes the archives of npz_test.cpp with NumPy. Row i of "images" is full of i, "labels" has i * i, "scores" i / 7.
"""
import pathlib
import sys
import warnings
import zipfile

try:
    import numpy
except ImportError:
    sys.exit(3)

folder = pathlib.Path(sys.argv[1])
ROWS = 50
arrays = {
    "images": numpy.repeat(numpy.arange(ROWS, dtype=numpy.uint8), 3 * 8 * 8).reshape(ROWS, 3, 8, 8),
    "labels": numpy.arange(ROWS, dtype=numpy.int64)**2,
    "scores": numpy.arange(ROWS, dtype=numpy.float64) / 7,
}
numpy.savez(folder / "stored.npz", **arrays)
numpy.savez_compressed(folder / "packed.npz", **arrays)
numpy.savez(folder / "odd.npz", number=numpy.array(3), texts=numpy.array(["a", "b"]), few=numpy.arange(3),
            many=numpy.arange(4), fortran=numpy.asfortranarray(numpy.ones((3, 4))))
warnings.simplefilter("ignore")  # Of the second name.
with zipfile.ZipFile(folder / "odd.npz") as odd, zipfile.ZipFile(folder / "twice.npz", "w") as twice:
    for _ in range(2):
        twice.writestr("few.npy", odd.read("few.npy"))
