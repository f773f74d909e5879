"""Reduce recorded runs to the burst medians that tests/benchmark/test_comparison.py judges ranks and verdicts by.

    python -m benchmarks.loud_bursts RUN.samples.npz [MORE.samples.npz ...]

It keeps every table's cells without Keras and TensorFlow, and the sweeps that all of them took part in, as many as the
pass with the fewest has.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.estimators import tables
from mnist_deploy.benchmark import recording

TARGET = Path(__file__).parents[1] / "tests/benchmark/loud_bursts.npz"


def main(paths: Sequence[Path]) -> None:
    """Write the file."""
    arrays = {}
    for number, path in enumerate(paths):
        for (network, batch_size, threads), (_, passes) in tables(recording.load(path), None).items():
            fewest = min(map(len, passes))
            name = f"{number}-{network}-batch{batch_size}-threads{threads}"
            arrays[name] = np.exp(np.array([one[:fewest] for one in passes]) - np.log(1e9)).astype(np.float32)
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET}: {len(arrays)} tables, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("error: give the samples of a bench, or of several")
    main([Path(argument) for argument in sys.argv[1:]])
