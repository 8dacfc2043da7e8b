"""Reads what `millrace train` and `millrace export` wrote into the working folder, by the Python that a page shows.

    exported_weights.py PAGE SECTION

PAGE is docs/training.md, whose blocks of Python are run as they stand; SECTION is where a checkpoint has the exported
weights, "model" or "ema". The folder has runs/photos, photos.safetensors and photos.pt of a ResNet-18, and what
`millrace predict` said of the pictures, predictions.csv with both classes. Prints how many predictions were compared.
Exits with 3 when torch, torchvision or safetensors is missing.
"""

import csv
import re
import sys

try:
    import safetensors.torch
    import torch
    import torchvision
except ImportError:
    sys.exit(3)


def picture(path):
    with open(path, "rb") as file:
        head = file.readline().split()
        bytes_of_pixels = bytearray(file.read())
    assert head[0] == b"P6", head
    width, height = int(head[1]), int(head[2])
    pixels = torch.frombuffer(bytes_of_pixels, dtype=torch.uint8).view(height, width, 3)
    return (pixels.permute(2, 0, 1).float() / 255 - 0.5) / 0.25  # The defaults of the section normalize.


def require_same(found, expected):
    assert found.keys() == expected.keys(), (list(found), list(expected))
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


def main():
    page, section = sys.argv[1:]
    with open(page) as file:
        of_exports, of_checkpoints = re.findall(r"^```python\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
    names = {"torch": torch, "torchvision": torchvision, "safetensors": safetensors}
    exec(of_exports, names)
    exported = safetensors.torch.load_file("photos.safetensors")
    require_same(torch.load("photos.pt", weights_only=True), exported)
    require_same(names["model"].state_dict(), exported)

    checkpoint = torch.load("runs/photos/best.pt", weights_only=True)
    start = section + "."
    require_same({name[len(start) :]: tensor for name, tensor in checkpoint.items() if name.startswith(start)}, exported)

    model = names["model"].eval()
    compared = 0
    with open("predictions.csv") as file:
        for row in csv.DictReader(file):
            with torch.no_grad():
                dark, light = model(picture(row["path"])[None])[0].softmax(0).tolist()
            said = {row["prediction"]: row["probability"], row["prediction_2"]: row["probability_2"]}
            assert abs(float(said["dark"]) - dark) <= 1e-5 and abs(float(said["light"]) - light) <= 1e-5, (row, dark)
            compared += 1

    names["model"] = torchvision.models.resnet18(num_classes=2)
    exec(of_checkpoints, names)
    of_model = {name[6:]: tensor for name, tensor in checkpoint.items() if name.startswith("model.")}
    require_same(names["model"].state_dict(), of_model)
    assert section == "model" or any(not torch.equal(of_model[name], exported[name]) for name in exported)
    print(compared)


main()
