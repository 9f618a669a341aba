"""Reference numbers from PyTorch, in the layout of this folder: python3 generate.py FOLDER [SEED]

Go's tests take them with LAYERNOISE_GOLDEN=FOLDER. Everything is computed in float64.
"""
import json, os, sys
import torch
from torch import nn
import torch.nn.functional as F


def numbers(t):
    return {"shape": list(t.shape), "data": t.detach().reshape(-1).tolist()}


def every(tensors):
    return {name: numbers(t) for name, t in tensors.items()}


def leaf(*shape, scale=1.0, shift=0.0):
    return (shift + scale * torch.randn(*shape)).requires_grad_()


# The loop of noise injection.

STEPS, BATCH, WIDTHS, SIGMA = 24, 6, (7, 11, 9, 4), 0.1
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=5e-4)),
    "adam": (torch.optim.Adam, dict(lr=0.01, weight_decay=0.0)),
    "adamw": (torch.optim.AdamW, dict(lr=0.01, weight_decay=0.05)),
}


def weights():
    params = []
    for fan_in, out in zip(WIDTHS, WIDTHS[1:]):
        params += [leaf(out, fan_in, scale=fan_in**-0.5), leaf(out, scale=0.1)]
    return params


def cost(params, x, labels):
    h = x
    for i in range(0, len(params), 2):
        h = F.linear(F.relu(h) if i > 0 else h, params[i], params[i + 1])
    return F.cross_entropy(h, labels)


def solver(optimizer, mode):
    params = weights()
    make, settings = OPTIMIZERS[optimizer]
    base = make(params, **settings)
    case = dict(settings, mode=mode, optimizer=optimizer, sigma=SIGMA, params_initial=[numbers(p) for p in params], steps=[])
    for t in range(STEPS):
        x, labels = torch.randn(BATCH, WIDTHS[0]), torch.randint(WIDTHS[-1], (BATCH,))
        noisy = {"none": [], "layer": [t % len(params)], "all": range(len(params))}[mode]
        noise = {i: torch.randn(params[i].shape) for i in noisy}
        clean = [p.detach().clone() for p in params]
        with torch.no_grad():
            for i, draw in noise.items():
                params[i] += SIGMA / len(noise) ** 0.5 * draw
        loss = cost(params, x, labels)
        base.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p, c in zip(params, clean):
                p.copy_(c)
        base.step()
        case["steps"].append(dict(
            x=numbers(x), labels=labels.tolist(), unit_noise=every({str(i): d for i, d in noise.items()}),
            loss_at_perturbed=loss.item(), params_after=[numbers(p) for p in params] if t in (0, 1, 12, 23) else None))
    return case


# Sharpness-aware minimisation, by its authors' formulas.

RHO, ETA = 0.2, 0.01


def sam(adaptive, mode):
    params = weights()
    make, settings = OPTIMIZERS["sgd"]
    base = make(params, **settings)
    case = dict(settings, mode=mode, optimizer="sgd", rho=RHO, adaptive=adaptive, eta=ETA if adaptive else 0,
                params_initial=[numbers(p) for p in params], steps=[])
    for t in range(STEPS):
        x, labels = torch.randn(BATCH, WIDTHS[0]), torch.randint(WIDTHS[-1], (BATCH,))
        moved = {"layer": [t % len(params)], "all": list(range(len(params)))}[mode]
        clean_loss = cost(params, x, labels)
        grads = torch.autograd.grad(clean_loss, params)
        scales = [p.detach().abs() + ETA if adaptive else torch.ones_like(p) for p in params]
        norm = torch.cat([(scales[i] * grads[i]).flatten() for i in moved]).norm()
        with torch.no_grad():
            there = [p + RHO * scales[i]**2 * grads[i] / norm if i in moved else p for i, p in enumerate(params)]
        there = [p.detach().requires_grad_() for p in there]
        loss = cost(there, x, labels)
        for p, g in zip(params, torch.autograd.grad(loss, there)):
            p.grad = g
        base.step()
        case["steps"].append(dict(
            x=numbers(x), labels=labels.tolist(), loss_at_clean=clean_loss.item(), loss_at_perturbed=loss.item(),
            params_after=[numbers(p) for p in params] if t in (0, 1, 12, 23) else None))
    return case


# Single layers and blocks.

