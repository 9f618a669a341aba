"""The package's networks in PyTorch: python3 networks.py FOLDER BATCH NET/train NET/eval ...

For each case it loads FOLDER/NET.npz, computes the logits y of the images x[i] = sin(i) in float64 and the gradients of
sum(y[i] cos(i)), and prints as JSON the logits, for each parameter the sum of its gradient times sin(i), and the running
statistics afterwards.
"""
import json, sys
import numpy, torch
from torch import nn


def mlp(*widths):
    named = {}
    for i in range(1, len(widths)):
        if i > 1:
            named[f"relu{i}"] = nn.ReLU()
        named[f"fc{i}"] = nn.Linear(widths[i - 1], widths[i])
    return named


def convolutions(size, padding, *channels):
    named = {}
    for i in range(1, len(channels)):
        named[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], size, padding=padding)
        named[f"crelu{i}"], named[f"pool{i}"] = nn.ReLU(), nn.MaxPool2d(2)
    return named


def chain(named):
    net = nn.Sequential()
    for k, v in named.items():
        net.add_module(k, v)
    return net


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        if stride != 1 or i != o:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        short = self.downsample(x) if hasattr(self, "downsample") else x
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + short)


def resnet(*blocks):
    named = {"conv1": nn.Conv2d(3, 64, 3, 1, 1, bias=False), "bn1": nn.BatchNorm2d(64), "relu": nn.ReLU()}
    i = 64
    for stage, n in enumerate(blocks):
        o, row = 64 << stage, []
        for b in range(n):
            row.append(Block(i, o, 2 if stage > 0 and b == 0 else 1))
            i = o
        named[f"layer{stage + 1}"] = nn.Sequential(*row)
    return chain({**named, "avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(512, 10)})


def vgg11():
    features, i = [], 3
    for o in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        features += [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU()] if o else [nn.MaxPool2d(2)]
        i = o or i
    classifier = [nn.Linear(512, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 100)]
    return chain({"features": nn.Sequential(*features), "flatten": nn.Flatten(), "classifier": nn.Sequential(*classifier)})


def wide(*head):
    return chain({**convolutions(3, 1, 3, 32, 128, 128, 128), "avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), **mlp(128, *head)})


def blocks(depth, width, heads):
    return nn.ModuleList(nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
                         for _ in range(depth))


class ViT(nn.Module):
    def __init__(self, token=False):
        super().__init__()
        self.patches, self.positions = nn.Conv2d(3, 128, 4, 4), nn.Embedding(64 + token, 128)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 128)) if token else None
        self.layers, self.norm, self.head = blocks(6, 128, 4), nn.LayerNorm(128), nn.Linear(128, 10)

    def forward(self, x):
        h = self.patches(x).flatten(2).transpose(1, 2)
        if self.class_token is not None:
            h = torch.cat([self.class_token.expand(len(h), -1, -1), h], 1)
        h = h + self.positions.weight
        for block in self.layers:
            h = block(h)
        h = self.norm(h)
        return self.head(h.mean(1) if self.class_token is None else h[:, 0])


class GPT(nn.Module):
    """Its logits are by the table of the tokens."""

    def __init__(self, vocabulary, context, width, heads, depth):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.layers, self.norm = blocks(depth, width, heads), nn.LayerNorm(width)

    def forward(self, tokens):
        h = self.tokens(tokens) + self.positions.weight[:tokens.shape[1]]
        future = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
        for block in self.layers:
            h = block(h, src_mask=future)
        return self.norm(h) @ self.tokens.weight.T


def small_gpt():
    return GPT(11, 7, 12, 3, 2)


def tokens(n, length, vocabulary):
    i = torch.arange(n * length)
    return ((i * i + 3 * i) % vocabulary).reshape(n, length)


colour = (3, 32, 32)
networks = {
    "mlp1": (lambda: chain(mlp(784, 500, 500, 500, 10)), (784,)),
    "cnn1": (lambda: chain({**convolutions(5, 0, 3, 6, 16), "flatten": nn.Flatten(), **mlp(400, 120, 84, 10)}), colour),
    "cnn3": (lambda: wide(5000, 10), colour),
    "resnet18": (lambda: resnet(2, 2, 2, 2), colour),
    "vgg11": (vgg11, colour),
    "vit": (ViT, colour),
    "vit_token": (lambda: ViT(token=True), colour),
    "gpt": (small_gpt, None),
}


def write_gpt(file):
    torch.manual_seed(20230125)
    net = small_gpt()
    numpy.savez(file + ".npz", **{k: v.numpy() for k, v in net.state_dict().items()})
    with open(file + ".json", "w") as f:
        json.dump(net.double()(tokens(2, 7, 11)).flatten().tolist(), f)


def compute(name, mode):
    make, image = networks[name]
    net = make().double().train(mode == "train")
    weights = numpy.load(f"{sys.argv[1]}/{name}.npz")
    missing, unexpected = net.load_state_dict({k: torch.tensor(v) for k, v in weights.items()}, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing), (missing, unexpected)
    n = int(sys.argv[2])
    x = torch.arange(n * int(numpy.prod(image)), dtype=torch.float64).sin().reshape(-1, *image) if image else tokens(n, 7, 11)
    y = net(x)
    (y.reshape(-1) * torch.arange(y.numel(), dtype=torch.float64).cos()).sum().backward()
    return {
        "Logits": y.reshape(-1).tolist(),
        "Gradients": {k: (p.grad.reshape(-1) * torch.arange(p.numel(), dtype=torch.float64).sin()).sum().item() for k, p in net.named_parameters()},
        "Statistics": {k: v.tolist() for k, v in net.named_buffers() if "running" in k},
    }


if sys.argv[1] == "make":
    write_gpt(sys.argv[2])
    sys.exit()
print(json.dumps({case: compute(*case.split("/")) for case in sys.argv[3:]}))
