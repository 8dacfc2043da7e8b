"""Makes and reads weights with Python's torch and torchvision, for each line of the file named by the first argument.

A line is a word and what it needs, separated by spaces; MODEL is resnet18, resnet50 or vit_tiny, for 10 classes:

    names MODEL        the entries of its state_dict for 1000 classes: "NAME SIZE,SIZE" and so on, separated by ";"
    write MODEL PATH   saves a state_dict and says its logits
    read MODEL PATH    loads a state_dict, strictly and without running code, and says its logits
    script PATH        saves a small TorchScript module and says its logits
    kinds PATH         saves tensors of many kinds and says for each "NAME SUM"
    tensors PATH       loads any tensors and says for each, sorted by name, "NAME TYPE SIZE,SIZE SUM"

A path ends in .pt or .safetensors. Logits are those of pictures() in evaluation mode. The answer is torch's version and
one line for each. Exits with 3 when torch, torchvision or, for such a path, safetensors is missing.
"""

import sys

try:
    import torch
    import torchvision
except ImportError:
    sys.exit(3)

SIDE = 64


def pictures():
    count = 2 * 3 * SIDE * SIDE
    return ((torch.arange(count) * 37 % 256).float() / 255 - 0.5).view(2, 3, SIDE, SIDE)


def make(model, classes=10, side=SIDE):
    if model == "vit_tiny":
        return torchvision.models.VisionTransformer(side, 16, 12, 3, 192, 768, num_classes=classes)
    return getattr(torchvision.models, model)(weights=None, num_classes=classes)


def logits(model):
    model.eval()
    with torch.no_grad():
        return " ".join(repr(x) for x in model(pictures()).flatten().tolist())


def safetensors():
    try:
        import safetensors.torch
    except ModuleNotFoundError as error:
        if error.name != "safetensors":
            raise  # What it needs itself is missing: somebody has to see that.
        sys.exit(3)
    return safetensors.torch


def save(tensors, path):
    if path.endswith(".safetensors"):
        safetensors().save_file(tensors, path)
    else:
        torch.save(tensors, path)


def load(path):
    if path.endswith(".safetensors"):
        return safetensors().load_file(path)
    return torch.load(path, weights_only=True)


def sizes(tensor):
    return ",".join(str(size) for size in tensor.shape)


def names(model):
    state = make(model, 1000, 224).state_dict()
    return ";".join(f"{name} {sizes(tensor)}" for name, tensor in state.items())


def write(model, path):
    torch.manual_seed(1)
    made = make(model)
    for parameter in made.parameters():  # Some begin as zeros, which would hide a mistake.
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    made(pictures())  # In training mode: the statistics are no longer those of a new model.
    save(made.state_dict(), path)
    return logits(made)


def read(model, path):
    made = make(model)
    made.load_state_dict(load(path), strict=True)
    return logits(made)


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, stride=4), torch.nn.BatchNorm2d(4))
        self.fc = torch.nn.Linear(4, 10)

    def forward(self, x):
        return self.fc(self.features(x).relu().mean([2, 3]))


def script(path):
    torch.manual_seed(1)
    made = torch.jit.script(Small())
    made.save(path)
    return logits(made)


def kinds(path):
    numbers = torch.arange(24).view(2, 3, 4)
    tied = torch.arange(6.0)
    tensors = {
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "transposed": numbers.float().transpose(0, 2),
        "middle": numbers.double()[:, 1],
        "tied.a": tied,
        "tied.b": tied,
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "large": torch.arange(70000, dtype=torch.int32),
    }
    for dtype in ("half", "bfloat16", "int16", "int8", "uint8", "bool", "complex64", "complex128"):
        tensors[dtype] = numbers.to(getattr(torch, dtype))
    torch.save(tensors, path)
    return ";".join(f"{name} {abs(tensor.sum().item())}" for name, tensor in tensors.items())


def tensors(path):
    state = load(path)
    if path.endswith(".pt"):
        assert type(state).__name__ == "OrderedDict", type(state)
    return ";".join(
        f"{name} {str(state[name].dtype)[6:]} {sizes(state[name])} {state[name].double().sum().item()}" for name in sorted(state)
    )


def main():
    print(torch.__version__)
    with open(sys.argv[1]) as questions:
        for question in questions:
            word, *needed = question.split()
            print({"names": names, "write": write, "read": read, "script": script, "kinds": kinds, "tensors": tensors}[word](*needed))


main()
