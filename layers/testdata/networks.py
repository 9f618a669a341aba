"""The package's networks in PyTorch.

networks.py values FOLDER BATCH NET/train NET/eval ...
    For each case it loads FOLDER/NET.npz, computes the logits y of the images x[i] = sin(i) in float64 and the gradients of
    sum(y[i] cos(i)), and prints as JSON the logits, for each parameter the sum of its gradient times sin(i), and the running
    statistics afterwards.
networks.py steps NET BATCH THREADS contiguous|channels_last STEPS NOISE ...
    Prints as JSON the milliseconds of so many training steps with each kind of noise (none, layer, all), which take turns.
networks.py make FILE
    Writes weights and logits of a GPT to FILE.npz and FILE.json.
"""
import json, sys, time
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


class FastBlock(nn.TransformerEncoderLayer):
    """The same block, written out: a twentieth faster."""

    def forward(self, x, src_mask=None):  # a mask hides the future
        a, (n, t, width) = self.self_attn, x.shape
        projected = nn.functional.linear(self.norm1(x), a.in_proj_weight, a.in_proj_bias)
        q, k, v = (z.view(n, t, a.num_heads, -1).transpose(1, 2) for z in projected.split(width, -1))
        h = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=src_mask is not None)
        x = x + a.out_proj(h.transpose(1, 2).reshape(n, t, width))
        return x + self.linear2(nn.functional.gelu(self.linear1(self.norm2(x))))


def blocks(depth, width, heads):
    block = FastBlock if sys.argv[1] == "steps" else nn.TransformerEncoderLayer
    return nn.ModuleList(block(width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True) for _ in range(depth))


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
    """Its logits are by the table of the tokens, or untied by a matrix of their own."""

    def __init__(self, vocabulary, context, width, heads, depth, tied=True):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.layers, self.norm = blocks(depth, width, heads), nn.LayerNorm(width)
        self.head = None if tied else nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        h = self.tokens(tokens) + self.positions.weight[:tokens.shape[1]]
        future = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
        for block in self.layers:
            h = block(h, src_mask=future)
        return self.norm(h) @ self.tokens.weight.T if self.head is None else self.head(self.norm(h))


def small_gpt():
    return GPT(11, 7, 12, 3, 2)


def tokens(n, length, vocabulary):
    i = torch.arange(n * length)
    return ((i * i + 3 * i) % vocabulary).reshape(n, length)


colour = (3, 32, 32)
networks = {
    "mlp1": (lambda: chain(mlp(784, 500, 500, 500, 10)), (784,)),
    "mlp3": (lambda: chain(mlp(784, *[1000] * 5, 10)), (784,)),
    "cnn1": (lambda: chain({**convolutions(5, 0, 3, 6, 16), "flatten": nn.Flatten(), **mlp(400, 120, 84, 10)}), colour),
    "cnn2": (lambda: wide(10), colour),
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
    weights = numpy.load(f"{sys.argv[2]}/{name}.npz")
    missing, unexpected = net.load_state_dict({k: torch.tensor(v) for k, v in weights.items()}, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing), (missing, unexpected)
    n = int(sys.argv[3])
    x = torch.arange(n * int(numpy.prod(image)), dtype=torch.float64).sin().reshape(-1, *image) if image else tokens(n, 7, 11)
    y = net(x)
    (y.reshape(-1) * torch.arange(y.numel(), dtype=torch.float64).cos()).sum().backward()
    return {
        "Logits": y.reshape(-1).tolist(),
        "Gradients": {k: (p.grad.reshape(-1) * torch.arange(p.numel(), dtype=torch.float64).sin()).sum().item() for k, p in net.named_parameters()},
        "Statistics": {k: v.tolist() for k, v in net.named_buffers() if "running" in k},
    }


class Steps:
    """Training steps of a network as Go's BenchmarkStep has them: noise, forward and backward pass, the weights as they were, and
    SGD, for transformers Adam."""

    def __init__(self, name, batch, layout, noise):
        make, image = networks[name]
        self.net = GPT(98, 64, 128, 4, 4, tied=False) if name == "gpt" else make()
        self.net.to(memory_format=layout).train()
        self.noise, self.step, self.parameters, self.milliseconds = noise, 0, list(self.net.parameters()), []
        if name in ("gpt", "vit"):
            self.solver = torch.optim.Adam(self.parameters, lr=1e-3, fused=True)
        else:
            self.solver = torch.optim.SGD(self.parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)
        self.x = tokens(batch, 64, 98) if name == "gpt" else torch.randn(batch, *image)
        if len(self.x.shape) == 4:
            self.x = self.x.to(memory_format=layout)
        classes = self.net(self.x).shape[-1]
        self.labels = torch.randint(classes, (self.x.numel() if name == "gpt" else batch,))

    def run(self):
        before = time.perf_counter()
        clean, n = [], len(self.parameters)
        with torch.no_grad():
            for i, p in enumerate(self.parameters):
                if self.noise == "all" or self.noise == "layer" and i == self.step % n:
                    clean.append((p, p.data))
                    p.data = p.data + (0.03 if self.noise == "layer" else 0.03 / n**0.5) * torch.randn_like(p)
        self.solver.zero_grad()
        logits = self.net(self.x)
        nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), self.labels).backward()
        for p, data in clean:
            p.data = data
        self.solver.step()
        self.step += 1
        self.milliseconds.append(1e3 * (time.perf_counter() - before))


def time_steps(name, batch, threads, layout, n, *kinds):
    torch.manual_seed(1)
    torch.set_num_threads(int(threads))
    layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    noises = {kind: Steps(name, int(batch), layout, kind) for kind in kinds}
    for _ in range(2 + int(n)):
        for steps in noises.values():
            steps.run()
    print(json.dumps({kind: steps.milliseconds[2:] for kind, steps in noises.items()}))


if sys.argv[1] == "make":
    write_gpt(sys.argv[2])
elif sys.argv[1] == "steps":
    time_steps(*sys.argv[2:])
else:
    print(json.dumps({case: compute(*case.split("/")) for case in sys.argv[4:]}))
