#!/usr/bin/env python3
"""Writes what torchvision makes of some pictures, for tests that run without Python.

Usage: scripts/make_golden.py   (Python with torch 2.11, torchvision 0.26, pillow, numpy, h5py)

tests/data/formats/*               the same small photo in the encodings that decoders must know
tests/data/golden/resized_crop.*   v2.functional.resized_crop(antialias=True) on uint8 tensors
tests/data/golden/resize_center.*  v2.functional.resize, then center_crop
tests/data/golden/operations.*     other functions of v2.functional, named in the first word, on one small picture, the
                                   first case
tests/data/npy/*.npy               numpy.save's files: numbers 0 to 5 as two rows in every dtype that tensors have, and
                                   what is refused
tests/data/npy/*.npz               numpy.savez's files: the same numbers; vectors with classes, whole and in two parts
tests/data/hdf5/labels.h5          h5py's file of two integers
tests/data/manifests/*             Python's csv of fields that need quotes; lists of photos, of pairs, and of formats/* with masks
tests/data/mnist/*                 ten digits, drawn, in MNIST's files

Each .txt has a line a case (file or function, numbers that the test reads, offset); each .bin holds their planar uint8
results.
"""
import csv
import json
import pathlib
import struct

import h5py
import numpy
import torch
import torchvision
from PIL import Image, ImageDraw
from torchvision.transforms.v2 import functional as F

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"
PHOTOS = sorted(DATA.glob("photos/*/*.jpg"))


