"""Makes what is in the folders of tests/data/formats. pillow: small pictures in every format that is read, and in
expected.bin what Pillow's convert("RGB") gives for them; expected.txt names them: file, height, width, offset. Where Pillow cannot read a file, or
clips 16-bit gray values instead of scaling them, what the file was made of is expected.

    python3 tests/loader/images/make_formats.py tests/data/formats/pillow     (needs pillow and numpy)
"""

import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

folder = pathlib.Path(sys.argv[1])
H, W = 11, 17
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([x * 15, y * 23, (x * 7 + y * 13) % 256], -1).astype(np.uint8)
rgb[3:6, 4:9] = [250, 20, 90]
gray = ((x * 13 + y * 5) % 256).astype(np.uint8)
deep = (gray.astype(np.uint16) * 256 + 77 * (x + y)).astype(np.uint16)
deep_rgb = (rgb.astype(np.uint16) * 256 + 31 * x[..., None]).astype(np.uint16)
alpha = ((x * 11 + y) % 256).astype(np.uint8)
bits1 = ((x // 2 + y) % 2).astype(np.uint8)
index4 = ((x + y) % 16).astype(np.uint8)
index8 = ((x * y + x) % 200).astype(np.uint8)
palette = np.array([[(i * 37) % 256, (i * 91 + 5) % 256, (i * 151 + 9) % 256] for i in range(256)], np.uint8)
expected = []


def keep(name, data, pixels=None):
    """Writes a file; its pixels are Pillow's unless given."""
    (folder / name).write_bytes(data)
    if pixels is None:
        pixels = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    pixels = np.asarray(pixels, np.uint8)
    if pixels.ndim == 2:
        pixels = np.stack([pixels] * 3, -1)
    expected.append((name, pixels))


def check(name, data, pixels):
    """As keep(), for a file made by hand that Pillow must read to the same pixels."""
    theirs = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    pixels = np.asarray(pixels, np.uint8)
    if pixels.ndim == 2:
        pixels = np.stack([pixels] * 3, -1)
    if not np.array_equal(theirs, pixels):
        print(f"{name}: Pillow differs by up to {np.abs(theirs.astype(int) - pixels).max()}")
    keep(name, data, theirs)


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def paletted(index):
    image = Image.fromarray(index, "P")
    image.putpalette(palette.flatten().tolist())
    return image


# --- PNG --------------------------------------------------------------------------------------------------------------


def packed(values, bits):
    """Rows of values of 1, 2, 4, 8 or 16 bits, each filled up to whole bytes, the highest bits first."""
    out = b""
    for row in values.reshape(len(values), -1):
        if bits == 16:
            out += row.astype(">u2").tobytes()
            continue
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        out += bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
    return out


def png(values, bits, colour_type, interlaced=False, plte=None, trns=None, claimed=None):
    height, width = values.shape[:2]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b""
    for top, left, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        part = values[top::down, left::right]
        if part.size:
            for row in part:
                raw += b"\0" + packed(row[None], bits)
    height, width = claimed or (height, width)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    if plte is not None:
        data += chunk(b"PLTE", plte.tobytes())
    if trns is not None:
        data += chunk(b"tRNS", trns)
    return data + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


check("gray1.png", png(bits1, 1, 0), bits1 * 255)
check("gray2.png", png(index4 % 4, 2, 0), index4 % 4 * 85)
check("gray4.png", png(index4, 4, 0), index4 * 17)
keep("gray16.png", png(deep, 16, 0), deep >> 8)
check("gray_alpha.png", png(np.stack([gray, alpha], -1), 8, 4), gray)
keep("gray_alpha16.png", png(np.stack([deep, deep[::-1]], -1), 16, 4))
check("rgb16.png", png(deep_rgb, 16, 2), deep_rgb >> 8)
keep("rgba16.png", png(np.concatenate([deep_rgb, deep[..., None]], -1), 16, 6), deep_rgb >> 8)
check("rgb_interlaced.png", png(rgb, 8, 2, True), rgb)
check("gray1_interlaced.png", png(bits1, 1, 0, True), bits1 * 255)
check("palette4_interlaced.png", png(index4, 4, 3, True, palette[:16]), palette[index4])
check("palette1.png", png(bits1, 1, 3, plte=palette[:2]), palette[bits1])
check("palette8.png", png(index8, 8, 3, plte=palette[:200]), palette[index8])
check("palette_transparent.png", png(index8, 8, 3, plte=palette[:200], trns=bytes(range(100))), palette[index8])
check("rgb_transparent.png", png(rgb, 8, 2, trns=struct.pack(">HHH", *map(int, rgb[3, 4]))), rgb)
check("rgba.png", png(np.concatenate([rgb, alpha[..., None]], -1), 8, 6), rgb)

# --- TIFF -------------------------------------------------------------------------------------------------------------


def tiff(values, bits, photometric, big_endian=False, planar=False, tile=None, deflate=False, extras=(), colours=None,
         sample_format=None, rows_per_strip=4, big=False, claimed=None):
    """`values` is height x width x samples; `tile` is the side of square tiles, a multiple of 16."""
    if values.ndim == 2:
        values = values[..., None]
    height, width, samples = values.shape
    order = ">" if big_endian else "<"

    def encode(part):
        data = part.astype(order + "u2").tobytes() if bits == 16 and part.dtype != np.float32 else (
            part.astype(order + "f4").tobytes() if part.dtype == np.float32 else packed(part, bits))
        return zlib.compress(data) if deflate else data

    chunks = []
    for plane in [values[..., i : i + 1] for i in range(samples)] if planar else [values]:
        if tile:
            padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
            for top in range(0, height, tile):
                for left in range(0, width, tile):
                    chunks.append(encode(padded[top : top + tile, left : left + tile]))
        else:
            for top in range(0, height, rows_per_strip):
                chunks.append(encode(plane[top : top + rows_per_strip]))
    first = 16 if big else 8
    height, width = claimed or (height, width)
    offsets, at = [], first
    for chunk in chunks:
        offsets.append(at)
        at += len(chunk) + len(chunk) % 2
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * samples), (259, 3, [8 if deflate else 1]),
               (262, 3, [photometric]), (277, 3, [samples]), (284, 3, [2 if planar else 1])]
    if tile:
        entries += [(322, 4, [tile]), (323, 4, [tile]), (324, 4, offsets), (325, 4, [len(c) for c in chunks])]
    else:
        entries += [(273, 4, offsets), (278, 4, [rows_per_strip]), (279, 4, [len(c) for c in chunks])]
    if extras:
        entries.append((338, 3, list(extras)))
    if colours is not None:
        entries.append((320, 3, [int(v) * 257 for c in range(3) for v in colours[:, c]]))
    if sample_format:
        entries.append((339, 3, [sample_format] * samples))
    entries.sort()
    count, slot = ("Q", 8) if big else ("I", 4)
    ifd = struct.pack(order + ("Q" if big else "H"), len(entries))
    behind = at + len(ifd) + len(entries) * (20 if big else 12) + slot
    extra = b""
    for tag, kind, numbers in entries:
        data = struct.pack(order + {3: "H", 4: "I"}[kind] * len(numbers), *numbers)
        if len(data) > slot:
            value = struct.pack(order + count, behind + len(extra))
            extra += data + b"\0" * (len(data) % 2)
        else:
            value = data.ljust(slot, b"\0")
        ifd += struct.pack(order + "HH" + count, tag, kind, len(numbers)) + value
    ifd += struct.pack(order + count, 0)
    mark = b"MM" if big_endian else b"II"
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, at) if big else struct.pack(order + "HI", 42, at))
    return head + b"".join(c + b"\0" * (len(c) % 2) for c in chunks) + ifd + extra


