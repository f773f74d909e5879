"""Which statistic of bursts repeats best: how often the ratio of two cells is the same in two runs of the same files.

    python -m benchmarks.estimators RUN.samples.npz OTHER.samples.npz [MORE.samples.npz ...] [--sweeps N]

The files are those that `mnist-deploy bench` writes below artifacts/results. Every two runs are compared, table by
table, without Keras and TensorFlow. With --sweeps only the first N sweeps of each pass count. What this printed when
the statistic was chosen is in docs/explanation/measurement.md.
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.runtimes import RUNTIMES

WITHIN = (0.03, 0.05, 0.10)
Numbers = npt.NDArray[np.float64]
# Logarithms of the bursts' medians, pass by pass: (sweeps, cells).
Passes = Sequence[Numbers]
Table = tuple[str, int, int]


def quantile(share: float) -> Callable[[Passes], Numbers]:
    """Return the statistic 'quantile of all bursts'."""
    return lambda passes: np.asarray(np.quantile(np.concatenate(passes), share, axis=0))


def third_smallest(passes: Passes) -> Numbers:
    """Return the third smallest of all bursts."""
    return np.asarray(np.sort(np.concatenate(passes), axis=0)[2])


def median_of_passes(passes: Passes) -> Numbers:
    """Return the median over passes of each pass's median."""
    return np.asarray(np.median([np.median(one, axis=0) for one in passes], axis=0))


def quiet_of_passes(passes: Passes) -> Numbers:
    """Return the median over passes of each pass's 10 % quantile."""
    return np.asarray(np.median([np.quantile(one, 0.1, axis=0) for one in passes], axis=0))


def mean(passes: Passes) -> Numbers:
    """Return the geometric mean of all bursts."""
    return np.asarray(np.concatenate(passes).mean(axis=0))


def two_way(passes: Passes) -> Numbers:
    """Return what cells differ by once each sweep's own level is taken off: Tukey's median polish."""
    bursts = np.concatenate(passes)
    cells = np.median(bursts, axis=0)
    for _ in range(10):
        sweeps = np.median(bursts - cells, axis=1)
        cells = np.median(bursts - sweeps[:, None], axis=0)
    return np.asarray(cells + np.median(sweeps))


def mode(passes: Passes) -> Numbers:
    """Return the half-sample mode of all bursts (Robertson and Cryer 1974): the same mode of both cells."""
    found = []
    for values in np.sort(np.concatenate(passes), axis=0).T:
        while len(values) > 3:
            half = len(values) // 2 + 1
            first = int((values[half - 1 :] - values[: len(values) - half + 1]).argmin())
            values = values[first : first + half]
        found.append(values.mean())
    return np.array(found)


def paired_median(one: Numbers, other: Numbers) -> float:
    """Return the median of the ratios of a sweep's two bursts."""
    return float(np.median(one - other))


def hodges_lehmann(one: Numbers, other: Numbers) -> float:
    """Return the median of the means of every two such ratios (Hodges and Lehmann 1963)."""
    ratios = one - other
    first, second = np.triu_indices(len(ratios))
    return float(np.median((ratios[first] + ratios[second]) / 2))


OF_CELLS: dict[str, Callable[[Passes], Numbers]] = {
    "10 % quantile of all bursts": quantile(0.10),
    "5 % quantile": quantile(0.05),
    "20 % quantile": quantile(0.20),
    "third smallest": third_smallest,
    "median over passes of 10 % quantiles": quiet_of_passes,
    "median of all bursts": quantile(0.50),
    "median over passes of medians": median_of_passes,
    "mean": mean,
    "mode (half-sample)": mode,
    "median polish over sweeps and cells": two_way,
}
OF_PAIRS: dict[str, Callable[[Numbers, Numbers], float]] = {
    "median of sweep-paired ratios": paired_median,
    "Hodges-Lehmann of sweep-paired ratios": hodges_lehmann,
}


def tables(run: Recording, sweeps: int | None) -> dict[Table, tuple[list[CellKey], list[Numbers]]]:
    """Return each table's cells and the logarithms of its bursts; sweeps that a cell took no part in are left out."""
    groups: dict[Table, list[CellKey]] = {}
    for key in run.passes:
        if not key.twin and RUNTIMES[key.runtime].module != "tensorflow":
            groups.setdefault((key.architecture, key.batch_size, key.threads), []).append(key)
    found = {}
    for table, cells in groups.items():
        passes = []
        for number in range(len(run.passes[cells[0]])):
            bursts = [{one.sweep: one.p50_ns for one in run.passes[key][number].bursts} for key in cells]
            common = sorted(set.intersection(*map(set, bursts)))[:sweeps]
            passes.append(np.log([[mine[sweep] for mine in bursts] for sweep in common]))
        found[table] = (cells, passes)
    return found


def changes(runs: Sequence[dict[Table, tuple[list[CellKey], list[Numbers]]]], threads: int) -> dict[str, list[float]]:
    """Return, for each statistic, by how much the logarithm of each pair's ratio differs between every two runs."""
    found: dict[str, list[float]] = {name: [] for name in (*OF_CELLS, *OF_PAIRS)}
    for table in runs[0]:
        if table[2] != threads:
            continue
        cells = [key for key in runs[0][table][0] if all(key in run[table][0] for run in runs)]
        picked = [[passes[:, [run[table][0].index(key) for key in cells]] for passes in run[table][1]] for run in runs]
        every = list(combinations(range(len(cells)), 2))
        for name, statistic in OF_CELLS.items():
            values = [statistic(passes) for passes in picked]
            for one, other in combinations(values, 2):
                found[name] += [abs((one[a] - one[b]) - (other[a] - other[b])) for a, b in every]
        together = [np.concatenate(passes) for passes in picked]
        for name, compare in OF_PAIRS.items():
            ratios = [[compare(bursts[:, a], bursts[:, b]) for a, b in every] for bursts in together]
            for first, second in combinations(ratios, 2):
                found[name] += [abs(x - y) for x, y in zip(first, second, strict=True)]
    return found


def main(paths: Sequence[Path], sweeps: int | None) -> None:
    """Print the share of pairs within 3, 5 and 10 % for each statistic."""
    runs = [tables(recording.load(path), sweeps) for path in paths]
    for threads in sorted({table[2] for table in runs[0]}):
        print(f"\n{threads} thread{'s' if threads > 1 else ''}: pairs of cells whose ratio is the same in two runs")
        print(f"{'':40}{''.join(f'within {limit:.0%}'.rjust(12) for limit in WITHIN)}")
        for name, apart in changes(runs, threads).items():
            shares = [np.mean(np.array(apart) <= np.log(1 + limit)) for limit in WITHIN]
            print(f"{name:40}{''.join(f'{share:.0%}'.rjust(12) for share in shares)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, nargs="+")
    parser.add_argument("--sweeps", type=int)
    options = parser.parse_args()
    if len(options.samples) < 2:
        parser.error("give two .samples.npz files or more")
    main(options.samples, options.sweeps)
