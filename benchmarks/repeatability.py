"""How far slices of one cell differ, with and without the witnesses' choice; and how well two runs agree on ratios.

    python -m benchmarks.repeatability RUN.samples.npz [OTHER.samples.npz]

The files are those that `mnist-deploy bench` writes below artifacts/results.
"""

import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np

from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL, summarize
from mnist_deploy.runtimes import RUNTIMES

Group = tuple[str, int]


def spread(run: Recording) -> None:
    """Print, for each runtime and number of threads, the median over cells of the spread of their slices' medians."""
    reasons = run.reasons()
    spreads: dict[Group, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    flagged: dict[Group, list[bool]] = defaultdict(list)
    for key, records in run.passes.items():
        slices = [one for record in records for one in record.slices]
        medians = np.log([float(np.median(one.times)) for one in slices])
        clean = np.array([not reasons(key, one) for one in slices])
        group = (key.runtime, key.threads)
        flagged[group] += list(~clean)
        spreads[group][0].append(float(medians.std()))
        if clean.sum() >= MIN_PASSES_FOR_INTERVAL:
            spreads[group][1].append(float(medians[clean].std()))
    print("runtime        threads  flagged  spread of all slices  of clean ones (cells with three or more)")
    for group, (every, kept) in sorted(spreads.items()):
        shown = f"{np.median(kept):.1%} ({len(kept)} of {len(every)})" if kept else "-"
        print(f"{group[0]:<14} {group[1]:>7} {np.mean(flagged[group]):>8.0%} {np.median(every):>21.1%}  {shown}")


def agreement(one: Recording, other: Recording) -> None:
    """Print how far p50 differs between two runs, and how many ratios of two cells are the same within 3 %."""
    p50, trusted = zip(*(_figures(run) for run in (one, other)), strict=True)
    cells = [key for key in p50[0] if key in p50[1]]
    print("\nruntime        threads  p50 of one run over the other's, from 1: median, worst")
    for group in sorted({(key.runtime, key.threads) for key in cells}):
        apart = [abs(p50[0][key] / p50[1][key] - 1) for key in cells if (key.runtime, key.threads) == group]
        print(f"{group[0]:<14} {group[1]:>7}  {np.median(apart):.1%}, {max(apart):.1%}")
    print(f"\npairs of cells of one network and use whose ratio is the same in both runs within {MARGIN:.0%}")
    for threads in sorted({key.threads for key in cells}):
        here = [key for key in cells if key.threads == threads]
        light = [key for key in here if RUNTIMES[key.runtime].module != "tensorflow"]
        clean = [key for key in light if min(trusted[0][key], trusted[1][key]) >= MIN_PASSES_FOR_INTERVAL]
        for name, chosen in (
            ("all", here),
            ("not of TensorFlow", light),
            ("and with three clean passes in both", clean),
        ):
            pairs = [pair for pair in combinations(chosen, 2) if _table(pair[0]) == _table(pair[1])]
            ratios = [p50[0][a] / p50[0][b] / (p50[1][a] / p50[1][b]) for a, b in pairs]
            share = f"{np.mean(np.abs(np.log(ratios)) <= np.log(1 + MARGIN)):.1%}" if pairs else "-"
            print(f"{threads} thread(s), {name}: {len(chosen)} cells, {len(pairs)} pairs, {share}")


def _figures(run: Recording) -> tuple[dict[CellKey, float], dict[CellKey, int]]:
    passes = {key: run.pass_times(key) for key in run.passes if not key.twin}
    p50 = {key: summarize(records, key.batch_size).p50_s for key, records in passes.items()}
    return p50, {key: sum(one.trusted for one in records) for key, records in passes.items()}


def _table(key: CellKey) -> tuple[str, int, int]:
    return key.architecture, key.batch_size, key.threads


if __name__ == "__main__":
    runs = [recording.load(Path(path)) for path in sys.argv[1:]]
    if len(runs) not in {1, 2}:
        sys.exit("error: give one .samples.npz file, or two; mnist-deploy bench writes them below artifacts/results")
    for run in runs:
        spread(run)
    if len(runs) == 2:
        agreement(*runs)
