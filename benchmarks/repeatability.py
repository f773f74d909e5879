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
    """Print how many ratios of two cells of one network and use are the same in both runs, within 3 %."""
    p50, trusted = zip(*(_figures(run) for run in (one, other)), strict=True)
    cells = [key for key in p50[0] if key in p50[1]]
    print(f"\npairs of cells of one network and use whose ratio differs by at most {MARGIN:.0%} between the runs")
    for threads in sorted({key.threads for key in cells}):
        here = [key for key in cells if key.threads == threads]
        clean = [key for key in here if min(trusted[0][key], trusted[1][key]) >= MIN_PASSES_FOR_INTERVAL]
        for name, chosen in (("all", here), (f"with {MIN_PASSES_FOR_INTERVAL} clean passes in both", clean)):
            pairs = [pair for pair in combinations(chosen, 2) if _table(pair[0]) == _table(pair[1])]
            apart = [abs(np.log(p50[0][a] / p50[0][b] / (p50[1][a] / p50[1][b]))) for a, b in pairs]
            share = f"{np.mean(np.array(apart) <= np.log(1 + MARGIN)):.1%}" if apart else "-"
            print(f"{threads} thread(s), cells {name}: {len(chosen)} cells, {len(pairs)} pairs, {share}")


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
