"""Does to pictures what each line of a file asks, by torchvision.transforms.v2.functional.

Usage: torchvision_results.py QUESTIONS PICTURES RESULTS

PICTURES holds uint8 pictures, three planes each, one behind the other. A line of QUESTIONS is

    OFFSET HEIGHT WIDTH OPERATION ARGUMENT...

of the picture at OFFSET; the operations are the functions below. Prints torchvision's version, then a line for each
question: the shape of a picture, whose bytes are appended to RESULTS, or "=" and numbers. Exits with 3 when there is no
torchvision.
"""

import sys

try:
    import torch
    from torchvision import __version__, tv_tensors
    from torchvision.transforms import v2
except ImportError:
    sys.exit(3)

F = v2.functional
MODES = [v2.InterpolationMode.NEAREST, v2.InterpolationMode.BILINEAR]
FILTERS = [*MODES, v2.InterpolationMode.BICUBIC]
PADDING = ["constant", "edge", "reflect", "symmetric"]


def integers(numbers):
    return [int(number) for number in numbers]


def resized_crop(picture, *n):
    n = integers(n)
    return F.resized_crop(picture, *n[:4], n[4:], antialias=True)


def resize(picture, shorter):
    return F.resize(picture, [int(shorter)], antialias=True)


def resize_by(picture, filter, height, width):
    return F.resize(picture, integers((height, width)), FILTERS[int(filter)], antialias=True)


def center_crop(picture, height, width):
    return F.center_crop(picture, integers((height, width)))


def pad(picture, mode, *n):
    mode = PADDING[int(mode)]
    return F.pad(picture, integers(n[:4]), integers(n[4:]) if mode == "constant" else 0, mode)


def rgb_to_grayscale(picture, channels):
    return F.rgb_to_grayscale(picture, int(channels))


def gaussian_blur(picture, height, width, sigma):
    return F.gaussian_blur(picture, integers((width, height)), [sigma, sigma])


def erase(picture, y, x, height, width, *value):
    value = torch.tensor(integers(value), dtype=torch.uint8)[:, None, None]
    return F.erase(picture, *integers((y, x, height, width)), value)


def posterize(picture, bits):
    return F.posterize(picture, int(bits))


def affine(picture, angle, right, down, scale, shear_x, shear_y, bilinear, *fill):
    return F.affine(picture, angle, [right, down], scale, [shear_x, shear_y], MODES[int(bilinear)], list(fill) or None)


def rotate(picture, angle, bilinear, *fill):
    return F.rotate(picture, angle, MODES[int(bilinear)], fill=list(fill) or None)


def augment(picture, kind, magnitude, bilinear, *fill):
    name = list(v2.RandAugment._AUGMENTATION_SPACE)[int(kind)]
    fill = {"others": list(fill) or None}
    return v2.RandAugment()._apply_image_or_video_transform(picture, name, magnitude, MODES[int(bilinear)], fill)


def rand_augment_magnitudes(picture, bins):
    return magnitudes(v2.RandAugment, picture, bins)


def trivial_augment_magnitudes(picture, bins):
    return magnitudes(v2.TrivialAugmentWide, picture, bins)


def magnitudes(policy, picture, bins):
    """Of each kind and bin; 0 for a kind without."""
    numbers = []
    for of_bins, _ in policy._AUGMENTATION_SPACE.values():
        table = of_bins(int(bins), *picture.shape[-2:])
        numbers += [0.0] * int(bins) if table is None else [float(number) for number in table]
    return numbers


def mask(picture):
    return tv_tensors.Mask(picture[:1])


def mask_resized_crop(picture, *n):
    n = integers(n)
    return F.resized_crop(mask(picture), *n[:4], n[4:])


def mask_pad(picture, mode, *borders):
    return F.pad(mask(picture), integers(borders), 0, PADDING[int(mode)])


def mask_affine(picture, angle, right, down, scale, shear_x, shear_y):
    return F.affine(mask(picture), angle, [right, down], scale, [shear_x, shear_y], fill=0)


def boxes(picture, corners):
    return tv_tensors.BoundingBoxes([corners], format="XYXY", canvas_size=picture.shape[-2:], dtype=torch.float32)


def boxes_resized_crop(picture, *n):
    return F.resized_crop(boxes(picture, n[:4]), *integers(n[4:8]), integers(n[8:]))


def boxes_flip(picture, *n):
    return F.vertical_flip(F.horizontal_flip(boxes(picture, n)))


def boxes_pad(picture, *n):
    return F.pad(boxes(picture, n[:4]), integers(n[4:]))


def boxes_affine(picture, *n):
    angle, right, down, scale, *shear = n[4:]
    return F.affine(boxes(picture, n[:4]), angle, [right, down], scale, shear)


def boxes_rotate(picture, *n):
    return F.rotate(boxes(picture, n[:4]), n[4])


def answer(picture, operation, numbers):
    function = globals().get(operation) or getattr(F, operation)
    return function(picture, *numbers)


def main(questions, pictures, results):
    torch.set_num_threads(1)
    pixels = torch.frombuffer(bytearray(open(pictures, "rb").read()), dtype=torch.uint8)
    print(__version__)
    with open(results, "wb") as out:
        for line in open(questions):
            offset, height, width, operation, *numbers = line.split()
            shape = (3, int(height), int(width))
            picture = pixels[int(offset) :][: 3 * shape[1] * shape[2]].reshape(shape)
            result = answer(picture, operation, [float(number) for number in numbers])
            if isinstance(result, torch.Tensor) and not isinstance(result, tv_tensors.BoundingBoxes):
                out.write(result.contiguous().numpy().tobytes())
                print(*result.shape)
            else:
                numbers = result if isinstance(result, list) else result.flatten().tolist()
                print("=", *(repr(number) for number in numbers))


main(*sys.argv[1:])
