"""Writes the token files of token_windows_test.cpp: nanoGPT's as its prepare.py does, Megatron-LM's as its
IndexedDatasetBuilder does. Token i is i * 7919 % 50257; every 100th, from 99 on, is the end of a document."""
import pathlib
import struct
import sys

try:
    import numpy
except ImportError:
    sys.exit(3)

folder = pathlib.Path(sys.argv[1])
END = 50256
tokens = numpy.arange(1050, dtype=numpy.int64) * 7919 % 50257
tokens[99::100] = END

nano = numpy.memmap(folder / "nano.bin", dtype=numpy.uint16, mode="w+", shape=tokens.shape)
nano[:] = tokens
nano.flush()


def write_megatron(name, dtype, code):
    """Each document is two sequences: its first 60 tokens and the rest."""
    sequences, documents = [], [0]
    for begin in range(0, len(tokens), 100):
        document = tokens[begin:begin + 100].astype(dtype)
        for sequence in (document[:60], document[60:]):
            if len(sequence):
                sequences.append(sequence)
        documents.append(len(sequences))
    with open(folder / f"{name}.bin", "wb") as file:
        for sequence in sequences:
            file.write(sequence.tobytes(order="C"))
    lengths = [len(sequence) for sequence in sequences]
    pointers = [0]
    for length in lengths[:-1]:
        pointers.append(pointers[-1] + length * numpy.dtype(dtype).itemsize)
    with open(folder / f"{name}.idx", "wb") as file:
        file.write(b"MMIDIDX\x00\x00")
        file.write(struct.pack("<Q", 1))
        file.write(struct.pack("<B", code))
        file.write(struct.pack("<Q", len(lengths)))
        file.write(struct.pack("<Q", len(documents)))
        file.write(numpy.array(lengths, dtype=numpy.int32).tobytes(order="C"))
        file.write(numpy.array(pointers, dtype=numpy.int64).tobytes(order="C"))
        file.write(numpy.array(documents, dtype=numpy.int64).tobytes(order="C"))


write_megatron("megatron", numpy.uint16, 8)
write_megatron("wide", numpy.int32, 4)
