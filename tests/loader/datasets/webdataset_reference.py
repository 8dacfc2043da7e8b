#!/usr/bin/env python3
"""What Python's webdataset writes and reads, as the reference for the tests of tar shards.

  webdataset_reference.py golden         writes tests/data/shards anew
  webdataset_reference.py write FOLDER   shards of random samples by webdataset's ShardWriter
  webdataset_reference.py list SHARD...  says what webdataset reads from them
  webdataset_reference.py braces FILE    a line for each pattern in FILE: what it stands for, words in between blanks

A sample is a line: its key, then for each file a tab and extension=size:hash, the hash FNV-1a of 64 bits. Exit status 3
when webdataset cannot be imported.
"""
import io
import pathlib
import random
import sys
import tarfile

try:
    import braceexpand
    import webdataset
    from webdataset import tariterators
except ImportError:
    sys.exit(3)

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
FIXED = dict(mtime=1000000000, verbose=0)


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def list_samples(shards):
    for sample in tariterators.tarfile_samples([dict(url=str(shard)) for shard in shards]):
        files = [f"{name}={len(data)}:{fnv1a(data):016x}" for name, data in sample.items() if not name.startswith("__")]
        yield "\t".join([sample["__key__"]] + files)


def write_random(folder):
    generate = random.Random(17)
    with webdataset.ShardWriter(f"{folder}/random-%06d.tar", maxcount=40, **FIXED) as writer:
        for i in range(100):
            sample = {"__key__": f"part{i % 3}/sample{i:04}", "cls": generate.randrange(1000)}
            for extension in generate.sample(["bin", "seg.BIN", "x", "TXT", "tar.gz"], generate.randrange(4)):
                sample[extension] = generate.randbytes(generate.choice([0, 1, 511, 512, 513, 3000]))
            sample["json"] = {"index": i}
            writer.write(sample)


def add(tar, name, data=b"", **more):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in more.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def write_golden():
    folder = DATA / "shards"
    folder.mkdir(exist_ok=True)
    pictures = sorted((DATA / "formats").glob("*_4*.jpg"))
    with webdataset.ShardWriter(f"{folder}/pictures-%06d.tar", maxcount=2, mode=0o444, **FIXED) as writer:
        for i, picture in enumerate(pictures[:3]):
            writer.write({"__key__": f"{i:06}", "jpg": picture.read_bytes(), "cls": 10 * i, "json": {"name": picture.name}})
    # What webdataset's writer never makes, but its reader takes.
    for name, form in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("ustar", tarfile.USTAR_FORMAT)):
        with tarfile.open(folder / f"odd_{name}.tar", "w", format=form) as tar:
            add(tar, "folder.d", type=tarfile.DIRTYPE)
            add(tar, "folder.d/a.jpg", b"a picture")
            add(tar, "folder.d/a.SEG.png", b"its segments")
            add(tar, "folder.d/b.jpg", b"another")
            add(tar, "folder.d/a.jpg", b"the same key again")
            add(tar, "folder.d/c.jpg", b"", type=tarfile.SYMTYPE, linkname="a.jpg")
            add(tar, "folder.d/d.jpg", b"", type=tarfile.LNKTYPE, linkname="folder.d/a.jpg")
            add(tar, "readme", b"no dot, no sample")
            add(tar, "__meta__/a.jpg", b"no sample")
            add(tar, "__meta__", b"no sample")
            add(tar, "plain/.hidden", b"of a folder")
            add(tar, "folder.d/.hidden", b"of none")
            add(tar, ".hidden", b"of none")
            add(tar, "./e.jpg", b"dot slash")
            add(tar, "f.", b"no extension")
            add(tar, "long/" * 25 + "name/" * 20 + "g.txt" if form == tarfile.USTAR_FORMAT else "long/" * 60 + "g.txt", b"far down")
            add(tar, "gr\u00fc\u00df.txt", b"not ASCII")
            add(tar, "h.txt", b"last")
    with tarfile.open(folder / "empty.tar", "w"):
        pass
    with tarfile.open(folder / "twice.tar", "w") as tar:
        add(tar, "a.jpg", b"a picture")
        add(tar, "a.JPG", b"once more")
    for shard in sorted(folder.glob("*.tar")):
        if shard.stem == "twice":  # An error for webdataset too.
            continue
        shard.with_suffix(".txt").write_text("".join(line + "\n" for line in list_samples([shard])), encoding="utf-8")


def main(command, *arguments):
    if command == "golden":
        write_golden()
    elif command == "write":
        write_random(*arguments)
    elif command == "list":
        for line in list_samples(arguments):
            print(line)
    elif command == "braces":
        for line in pathlib.Path(arguments[0]).read_text().splitlines():
            print(" ".join(braceexpand.braceexpand(line)))


main(*sys.argv[1:])