check("gray1.tiff", tiff(bits1, 1, 1), bits1 * 255)
check("gray1_white0.tiff", tiff(bits1, 1, 0), (1 - bits1) * 255)
check("gray2.tiff", tiff(index4 % 4, 2, 1), index4 % 4 * 85)
check("gray4.tiff", tiff(index4, 4, 1), index4 * 17)
keep("gray4_white0.tiff", tiff(index4, 4, 0), 255 - index4 * 17)
check("gray8_white0.tiff", tiff(gray, 8, 0), 255 - gray)
keep("gray12.tiff", tiff(deep >> 4, 12, 1), deep >> 8)
keep("gray16.tiff", tiff(deep, 16, 1), deep >> 8)
keep("gray16_big_endian.tiff", tiff(deep, 16, 1, big_endian=True), deep >> 8)
keep("gray16_white0.tiff", tiff(deep, 16, 0), 255 - (deep >> 8))
check("gray_alpha.tiff", tiff(np.stack([gray, alpha], -1), 8, 1, extras=[2]), gray)
keep("palette2.tiff", tiff(index4 % 4, 2, 3, colours=palette[:4]))
check("palette4.tiff", tiff(index4, 4, 3, colours=palette[:16]), palette[index4])
check("palette8.tiff", tiff(index8, 8, 3, colours=palette), palette[index8])
check("rgb_strips.tiff", tiff(rgb, 8, 2), rgb)
check("rgb_big_endian.tiff", tiff(rgb, 8, 2, big_endian=True), rgb)
check("rgb_planar.tiff", tiff(rgb, 8, 2, planar=True), rgb)
check("rgb_tiles.tiff", tiff(rgb, 8, 2, tile=16), rgb)
keep("rgb_planar_tiles.tiff", tiff(rgb, 8, 2, planar=True, tile=16, deflate=True), rgb)
check("rgb_bigtiff.tiff", tiff(rgb, 8, 2, big=True), rgb)
check("rgb16.tiff", tiff(deep_rgb, 16, 2), deep_rgb >> 8)
keep("rgb16_planar_tiles.tiff", tiff(deep_rgb, 16, 2, planar=True, tile=16), deep_rgb >> 8)
with_alpha = np.concatenate([rgb, alpha[..., None]], -1)
check("rgba.tiff", tiff(with_alpha, 8, 2, extras=[2]), rgb)
keep("rgba_premultiplied.tiff", tiff((with_alpha * np.array([1]) // 2 * [[[1, 1, 1, 2]]]).astype(np.uint8), 8, 2, extras=[1]))
deep_alpha = np.concatenate([deep_rgb, (alpha.astype(np.uint16) * 257)[..., None]], -1)
check("rgba16.tiff", tiff(deep_alpha, 16, 2, extras=[2]), deep_rgb >> 8)
check("rgbx.tiff", tiff(with_alpha, 8, 2, extras=[0]), rgb)
inks = np.stack([255 - rgb[..., 0], 255 - rgb[..., 1], 255 - rgb[..., 2], gray // 3], -1)
keep("cmyk.tiff", tiff(inks, 8, 5))
keep("cmyk16.tiff", tiff(inks.astype(np.uint16) * 257, 16, 5))
picture = Image.fromarray(rgb)
for compression in ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "zstd", "lzma"):
    check(f"rgb_{compression}.tiff", saved(picture, "TIFF", compression=compression), rgb)
keep("rgb_jpeg.tiff", saved(picture, "TIFF", compression="jpeg"))
keep("ycbcr_jpeg.tiff", saved(picture.convert("YCbCr"), "TIFF", compression="jpeg"))
for compression in ("group3", "group4", "tiff_ccitt"):
    keep(f"gray1_{compression}.tiff", saved(Image.fromarray(bits1 * 255).convert("1"), "TIFF", compression=compression))
keep("pages.tiff", saved(picture, "TIFF", save_all=True, append_images=[Image.new("RGB", (3, 5))]))

# --- WebP, GIF, JPEG --------------------------------------------------------------------------------------------------

other = Image.fromarray(255 - rgb)
keep("lossless.webp", saved(picture, "WEBP", lossless=True))
keep("lossy.webp", saved(picture, "WEBP", quality=80))
keep("alpha.webp", saved(Image.fromarray(with_alpha), "WEBP", lossless=True, exact=True))
keep("alpha_lossy.webp", saved(Image.fromarray(with_alpha), "WEBP", quality=80))
keep("animated.webp", saved(picture, "WEBP", save_all=True, append_images=[other], lossless=True))
keep("palette.gif", saved(paletted(index8), "GIF", interlace=0))
keep("interlaced.gif", saved(paletted(index8), "GIF", interlace=1))
keep("gray.gif", saved(Image.fromarray(gray), "GIF"))
keep("transparent.gif", saved(paletted(index8), "GIF", transparency=5))
keep("animated.gif", saved(paletted(index8), "GIF", save_all=True, append_images=[paletted(index8[::-1].copy())]))


def lzw(values):
    """GIF's compression without any: a clear code often enough that codes stay 9 bits wide."""
    text = ""
    for i, v in enumerate(values):
        if i % 100 == 0:
            text = format(256, "09b") + text
        text = format(int(v), "09b") + text
    text = format(257, "09b") + text
    text = text.rjust((len(text) + 7) // 8 * 8, "0")
    data = int(text, 2).to_bytes(len(text) // 8, "little")
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    return b"\x08" + blocks + b"\0"


def gif(screen, frame, values, global_colours=None, local_colours=None, transparent=None):
    """A screen of height and width, a frame of top, left, height, width."""
    data = b"GIF89a" + struct.pack("<HH", screen[1], screen[0])
    data += bytes([0xF7 if global_colours is not None else 0, 3, 0])
    if global_colours is not None:
        data += global_colours.tobytes()
    if transparent is not None:
        data += b"\x21\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    data += b"," + struct.pack("<HHHH", frame[1], frame[0], frame[3], frame[2])
    data += bytes([0x87 if local_colours is not None else 0])
    if local_colours is not None:
        data += local_colours.tobytes()
    return data + lzw(values.flatten()) + b";"


small = index8[:5, :7]
keep("partial.gif", gif((H, W), (3, 4, 5, 7), small, global_colours=palette))
keep("partial_transparent.gif", gif((H, W), (3, 4, 5, 7), small, global_colours=palette, transparent=9))
keep("local_palette.gif", gif((5, 7), (0, 0, 5, 7), small, global_colours=palette[::-1].copy(), local_colours=palette))
keep("beyond_screen.gif", gif((4, 6), (1, 2, 5, 7), small, global_colours=palette))
keep("no_palette.gif", gif((5, 7), (0, 0, 5, 7), small))

cmyk = saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=95)
keep("cmyk.jpeg", cmyk)
adobe = cmyk.index(b"Adobe")
keep("ycck.jpeg", cmyk[: adobe + 11] + b"\2" + cmyk[adobe + 12 :])

# --- BMP --------------------------------------------------------------------------------------------------------------


def bmp(rows, bits, compression=0, masks=(), colours=None, header=40, gap=0, height=H, width=W, used=None):
    """`rows` are the bytes of the pixels."""
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
        table = b"" if colours is None else b"".join(bytes(c[::-1]) for c in colours)
        fields = b""
    else:
        fields = b"".join(struct.pack("<I", m) for m in masks)
        count = (0 if colours is None else len(colours)) if used is None else used
        info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(rows), 2835, 2835, count, 0)
        if header > 40:
            info, fields = (info + fields).ljust(header, b"\0"), b""
        table = b"" if colours is None else b"".join(bytes(c[::-1]) + b"\0" for c in colours)
    at = 14 + len(info) + len(fields) + len(table) + gap
    return b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at) + info + fields + table + b"\x77" * gap + rows


def bmp_rows(values, bits):
    if values.ndim == 3:
        raw = [row.astype(np.uint8).tobytes() for row in values]
    elif bits > 8:
        raw = [row.astype("<u2" if bits == 16 else "<u4").tobytes() for row in values]
    else:
        raw = [packed(row[None], bits) for row in values]
    return b"".join(r + b"\0" * (-len(r) % 4) for r in raw)


def fields(red, green, blue):
    """The pixels of a picture with channels of (bits, shift), and what they come back as."""
    pixels, back = np.zeros((H, W), np.uint32), np.zeros((H, W, 3), np.uint8)
    for c, (bits, shift) in enumerate((red, green, blue)):
        value = rgb[..., c].astype(np.uint32) >> (8 - bits)
        pixels |= value << np.uint32(shift)
        back[..., c] = value * 255 // ((1 << bits) - 1)
    return pixels, back, [((1 << bits) - 1) << shift for bits, shift in (red, green, blue)]


up = slice(None, None, -1)
check("palette1.bmp", bmp(bmp_rows(bits1[up], 1), 1, colours=palette[:2]), palette[bits1])
check("palette4.bmp", bmp(bmp_rows(index4[up], 4), 4, colours=palette[:16]), palette[index4])
check("palette8.bmp", bmp(bmp_rows(index8[up], 8), 8, colours=palette[:200]), palette[index8])
check("palette8_gap.bmp", bmp(bmp_rows(index8[up], 8), 8, colours=palette[:200], gap=44), palette[index8])
check("palette8_os2.bmp", bmp(bmp_rows(index8[up], 8), 8, colours=palette, header=12), palette[index8])
check("rgb24.bmp", bmp(bmp_rows(rgb[up, :, ::-1], 24), 24), rgb)
check("rgb24_os2.bmp", bmp(bmp_rows(rgb[up, :, ::-1], 24), 24, header=12), rgb)
check("rgb24_top_down.bmp", bmp(bmp_rows(rgb[..., ::-1], 24), 24, height=-H), rgb)
check("rgb24_os2_64.bmp", bmp(bmp_rows(rgb[up, :, ::-1], 24), 24, header=64), rgb)
pixels, back, masks = fields((5, 10), (5, 5), (5, 0))
check("rgb555.bmp", bmp(bmp_rows(pixels[up], 16), 16), back)
pixels, back, masks = fields((5, 11), (6, 5), (5, 0))
check("rgb565.bmp", bmp(bmp_rows(pixels[up], 16), 16, 3, masks), back)
pixels, back, masks = fields((5, 0), (6, 5), (5, 11))
keep("bgr565.bmp", bmp(bmp_rows(pixels[up], 16), 16, 3, masks), back)
pixels, back, masks = fields((4, 8), (4, 4), (4, 0))
keep("rgb444.bmp", bmp(bmp_rows(pixels[up], 16), 16, 3, masks), back)
pixels, back, masks = fields((8, 16), (8, 8), (8, 0))
check("rgb32.bmp", bmp(bmp_rows(pixels[up], 32), 32), rgb)
check("rgb32_fields.bmp", bmp(bmp_rows(pixels[up], 32), 32, 3, masks), rgb)
check("rgb32_v5.bmp", bmp(bmp_rows(pixels[up], 32), 32, 3, masks + [0xFF000000], header=124), rgb)
pixels, back, masks = fields((8, 0), (8, 8), (8, 16))
keep("bgr32.bmp", bmp(bmp_rows(pixels[up], 32), 32, 3, masks), rgb)
pixels, back, masks = fields((8, 24), (8, 16), (8, 8))
check("abgr32_v4.bmp", bmp(bmp_rows(pixels[up], 32), 32, 3, masks + [0xFF], header=108), rgb)
pixels, back, masks = fields((8, 8), (8, 24), (8, 16))
keep("grb32.bmp", bmp(bmp_rows(pixels[up], 32), 32, 3, masks), rgb)


def rle8(values):
    out = b""
    for row in values:
        at = 0
        while at < len(row):
            run = 1
            while at + run < len(row) and row[at + run] == row[at] and run < 255:
                run += 1
            if run > 1 or len(row) - at < 3:
                out += bytes([run, row[at]])
                at += run
            else:
                some = min(5, len(row) - at)
                out += bytes([0, some]) + row[at : at + some].tobytes() + b"\0" * (some % 2)
                at += some
        out += b"\0\0"
    return out[:-2] + b"\0\1"


def rle4(values):
    out = b""
    for row in values:
        for at in range(0, len(row), 6):
            part = row[at : at + 6]
            if len(part) < 3:
                for v in part:
                    out += bytes([1, v * 16])
            else:
                data = packed(part[None], 4)
                out += bytes([0, len(part)]) + data + b"\0" * (len(data) % 2)
        out += b"\0\0"
    return out[:-2] + b"\0\1"


runs = index8.copy()
runs[2:5, 3:12] = 7
forgotten = bytearray(bmp(bmp_rows(index8[up], 8), 8, colours=palette[:200]))  # The offset to the pixels ends too early.
forgotten[10:14] = struct.pack("<I", 54)
check("palette8_forgotten.bmp", bytes(forgotten), palette[index8])
check("rle8_top_down.bmp", bmp(rle8(runs), 8, 1, colours=palette[:200], height=-H), palette[runs])
check("rle8.bmp", bmp(rle8(runs[up]), 8, 1, colours=palette[:200]), palette[runs])
check("rle4.bmp", bmp(rle4(index4[up]), 4, 2, colours=palette[:16]), palette[index4])
stepped = np.zeros((H, W), np.uint8)
stepped[H - 1, 2:6] = 9
stepped[H - 3, 8:11] = 4
keep("rle8_steps.bmp", bmp(b"\0\2\2\0\4\x09\0\2\2\2\3\4\0\1", 8, 1, colours=palette[:200]), palette[stepped])
alternate = np.zeros((H, W), np.uint8)
alternate[H - 1, :7] = [3, 12, 3, 12, 3, 12, 3]
keep("rle4_runs.bmp", bmp(b"\7\x3c\0\0\0\1", 4, 2, colours=palette[:16]), palette[alternate])

# --- PNM --------------------------------------------------------------------------------------------------------------


def text(values):
    return b"\n".join(b" ".join(b"%d" % v for v in row.flatten()) for row in values) + b"\n"


size = b"# a comment\n%d # width\n%d\n" % (W, H)
check("text.pbm", b"P1\n" + size + text(bits1), (1 - bits1) * 255)
check("text_dense.pbm", b"P1\n" + size + b"".join(b"%d" % v for v in bits1.flatten()) + b"\n", (1 - bits1) * 255)
check("text.pgm", b"P2\n" + size + b"255\n" + text(gray), gray)
check("text15.pgm", b"P2\n" + size + b"15\n" + text(index4), index4 * 17)
check("text.ppm", b"P3\n" + size + b"255\n" + text(rgb), rgb)
check("binary.pbm", b"P4\n" + size + packed(bits1, 1), (1 - bits1) * 255)
check("binary.pgm", b"P5\n" + size + b"255\n" + gray.tobytes(), gray)
check("binary15.pgm", b"P5\n" + size + b"15\n" + index4.tobytes(), index4 * 17)
check("binary100.pgm", b"P5\n" + size + b"100\n" + (gray % 101).tobytes(), np.round(gray % 101 / 100 * 255))
keep("binary4095.pgm", b"P5\n" + size + b"4095\n" + (deep >> 4).astype(">u2").tobytes(), np.round((deep >> 4) / 4095 * 255))
keep("binary65535.pgm", b"P5\n" + size + b"65535\n" + deep.astype(">u2").tobytes(), np.round(deep / 65535 * 255))
check("binary15.ppm", b"P6\n" + size + b"15\n" + (rgb >> 4).tobytes(), (rgb >> 4) * 17)
check("binary65535.ppm", b"P6\n" + size + b"65535\n" + deep_rgb.astype(">u2").tobytes(), np.round(deep_rgb / 65535 * 255))

# --- masks: the numbers 0 to 20 in what may hold them -----------------------------------------------------------------

masks_folder = folder.parent / "masks"
masks_folder.mkdir(exist_ok=True)
classes = (np.arange(64).reshape(8, 8) % 21).astype(np.uint8)
voc = Image.fromarray(classes, "P")
voc.putpalette(palette.flatten().tolist())
for name, data in {
    "gray8.png": png(classes, 8, 0), "gray16.png": png(classes.astype(np.uint16), 16, 0),
    "palette8.png": png(classes, 8, 3, plte=palette[:21]), "palette_interlaced.png": png(classes, 8, 3, True, palette[:21]),
    "gray8.tiff": tiff(classes, 8, 1), "gray16.tiff": tiff(classes.astype(np.uint16), 16, 1),
    "gray16_big_endian.tiff": tiff(classes.astype(np.uint16), 16, 1, big_endian=True),
    "palette8.tiff": tiff(classes, 8, 3, colours=palette), "palette_tiles.tiff": tiff(classes, 8, 3, colours=palette, tile=16),
    "palette8.bmp": bmp(bmp_rows(classes[up], 8), 8, colours=palette[:21], height=8, width=8),
    "rle8.bmp": bmp(rle8(classes[up]), 8, 1, colours=palette[:21], height=8, width=8),
    "palette.gif": gif((8, 8), (0, 0, 8, 8), classes, global_colours=palette),
    "max20.pgm": b"P5\n8 8\n20\n" + classes.tobytes(), "max65535.pgm": b"P5\n8 8\n65535\n" + classes.astype(">u2").tobytes(),
    "text.pgm": b"P2\n8 8\n20\n" + text(classes),
    # No masks.
    "wide.png": png(classes.astype(np.uint16) * 100, 16, 0), "gray4.png": png(classes % 16, 4, 0),
    "white0.tiff": tiff(classes, 8, 0), "gray4.tiff": tiff(classes % 16, 4, 1), "colours.bmp": bmp(bmp_rows(rgb[up, :, ::-1], 24), 24),
    "bits.pbm": b"P4\n8 8\n" + bytes(8), "colours.ppm": b"P6\n1 1\n255\n123", "lossy.jpeg": saved(Image.fromarray(classes), "JPEG"),
    "colours.webp": saved(Image.fromarray(classes).convert("RGB"), "WEBP", lossless=True),
}.items():
    (masks_folder / name).write_bytes(data)

# --- good files that are not read -------------------------------------------------------------------------------------

refused = folder.parent / "refused"
refused.mkdir(exist_ok=True)
for name, data in {
    "float32.tiff": tiff(gray.astype(np.float32), 32, 1, sample_format=3),
    "int16.tiff": tiff(deep, 16, 1, sample_format=2),
    "lab.tiff": tiff(rgb, 8, 8),
    "ten_samples.tiff": tiff(np.stack([gray] * 10, -1), 8, 1, extras=[0] * 9),
    "jpeg_inside.bmp": bmp(b"\xff\xd8\xff", 0, 4),
}.items():
    (refused / name).write_bytes(data)

# --- pictures with an orientation in their EXIF data, and those that they become --------------------------------------

turned = folder.parent / "turned"
turned.mkdir(exist_ok=True)
upright = []
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[274] = orientation
    for ending, form, options in (("jpeg", "JPEG", {"quality": 95}), ("png", "PNG", {}), ("webp", "WEBP", {"lossless": True}),
                                  ("tiff", "TIFF", {})):
        name = f"{orientation}.{ending}"
        data = saved(Image.fromarray(np.ascontiguousarray(rgb[2:7, 1:4])), form, exif=exif, **options)
        (turned / name).write_bytes(data)
        with Image.open(io.BytesIO(data)) as picture_in_file:
            upright.append((name, np.array(ImageOps.exif_transpose(picture_in_file).convert("RGB"))))

# --- small files that ask for more than 178,956,970 pixels ------------------------------------------------------------

huge = folder.parent / "huge"
huge.mkdir(exist_ok=True)
progressive = bytearray(saved(Image.fromarray(rgb), "JPEG", progressive=True))
baseline = bytearray(saved(Image.fromarray(rgb), "JPEG"))
for marker, data in ((b"\xff\xc2", progressive), (b"\xff\xc0", baseline)):
    at = data.index(marker) + 5
    data[at : at + 4] = struct.pack(">HH", 65500, 65500)
one = np.zeros((1, 1), np.uint8)
canvas = bytearray(saved(picture, "WEBP", save_all=True, append_images=[other], lossless=True))
at = canvas.index(b"VP8X") + 12
canvas[at : at + 6] = (16382).to_bytes(3, "little") * 2
for name, data in {
    "progressive.jpeg": bytes(progressive), "baseline.jpeg": bytes(baseline),
    "interlaced.png": png(one, 8, 0, True, claimed=(65500, 65500)), "strips.tiff": tiff(one, 8, 1, claimed=(65500, 65500)),
    "tiles.tiff": tiff(one, 8, 1, tile=16, claimed=(65500, 65500)),
    "canvas.webp": bytes(canvas), "screen.gif": gif((65500, 65500), (0, 0, 1, 1), one, palette),
    "rle8.bmp": bmp(b"\0\1", 8, 1, colours=palette[:2], height=65500, width=65500),
}.items():
    (huge / name).write_bytes(data)

for place, pictures in ((folder, expected), (turned, upright)):
    with open(place / "expected.bin", "wb") as data, open(place / "expected.txt", "w") as index:
        for name, pixels in pictures:
            index.write(f"{name} {pixels.shape[0]} {pixels.shape[1]} {data.tell()}\n")
            data.write(pixels.tobytes())