def layer(name, config, inputs, f, params={}, extra=dict):
    """One case: f's result at the inputs and parameters, and the gradients for a random gradient of the result."""
    y = f(**inputs)
    up = torch.randn(y.shape)
    leaves = {n: t for n, t in {**inputs, **params}.items() if t.requires_grad}
    grads = torch.autograd.grad(y, list(leaves.values()), up)
    return dict(name=name, config=config, inputs=every(inputs), params=every(params), output=numbers(y),
                grad_output=numbers(up), grads=every(dict(zip(leaves, grads))), extra=every(extra()))


def conv(x, w, bias, stride, padding):
    inputs = dict(x=leaf(*x), w=leaf(*w, scale=0.3))
    if bias:
        inputs["b"] = leaf(w[0])
    config = dict(kernel=list(w[2:]), stride=stride, padding=padding, bias=bias)
    return layer("conv2d", config, inputs, lambda x, w, b=None: F.conv2d(x, w, b, stride, padding))


def pools(x, kernel, stride, padding):
    config = dict(kernel=kernel, stride=stride, padding=padding)
    for name, f in ("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d):
        yield layer(name, config, dict(x=leaf(*x)), lambda x: f(x, kernel, stride, padding))


def norms(*shape):
    c, eps = shape[1], 1e-5
    affine = lambda: dict(x=leaf(*shape, scale=2, shift=1), gamma=leaf(c, shift=1), beta=leaf(c))
    mean, var = torch.zeros(c), torch.ones(c)
    yield layer("batch_norm_train", dict(momentum=0.1, eps=eps), affine(),
                lambda x, gamma, beta: F.batch_norm(x, mean, var, gamma, beta, True, 0.1, eps),
                extra=lambda: dict(running_mean_from_0=mean, running_var_from_1=var))
    yield layer("batch_norm_eval", dict(eps=eps), dict(affine(), running_mean=torch.randn(c), running_var=0.5 + torch.rand(c)),
                lambda x, gamma, beta, running_mean, running_var:
                F.batch_norm(x, running_mean, running_var, gamma, beta, False, 0.1, eps))


def cross_entropy(logits, labels):
    return layer("softmax_cross_entropy", dict(labels=labels), dict(logits=logits),
                 lambda logits: F.cross_entropy(logits, torch.tensor(labels)))


def block(n, c, out, stride):
    net = nn.ModuleDict(dict(c1=nn.Conv2d(c, out, 3, stride, 1, bias=False), b1=nn.BatchNorm2d(out),
                             c2=nn.Conv2d(out, out, 3, 1, 1, bias=False), b2=nn.BatchNorm2d(out)))
    if stride != 1 or c != out:
        net.update(dict(cs=nn.Conv2d(c, out, 1, stride, bias=False), bs=nn.BatchNorm2d(out)))
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape) * 0.5 + (p.dim() == 1))

    def f(x):
        skip = net["bs"](net["cs"](x)) if "cs" in net else x
        return F.relu(net["b2"](net["c2"](F.relu(net["b1"](net["c1"](x))))) + skip)
    return layer("residual_basic_block", dict(in_channels=c, out_channels=out, stride=stride), dict(x=leaf(n, c, 6, 8)), f,
                 params=dict(net.named_parameters()))


def layers():
    yield layer("dense", {}, dict(x=leaf(5, 7), w=leaf(3, 7), b=leaf(3)), lambda x, w, b: F.linear(x, w, b))
    yield conv((2, 3, 7, 6), (4, 3, 3, 3), True, 1, 1)
    yield conv((2, 2, 9, 8), (5, 2, 3, 3), True, 2, 1)
    yield conv((2, 4, 6, 7), (3, 4, 1, 1), False, 2, 0)
    yield conv((2, 3, 11, 10), (6, 3, 5, 5), True, 1, 0)
    yield conv((2, 1, 5, 5), (2, 1, 3, 3), False, 1, 2)
    yield conv((2, 2, 8, 9), (3, 2, 4, 4), True, 3, 1)
    yield conv((2, 16, 9, 7), (18, 16, 3, 3), True, 1, 1)
    yield conv((2, 20, 4, 4), (16, 20, 3, 3), False, 1, 1)
    yield conv((2, 17, 10, 13), (16, 17, 3, 3), True, 1, 0)
    yield conv((2, 3, 6, 7), (4, 3, 3, 2), True, [1, 2], [1, 0])
    for x, settings in ((6, 8), (2, 2, 0)), ((7, 9), (2, 2, 0)), ((7, 8), (3, 2, 1)), ((5, 6), (3, 1, 0)):
        yield from pools((2, 3, *x), *settings)
    yield layer("global_avg_pool", {}, dict(x=leaf(3, 4, 5, 7)), lambda x: x.mean((2, 3)))
    yield from norms(6, 5)
    yield from norms(4, 3, 5, 2)
    yield cross_entropy(leaf(6, 5), [3, 2, 1, 2, 0, 4])
    yield cross_entropy((1e3 * torch.randn(3, 5).sign()).requires_grad_(), [1, 2, 4])
    yield block(3, 3, 3, 1)
    yield block(3, 2, 4, 2)


