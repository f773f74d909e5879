"""How much sooner `train-all` trains than the notebook's code as written, and whether it reaches the same accuracy.

    python -m benchmarks.training [--seeds 3] [--epochs N] [--compute-dtype auto|float32|bfloat16] [NETWORK]...

For each network and seed the two are trained one after the other, either first in turn, each in a process of its own
on the same cores: the notebook's code (`benchmarks.notebook`) and this package's. Seconds are those of making and
fitting the model, after imports and reading the data. The last lines hold them to what is promised: each network at
least 1.4 times faster, all of them together 2 times where the processor multiplies in bfloat16 and 1.6 times elsewhere,
and accuracies whose means are no more than 0.15 points lower. Exit code 1 if any of it is not kept (accuracies are
judged with the notebook's own number of epochs only).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from mnist_deploy import cpu, dataset, environment, training
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.quiet import quiet
from mnist_deploy.training import ComputeDtype

EACH, IN_ALL, IN_ALL_WITH_BFLOAT16, POINTS = 1.4, 1.6, 2.0, 0.15
OURS = "ours"


def ours(name: str, seed: int, epochs: int | None, compute_dtype: str) -> dict[str, float]:
    """Train by the package's own way, and return seconds and accuracy."""
    training.require_tensorflow()
    architecture, mnist = ARCHITECTURES[name], dataset.load()
    dtype = ComputeDtype(compute_dtype)
    settings = training.settings_for(architecture, mnist, epochs=epochs, seed=seed, compute_dtype=dtype)
    began = time.perf_counter()
    model, _ = training.train(architecture, mnist, settings)
    taken = time.perf_counter() - began
    return {"seconds": taken, "accuracy": training.evaluate(model, architecture, mnist)[1]}


def measured(way: str, name: str, seed: int, epochs: int | None, compute_dtype: str) -> dict[str, float]:
    """Train in a fresh process, `way` being OURS or the notebook's, and return what it prints."""
    if way == OURS:
        asked = ["benchmarks.training", OURS, name, str(seed), str(epochs or 0), compute_dtype]
    else:
        asked = ["benchmarks.notebook", name, str(seed), str(epochs or 0)]
    root = str(Path(__file__).parent.parent)
    clean = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-m", *asked], capture_output=True, text=True, env=clean, cwd=root)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(asked)}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print a line for each network, and the totals; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training")
    parser.add_argument("names", nargs="*", metavar="NETWORK", help="default: all six")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="default: the notebook's")
    parser.add_argument("--compute-dtype", choices=list(ComputeDtype), default="auto")
    asked = parser.parse_args()
    ways, total = ["notebook", OURS], {"notebook": 0.0, OURS: 0.0}
    slow, short = [], []
    features = cpu.features()
    print(f"{environment.describe().cpu}: {' '.join(features)}")
    print(f"{'network':<20}{'notebook':>10}{'ours':>10}{'faster':>9}{'notebook':>11}{'ours':>9}{'points':>9}")
    for name in asked.names or ARCHITECTURES:
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        accuracies: dict[str, list[float]] = {way: [] for way in ways}
        for seed in range(asked.seeds):
            for way in ways if seed % 2 == 0 else reversed(ways):
                found = measured(way, name, seed, asked.epochs, asked.compute_dtype)
                seconds[way].append(found["seconds"])
                accuracies[way].append(found["accuracy"])
        mean = {way: float(np.mean(seconds[way])) for way in ways}
        reached = {way: float(np.mean(accuracies[way])) for way in ways}
        points = 100 * (reached[OURS] - reached["notebook"])
        faster = mean["notebook"] / mean[OURS]
        slow += [name] if faster < EACH else []
        short += [name] if points < -POINTS else []
        for way in ways:
            total[way] += mean[way]
        print(
            f"{name:<20}{mean['notebook']:>8.1f} s{mean[OURS]:>8.1f} s{faster:>8.2f}x"
            f"{reached['notebook']:>11.4f}{reached[OURS]:>9.4f}{points:>+9.2f}",
            flush=True,
        )
    faster = total["notebook"] / total[OURS]
    print(f"{'in all':<20}{total['notebook']:>8.1f} s{total[OURS]:>8.1f} s{faster:>8.2f}x")
    promised = IN_ALL_WITH_BFLOAT16 if cpu.bfloat16_products(features) else IN_ALL
    missed = [f"in all {faster:.2f}x, not {promised:g}x"] if faster < promised else []
    missed += [f"not {EACH:g}x faster: {', '.join(slow)}"] if slow else []
    missed += [f"more than {POINTS} points lower: {', '.join(short)}"] if short and asked.epochs is None else []
    print("; ".join(missed) or f"kept: at least {promised:g}x faster in all and {EACH:g}x each")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [OURS]:
        name, seed, epochs, compute_dtype = sys.argv[2:]
        with quiet():
            result = ours(name, int(seed), int(epochs) or None, compute_dtype)
        print(json.dumps(result))
    else:
        raise SystemExit(main())
