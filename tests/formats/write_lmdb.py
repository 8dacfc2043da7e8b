"""Writes the databases of lmdb_dataset_test.cpp with Python's lmdb. Value i of key "%08d" is byte i, 37 * i times: the
longer ones lie on pages of their own."""
import pathlib
import sys

try:
    import lmdb
except ImportError:
    sys.exit(3)

folder = pathlib.Path(sys.argv[1])
ROWS = 400


def fill(environment, transactions=1, **database):
    handle = environment.open_db(**database) if database else None
    for part in range(transactions):
        with environment.begin(write=True) as transaction:
            for i in range(part, ROWS, transactions):
                transaction.put(b"%08d" % i, bytes([i % 256]) * (37 * i), db=handle)


with lmdb.open(str(folder / "folder.lmdb"), map_size=1 << 26) as environment:
    fill(environment)
# In several transactions, with values that were replaced and deleted: pages are used again.
with lmdb.open(str(folder / "file.lmdb"), map_size=1 << 26, subdir=False) as environment:
    with environment.begin(write=True) as transaction:
        for i in range(2 * ROWS):
            transaction.put(b"%08d" % i, b"old" * i)
    with environment.begin(write=True) as transaction:
        for i in range(ROWS, 2 * ROWS):
            transaction.delete(b"%08d" % i)
    fill(environment, transactions=7)
with lmdb.open(str(folder / "named.lmdb"), map_size=1 << 26, max_dbs=4, subdir=False) as environment:
    fill(environment, key=b"train")
    environment.open_db(b"empty")
    environment.open_db(b"several", dupsort=True)
with lmdb.open(str(folder / "small.lmdb"), map_size=1 << 20, subdir=False) as environment:
    with environment.begin(write=True) as transaction:
        for i in range(300):
            transaction.put(b"%04d" % i, b"%d" % i * 20)
photos = pathlib.Path(__file__).parent.parent / "data/photos"
with lmdb.open(str(folder / "pictures.lmdb"), map_size=1 << 26, subdir=False) as environment:
    with environment.begin(write=True) as transaction:
        for i, path in enumerate(sorted(photos.glob("*/*.jpg"))):
            transaction.put(b"%08d" % i, path.read_bytes())
