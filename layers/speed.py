#!/usr/bin/env python3
"""Measures training steps beside PyTorch's, and prints README.md's tables of speed.

    python3 layers/speed.py [--python "COMMAND"] [--rounds 3] [--threads 1,2] [--networks mlp1,cnn2] [--steps 10]

The two programs run alternately, one after the other, each in processes of its own, on one processor if with one thread. The
numbers are medians of all steps of PyTorch, and of the rounds of this module, each of which is a mean of so many steps.
--python starts an interpreter that has PyTorch 2 ("chroot DIR /usr/bin/python3", "ssh"), which reads its program from standard
input; without, there are our columns alone. Nothing else should run meanwhile.
"""
import argparse, collections, json, os, re, shlex, statistics, subprocess, tempfile

folder = os.path.dirname(os.path.abspath(__file__))
batches = {"mlp1": 128, "mlp3": 128, "cnn1": 128, "cnn2": 128, "resnet18": 32, "vgg11": 128, "gpt": 16, "vit": 32}
images = ("cnn1", "cnn2", "resnet18", "vgg11")
all_noises = ("mlp1", "mlp3", "cnn1", "cnn2")
# glibc keeps its large blocks, instead of giving them back to the system at each step.
keeping = {"MALLOC_TRIM_THRESHOLD_": "4000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TOP_PAD_": "200000000"}


def run(command, threads, environment, **options):
    command = (["taskset", "-c", "1"] if threads == 1 else []) + command
    return subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True, text=True, **options).stdout


def ours(binary, network, threads, steps):
    """Milliseconds a step by noise, and bytes allocated."""
    out = run([binary, "-test.run=^$", f"-test.bench=Step/{network}$", f"-test.benchtime={steps}x"], threads, {"GOMAXPROCS": str(threads)}, cwd=folder)
    lines = re.findall(r"^BenchmarkStep/\w+/(\w+)\S*\s+\d+\s+([\d.]+) ns/op.*?(\d+) B/op", out, re.M)
    return {noise: float(ns) / 1e6 for noise, ns, _ in lines}, max(int(b) for *_, b in lines)


def theirs(python, network, threads, layout, steps, noises, environment):
    with open(os.path.join(folder, "testdata", "networks.py")) as program:
        out = run(shlex.split(python) + ["-", "steps", network, str(batches[network]), str(threads), layout, str(steps), *noises], threads,
                  {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": str(threads), **environment}, stdin=program)
    return json.loads(out)


def number(x):
    return "" if x is None else f"{x:.1f}" if x < 20 else f"{x:.0f}"


def table(arguments, binary, threads):
    times = collections.defaultdict(list)  # of a network, a column, a noise
    allocated = {}
    for _ in range(arguments.rounds):
        for network in arguments.networks.split(","):
            mean, allocated[network] = ours(binary, network, threads, arguments.steps)
            for noise, ms in mean.items():
                times[network, "ours", noise].append(ms)
            if not arguments.python:
                continue
            noises = ("none", "layer", "all") if network in all_noises else ("none",)
            columns = [("keeping", "contiguous", noises, keeping), ("default", "contiguous", ("none",), {})]
            if network in images:
                columns.append(("last", "channels_last", noises, keeping))
            for column, layout, noises, environment in columns:
                for noise, ms in theirs(arguments.python, network, threads, layout, arguments.steps, noises, environment).items():
                    times[network, column, noise] += ms
    print(f"\n{threads} thread(s)\n\n| network | none / layer / all | PyTorch as it comes, none | keeping, contiguous | keeping, channels_last "
          "| ratio | bytes allocated |\n|---|---|---|---|---|---|---|")
    for network in arguments.networks.split(","):
        medians = {column: [statistics.median(t) if (t := times[network, column, noise]) else None for noise in ("none", "layer", "all")]
                   for column in ("ours", "default", "keeping", "last")}
        best = [min((x for x in times if x), default=None) for times in zip(medians["keeping"], medians["last"], medians["default"])]
        ratio = [f"{a / b:.2f}" for a, b in zip(medians["ours"], best) if b]
        cells = [" / ".join(number(x) for x in medians[column] if x) for column in ("ours", "default", "keeping", "last")]
        print(f"| {network} | {' | '.join(cells)} | {' / '.join(ratio)} | {allocated[network] // 1000} KB |", flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--python", default="", metavar="COMMAND")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", default="1,2")
parser.add_argument("--networks", default=",".join(batches))
parser.add_argument("--steps", type=int, default=10)
arguments = parser.parse_args()
with tempfile.TemporaryDirectory() as temporary:
    binary = os.path.join(temporary, "layers.test")
    subprocess.run(["go", "test", "-c", "-o", binary, "."], cwd=folder, check=True)
    for threads in arguments.threads.split(","):
        table(arguments, binary, int(threads))