# Sequences: operations by their definitions, blocks and networks by torch.nn.

def attention(heads, causal=False, padding=None):
    """The result of q, k and v, (N, T, D): whole matrices, a row without keys being zero."""
    def f(q, k, v):
        split = lambda x: x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)
        scores = split(q) @ split(k).mT / (q.shape[2] // heads) ** 0.5
        hidden = torch.zeros(scores.shape, dtype=torch.bool)
        if causal:
            hidden |= torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
        if padding is not None:
            hidden |= torch.tensor(padding)[:, None, None, :]
        e = torch.where(hidden, 0.0, scores.exp())
        p = e / e.sum(3, keepdim=True).clamp_min(1e-300)
        return (p @ split(v)).transpose(1, 2).reshape(q.shape[0], q.shape[1], -1)
    return f


def attentions():
    for n, t, s, d, heads, causal, padded in ((2, 5, 5, 6, 2, False, False), (2, 4, 4, 9, 3, True, False), (1, 1, 1, 4, 1, True, False),
                                              (2, 3, 5, 4, 2, False, False), (3, 4, 4, 6, 2, True, True), (1, 67, 67, 4, 2, True, False)):
        padding = [[i == 1 or j % 3 == i for j in range(s)] for i in range(n)] if padded else None
        config = dict(heads=heads, causal=causal, padded_keys=padding)
        yield layer("attention", config, dict(q=leaf(n, t, d), k=leaf(n, s, d), v=leaf(n, s, d)), attention(heads, causal, padding))
        if t == s:
            yield layer("packed_attention", config, dict(qkv=leaf(n, t, 3 * d, scale=2)),
                        lambda qkv: attention(heads, causal, padding)(*qkv.split(d, 2)))


def random_parameters(net):
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(torch.randn(p.shape) * 0.4 + ("norm" in name and "weight" in name))
    return dict(net.named_parameters())


def encoder(width, heads, hidden):
    return nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)


