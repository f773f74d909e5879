"""How well runs of the same files agree: their times, the ratios of any two cells of a table, intervals and verdicts.

    python -m benchmarks.repeatability RUN.json OTHER.json [MORE.json ...]

The files are those that `mnist-deploy bench` writes below artifacts/results. Every two runs are compared, without Keras
and TensorFlow, whose own times change from process to process.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from pathlib import Path

import numpy as np

from mnist_deploy import results
from mnist_deploy.benchmark.comparison import Verdict, ratio, verdict
from mnist_deploy.benchmark.statistics import half_width
from mnist_deploy.decisions import changes
from mnist_deploy.decisions.change_records import CellName
from mnist_deploy.results import Measurement, Results
from mnist_deploy.runtimes import RUNTIMES

WITHIN = (0.03, 0.05, 0.10)
CLEARLY_SLOWER = 1.3
Rows = dict[CellName, Measurement]


def loudness(name: str, run: Results) -> None:
    """Print how loud the machine was in a run."""
    noise = run.noise
    assert noise is not None
    others = ", ".join(f"{cpus:.2f} ({threads} threads)" for threads, cpus in noise.others_cpus.items())
    aa = "-" if noise.twin_ratio is None else f"{noise.twin_ratio - 1:+.1%}"
    print(
        f"{name}: {run.environment.cpu}, {run.passes_done} passes; {noise.disturbed / noise.bursts:.0%} of "
        f"{noise.bursts} bursts in disturbed moments; processors that other programs used: {others}; A/A {aa}"
    )


def rows(run: Results, threads: int) -> Rows:
    """Return the cells of a run with so many threads that are compared here."""
    return {
        CellName.of(one): one
        for one in run.measurements
        if one.threads == threads and RUNTIMES[one.runtime].module != "tensorflow"
    }


def pairs(cells: Sequence[CellName]) -> Iterator[tuple[CellName, CellName]]:
    """Yield every two cells of one network and use."""
    for one, other in combinations(cells, 2):
        if (one.architecture, one.batch_size) == (other.architecture, other.batch_size):
            yield one, other


def agreement(runs: Sequence[Rows]) -> None:
    """Print how often the ratio of two cells is the same in two runs, and how far one cell's time is apart."""
    apart, times = [], []
    for one, other in combinations(runs, 2):
        cells = [name for name in one if name in other]
        log = {name: math.log(one[name].latency_quiet_s / other[name].latency_quiet_s) for name in cells}
        times += [abs(value) for value in log.values()]
        apart += [abs(log[a] - log[b]) for a, b in pairs(cells)]
    shares = ", ".join(f"{np.mean(np.array(apart) <= math.log(1 + limit)):.0%} within {limit:.0%}" for limit in WITHIN)
    print(f"  ratios of two cells: {shares} ({len(apart)} pairs)")
    print(f"  times: {np.median(times):.1%} apart (median), {np.quantile(times, 0.9):.1%} (ninth decile)")


def intervals(runs: Sequence[Rows]) -> None:
    """Print how wide the intervals are, and how often they hold the other run's figure."""
    widths, held = [], []
    for one, other in permutations(runs, 2):
        for name, row in one.items():
            low, high = row.latency_quiet_low_s, row.latency_quiet_high_s
            if name in other and low is not None and high is not None:
                widths.append(half_width(low, high))
                held.append(low <= other[name].latency_quiet_s <= high)
    if held:
        wide = f"+-{np.median(widths):.1%} (median), +-{np.quantile(widths, 0.9):.1%} (ninth decile)"
        print(f"  intervals: {wide}; they hold the other run's figure in {np.mean(held):.0%}")


def verdicts(runs: Sequence[Rows]) -> None:
    """Print how often what is 1.3 times slower in all runs together is called slower, and what is called otherwise."""
    called, wrong = Counter[Verdict](), 0
    cells = [name for name in runs[0] if all(name in run for run in runs)]
    for one, other in pairs(cells):
        truth = float(np.mean([math.log(run[one].latency_quiet_s / run[other].latency_quiet_s) for run in runs]))
        slow, fast = (one, other) if truth > 0 else (other, one)
        for run in runs:
            found = verdict(ratio(run[slow].series, run[fast].series))
            wrong += found is Verdict.FASTER
            if abs(truth) >= math.log(CLEARLY_SLOWER):
                called[found] += 1
    if total := called.total():
        names = (Verdict.SLOWER, Verdict.UNDECIDED, Verdict.TIE)
        shares = ", ".join(f"{name} in {called[name] / total:.1%}" for name in names)
        print(f"  what is {CLEARLY_SLOWER} times slower: called {shares} of {total}")
    print(f"  called faster though slower in all runs together: {wrong}")


def main(paths: Sequence[Path]) -> None:
    """Compare every two of the runs at `paths`."""
    runs = [results.load(path) for path in paths]
    for path, run in zip(paths, runs, strict=True):
        loudness(path.name, run)
    for threads in sorted({one.threads for run in runs for one in run.measurements}):
        print(f"\n{threads} thread{'s' if threads > 1 else ''}")
        chosen = [rows(run, threads) for run in runs]
        for look in (agreement, intervals, verdicts):
            look(chosen)
    print("\ncompare, all cells:")
    for (base_path, base), (head_path, head) in combinations(zip(paths, runs, strict=True), 2):
        found = changes.compare(base, head, force=True)
        outcomes = Counter(one.outcome for one in found.cells)
        counts = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
        print(f"  {base_path.name} and {head_path.name}: {counts}{f' ({found.undecided})' if found.undecided else ''}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("error: give two results files or more; mnist-deploy bench writes them below artifacts/results")
    main([Path(argument) for argument in sys.argv[1:]])