def make_formats():
    folder = DATA / "formats"
    folder.mkdir(exist_ok=True)
    photo = Image.open(PHOTOS[0]).convert("RGB").resize((93, 71), Image.BILINEAR)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        photo.save(folder / f"baseline_{name}.jpg", quality=85, subsampling=subsampling)
        photo.save(folder / f"progressive_{name}.jpg", quality=85, subsampling=subsampling, progressive=True)
    photo.save(folder / "restart.jpg", quality=85, restart_marker_rows=1)
    photo.convert("L").save(folder / "gray.jpg", quality=85)
    photo.convert("CMYK").save(folder / "cmyk.jpg", quality=85)
    photo.convert("L").save(folder / "gray.png")
    photo.save(folder / "rgb.png")
    photo.save(folder / "rgb.ppm")
    photo.resize((24, 18)).save(folder / "rgb.bmp")
    photo.save(folder / "rgb.webp", lossless=True)
    photo.save(folder / "rgb.tiff", compression="tiff_lzw")
    alpha = photo.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    alpha.save(folder / "alpha.png")
    photo.resize((1, 1)).save(folder / "one_pixel.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turned by a quarter.
    photo.save(folder / "turned.jpg", quality=85, exif=exif)


def load(path):
    return torchvision.io.decode_image(torchvision.io.read_file(str(path)), mode="RGB")


def write(name, cases):
    golden = DATA / "golden"
    golden.mkdir(exist_ok=True)
    offset = 0
    with open(golden / f"{name}.txt", "w") as index, open(golden / f"{name}.bin", "wb") as pixels:
        for path, numbers, result in cases:  # path: or a function's name
            print(path.relative_to(DATA) if isinstance(path, pathlib.Path) else path, *numbers, offset, file=index)
            offset += pixels.write(result.contiguous().numpy().tobytes())


def resized_crops():
    generator = torch.Generator().manual_seed(1)

    def integer(low, high):
        return int(torch.randint(low, high + 1, (), generator=generator))

    sizes = [(64, 64), (48, 80), (33, 17), (96, 96), (1, 1), (7, 90)]
    for i in range(14):
        path = PHOTOS[(i * 7) % len(PHOTOS)]
        image = load(path)
        height, width = image.shape[-2:]
        h, w = integer(1, height), integer(1, width)
        if i % 4 == 0:
            h, w = min(h, 20), min(w, 30)  # Enlarge.
        y, x = integer(0, height - h), integer(0, width - w)
        out = sizes[i % len(sizes)]
        yield path, (y, x, h, w, *out), F.resized_crop(image, y, x, h, w, out, antialias=True)
    image = load(PHOTOS[3])
    height, width = image.shape[-2:]
    for box, out in (
        ((0, 0, height, width), (8, 8)),
        ((0, 0, 1, width), (20, 30)),
        ((0, width - 1, height, 1), (30, 20)),
        ((height - 1, width - 1, 1, 1), (9, 5)),
        ((10, 20, 64, 64), (64, 64)),
        ((10, 20, 64, 50), (64, 25)),
        ((0, 0, height, width), (224, 224)),
    ):
        yield PHOTOS[3], (*box, *out), F.resized_crop(image, *box, out, antialias=True)
    for name in ("progressive_420.jpg", "gray.jpg", "restart.jpg", "alpha.png", "turned.jpg"):
        path = DATA / "formats" / name
        yield path, (3, 5, 60, 70, 32, 32), F.resized_crop(load(path), 3, 5, 60, 70, (32, 32), antialias=True)


def resize_center_crops():
    for path, shorter, crop in ((PHOTOS[1], 64, 56), (PHOTOS[9], 73, 64), (PHOTOS[20], 300, 51), (PHOTOS[33], 40, 60)):
        image = F.resize(load(path), [shorter], antialias=True)
        yield path, (shorter, crop), F.center_crop(image, [crop, crop])


def operations():
    picture = F.resize(load(PHOTOS[9]), [32, 40], antialias=True)
    reddish = picture[:, :8] // 2 + torch.tensor([120, 0, 0], dtype=torch.uint8)[:, None, None]
    picture[:, :8] = F.adjust_hue(reddish, 0.3)
    picture[:, 24:] = torch.randint(0, 256, (3, 8, 40), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    yield "picture", (), picture
    for name, factors in (
        ("adjust_brightness", (0.0, 0.37, 1.0, 1.6)),
        ("adjust_contrast", (0.0, 0.37, 1.0, 1.6)),
        ("adjust_saturation", (0.0, 0.37, 1.0, 1.6)),
        ("adjust_hue", (-0.5, -0.21, 0.0, 0.1, 0.37, 0.5)),
    ):
        for factor in factors:
            yield name, (factor,), getattr(F, name)(picture, factor)
    yield "rgb_to_grayscale", (1,), F.rgb_to_grayscale(picture, 1)
    yield "rgb_to_grayscale", (3,), F.rgb_to_grayscale(picture, 3)
    yield "vertical_flip", (), F.vertical_flip(picture)
    for number, mode in enumerate(("constant", "edge", "reflect", "symmetric")):
        for borders in ((3, 5, 2, 0), (1, 0, 7, 4)):  # Left, top, right, bottom.
            fill = [9, 80, 200] if mode == "constant" else 0
            yield "pad", (number, *borders), F.pad(picture, borders, fill, mode)
    for height, width, sigma in ((3, 3, 0.8), (5, 9, 1.7), (1, 7, 0.1), (11, 11, 6.0)):
        yield "gaussian_blur", (height, width, sigma), F.gaussian_blur(picture, [width, height], [sigma, sigma])
    value = torch.tensor([124, 116, 104], dtype=torch.uint8)[:, None, None]
    yield "erase", (4, 6, 10, 3, 124, 116, 104), F.erase(picture, 4, 6, 10, 3, value)
    for name, arguments in (
        ("invert", ()),
        ("posterize", (0,)),
        ("posterize", (3,)),
        ("solarize", (255 * 0.35,)),
        ("autocontrast", ()),
        ("equalize", ()),
        ("adjust_sharpness", (0.0,)),
        ("adjust_sharpness", (1.9,)),
    ):
        yield name, arguments, getattr(F, name)(picture, *arguments)
    # Angle, translation, scale, shears, centre, 1 for bilinear, fill of three channels or none.
    for angle, translate, scale, shear, center, bilinear, fill in (
        (30.0, (3, -2), 1.0, (0.0, 0.0), (20.0, 16.0), 0, (9, 80, 200)),
        (-13.7, (0, 0), 0.8, (5.0, -3.0), (20.0, 16.0), 0, ()),
        (0.0, (0, 0), 1.0, (16.7, 0.0), (0.0, 0.0), 0, ()),
        (0.0, (0, 0), 1.0, (0.0, -16.7), (0.0, 0.0), 1, ()),
        (-75.0, (-4, 5), 1.3, (8.0, 0.0), (20.0, 16.0), 1, (9, 80, 200)),
    ):
        mode = (F.InterpolationMode.NEAREST, F.InterpolationMode.BILINEAR)[bilinear]
        result = F.affine(picture, angle, translate, scale, shear, mode, fill or None, center)
        yield "affine", (angle, *translate, scale, *shear, *center, bilinear, *fill), result
    for number, mode in enumerate((F.InterpolationMode.NEAREST, F.InterpolationMode.BILINEAR, F.InterpolationMode.BICUBIC)):
        for size in ((7, 9), (20, 31), (32, 61), (75, 90), (1, 3)):
            yield "resize", (number, *size), F.resize(picture, size, mode, antialias=True)


def make_arrays():
    folder = DATA / "npy"
    folder.mkdir(exist_ok=True)
    numbers = numpy.arange(6).reshape(2, 3)
    for name in (
        *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    ):
        dtype = numpy.dtype(name)
        values = numbers % 2 if name == "bool" else numbers * (1 + 2j) if dtype.kind == "c" else numbers
        numpy.save(folder / f"{name}.npy", values.astype(dtype))
    for version in (2, 3):
        with open(folder / f"version{version}.npy", "wb") as file:
            numpy.lib.format.write_array(file, numbers.astype("float32"), version=(version, 0))
    numpy.save(folder / "labels.npy", numpy.array([7, 9]))
    numpy.save(folder / "no_rows.npy", numpy.zeros((0, 3)))
    numpy.save(folder / "single.npy", numpy.array(1.5))
    numpy.save(folder / "fortran.npy", numpy.asfortranarray(numbers))
    numpy.save(folder / "big_endian.npy", numbers.astype(">f4"))
    numpy.save(folder / "objects.npy", numpy.array([1, "two"], dtype=object))
    numpy.save(folder / "strings.npy", numpy.array(["one", "three"]))
    numpy.save(folder / "structured.npy", numpy.zeros(2, dtype=[("x", "f4"), ("y", "i8")]))
    numpy.savez(folder / "archive.npz", numbers=numbers)
    numpy.savez(folder / "doubles.npz", numbers=numbers.astype("float64"))
    vectors, classes = numpy.arange(12, dtype="float32").reshape(4, 3), numpy.array([0, 1, 2, 1])
    numpy.savez(folder / "vectors.npz", x=vectors, y=classes)
    numpy.savez(folder / "parts.npz", x_train=vectors, y_train=classes, x_test=vectors[:2], y_test=classes[:2])


def make_hdf5():
    folder = DATA / "hdf5"
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / "labels.h5", "w") as file:
        file["labels"] = numpy.array([7, 9])


def make_manifests():
    folder = DATA / "manifests"
    folder.mkdir(exist_ok=True)
    with open(folder / "quoted.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", "label"], ["a, b.jpg", 'the "cat"'], ["c\nd.jpg", "größe"], ["", ","]])
    rows, columns = numpy.mgrid[:71, :93]
    mask = ((3 * rows + 5 * columns) % 256).astype("uint8")
    Image.fromarray(mask).save(folder / "mask.png")
    Image.fromarray(mask).convert("I;16").save(folder / "deep.png")
    palette = Image.fromarray(mask % 4, mode="P")
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    palette.save(folder / "palette.png")
    with open(folder / "photos.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["path", "label"], *([f"../{path.relative_to(DATA)}", path.parent.name] for path in PHOTOS[8:24])]
        )
    (folder / "pairs.txt").write_text("../formats/rgb.png ../formats/alpha.png\n../formats/alpha.png ../formats/rgb.png\n")
    with open(folder / "objects.jsonl", "w") as file:
        for name, label, boxes in (("rgb.png", 3, [[10, 20, 50, 60], [1, 2, 3, 4]]), ("alpha.png", 5, [[5, 5, 9, 9]])):
            row = {"path": f"../formats/{name}", "label": label, "boxes": boxes, "mask": "mask.png"}
            print(json.dumps(row), file=file)


def make_digits():
    folder = DATA / "mnist"
    folder.mkdir(exist_ok=True)
    with open(folder / "t10k-images-idx3-ubyte", "wb") as images, open(folder / "t10k-labels-idx1-ubyte", "wb") as labels:
        images.write(struct.pack(">4i", 2051, 10, 28, 28))
        labels.write(struct.pack(">2i", 2049, 10))
        for digit in range(10):
            picture = Image.new("L", (28, 28))
            ImageDraw.Draw(picture).text((8, 2), str((digit + 7) % 10), fill=255, font_size=22)
            images.write(picture.tobytes())
            labels.write(bytes([(digit + 7) % 10]))


torch.set_num_threads(1)
make_formats()
make_arrays()
make_hdf5()
make_manifests()
make_digits()
write("resized_crop", resized_crops())
write("resize_center", resize_center_crops())
write("operations", operations())