def future(t):
    return torch.ones(t, t, dtype=torch.bool).triu(1)


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(c["vocabulary"], c["width"]), nn.Embedding(c["context"], c["width"])
        self.layers = nn.ModuleList(encoder(c["width"], c["heads"], c["hidden"]) for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(c["width"])
        self.tied = c["tied"]
        if not self.tied:
            self.head = nn.Linear(c["width"], c["vocabulary"], bias=False)

    def forward(self, tokens):
        t = tokens.shape[1]
        h = self.tokens(tokens) + self.positions.weight[:t]
        for block in self.layers:
            h = block(h, src_mask=future(t))
        return F.linear(self.norm(h), self.tokens.weight if self.tied else self.head.weight)


class ViT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.patches = nn.Conv2d(c["channels"], c["width"], c["patch"], c["patch"])
        positions = c["image"][0] // c["patch"] * (c["image"][1] // c["patch"])
        self.class_token = nn.Parameter(torch.empty(1, 1, c["width"])) if c.get("class_token") else None
        self.positions = nn.Embedding(positions + (self.class_token is not None), c["width"])
        self.layers = nn.ModuleList(encoder(c["width"], c["heads"], c["hidden"]) for _ in range(c["depth"]))
        self.norm, self.head = nn.LayerNorm(c["width"]), nn.Linear(c["width"], c["classes"])

    def forward(self, x):
        h = self.patches(x).flatten(2).transpose(1, 2)
        if self.class_token is not None:
            h = torch.cat([self.class_token.expand(len(h), 1, -1), h], 1)
        h = h + self.positions.weight
        for block in self.layers:
            h = block(h)
        h = self.norm(h)
        return self.head(h.mean(1) if self.class_token is None else h[:, 0])


def transformers():
    for shape in (3, 4, 7), (2, 2), (1, 17):
        d = shape[-1]
        x, gain, bias = leaf(*shape, scale=2, shift=1), leaf(d, shift=1), leaf(d)
        yield layer("layer_norm", dict(eps=1e-5), dict(x=x, gain=gain, bias=bias), lambda x, gain, bias:
                    (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt() * gain + bias)
        yield layer("rms_norm", dict(eps=1e-5), dict(x=x, gain=gain), lambda x, gain:
                    x / ((x * x).mean(-1, keepdim=True) + 1e-5).sqrt() * gain)
    tokens = torch.randint(5, (3, 4))
    yield layer("embedding", dict(tokens=tokens.flatten().tolist(), shape=[3, 4]), dict(table=leaf(6, 3)), lambda table: table[tokens])
    yield layer("positions", {}, dict(x=leaf(3, 4, 5), table=leaf(6, 5)), lambda x, table: x + table[:4])
    yield layer("to_sequence", {}, dict(x=leaf(2, 3, 4, 5)), lambda x: x.flatten(2).mT)
    yield layer("mean_positions", {}, dict(x=leaf(2, 3, 4)), lambda x: x.mean(1))
    yield layer("dense", {}, dict(x=leaf(2, 3, 7), w=leaf(4, 7), b=leaf(4)), lambda x, w, b: x @ w.T + b)
    for name, f in (("gelu", F.gelu), ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")), ("silu", F.silu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)):
        yield layer(name, {}, dict(x=torch.cat([torch.randn(30), torch.linspace(-6, 6, 25)]).requires_grad_()), lambda x: f(x))
    for labels, ignore in ([[3, 0, 1], [2, 4, 4]], -100), ([[3, -100, 1], [-100, 4, -100]], -100), ([[3, 1, 1], [1, 4, 2]], 1):
        yield layer("cross_entropy", dict(labels=sum(labels, []), ignore=ignore), dict(logits=leaf(2, 3, 5, scale=3)),
                    lambda logits: F.cross_entropy(logits.flatten(0, 1), torch.tensor(sum(labels, [])), ignore_index=ignore))
    yield from attentions()
    for causal, t in (False, 5), (True, 4), (True, 1):
        c = dict(width=6, heads=2, hidden=7, causal=causal)
        block = encoder(6, 2, 7)
        params = random_parameters(block)
        yield layer("transformer_block", c, dict(x=leaf(2, t, 6)), lambda x: block(x, src_mask=future(t) if causal else None), params=params)
    for tied in True, False:
        c = dict(width=6, heads=3, hidden=10, depth=2, vocabulary=7, context=5, tied=tied, tokens=torch.randint(7, (8,)).tolist(), shape=[2, 4])
        gpt = GPT(c)
        params = random_parameters(gpt)
        yield layer("gpt", c, {}, lambda: gpt(torch.tensor(c["tokens"]).reshape(2, 4)), params=params)
    for token in {}, dict(class_token=True):
        c = dict(width=6, heads=2, hidden=8, depth=2, channels=2, image=[4, 6], patch=2, classes=3, **token)
        vit = ViT(c)
        params = random_parameters(vit)
        yield layer("vit", c, dict(x=leaf(3, 2, 4, 6)), vit, params=params)


def main(folder, seed=20230125):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(int(seed))
    os.makedirs(folder, exist_ok=True)
    contents = {f"solver_{o}_{m}.json": solver(o, m) for o in OPTIMIZERS for m in ("none", "layer", "all")}
    contents["layers.json"] = list(layers())
    torch.manual_seed(int(seed))
    contents["transformers.json"] = list(transformers())
    contents |= {f"solver_{'a' * adaptive}sam_{m}.json": sam(adaptive, m) for adaptive in (False, True) for m in ("layer", "all")}
    for name, content in contents.items():
        with open(os.path.join(folder, name), "w") as f:
            json.dump(content, f)


if __name__ == "__main__":
    main(*sys.argv[1:])
