"""What it saves to hand pixels to the model as they are: artifacts with uint8 input beside the standard ones.

    python -m benchmarks.uint8 [ARTIFACTS [NETWORK]...]

Every format and precision that the folder holds in both variants, in every runtime that reads it, end to end: from
uint8 pixels to labels. For float32 input that is the scaling in numpy, the call and the argmax; for uint8 input the
scaling is inside the call. Of a pair, bursts lie side by side in the same processes, in five passes; the ratio is
uint8 over standard, below 1 where uint8 is faster, with its 95 % interval over the passes. Make what is compared by
`mnist-deploy export` and `mnist-deploy export --input uint8`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from mnist_deploy import dataset, environment
from mnist_deploy.artifacts import ArtifactStore, Variant
from mnist_deploy.benchmark import comparison, schedule
from mnist_deploy.benchmark.comparison import TIE_MARGIN, Ratio, Series, Verdict
from mnist_deploy.benchmark.schedule import INTERLEAVED, Cell
from mnist_deploy.benchmark.statistics import summarize
from mnist_deploy.dataset import Dataset
from mnist_deploy.kinds import kind
from mnist_deploy.pipeline import benching, figures
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.progress import Silent
from mnist_deploy.reports.units import seconds

PLAN = INTERLEAVED.model_copy(update={"end_to_end": True})


def pairs(store: ArtifactStore, name: str) -> list[tuple[Cell, Cell]]:
    """Return the cells of a network that are there in both variants: latency first, then throughput."""
    uses = schedule.uses(None, None, environment.usable_cores())

    def cells(variant: Variant, side: str) -> dict[tuple[object, ...], Cell]:
        chosen = Selection(architectures=[name], devices=["cpu"], variants=[variant])
        found = [replace(cell, side=side) for cell in matrix(store, chosen, uses).cells]
        return {(*(v for k, v in one.names.items() if k != "variant"), one.use): one for one in found}

    standard, uint8 = cells(Variant.STANDARD, "base"), cells(Variant.UINT8, "head")
    both = [(standard[place], uint8[place]) for place in standard if place in uint8]
    return sorted(both, key=lambda pair: uses.index(pair[0].use))


def compare(store: ArtifactStore, mnist: Dataset, name: str) -> None:
    """Measure a network's pairs and print a line for each."""
    both = pairs(store, name)
    recorder = Recorder([cell for pair in both for cell in pair])
    benching.repeat(recorder, mnist, PLAN, Silent(), lambda: None, lambda: False)
    recording = recorder.recording()

    def series(cell: Cell) -> tuple[float, Series]:
        quiet = summarize(recording.cell_times(recorder.key(cell)), cell.use.batch_size).quiet
        return quiet.value, Series(quiet.value, quiet.pass_values)

    use = None
    for pair in both:
        if pair[0].use != use:
            use = pair[0].use
            print(f"\n{name}, batch {use.batch_size}, {use.threads} thread(s){'':<14}float32 input     uint8    ratio")
        head = f"{kind(pair[0].artifact):<22} {pair[0].runtime:<16}"
        failed = next((recorder.failed[cell] for cell in pair if cell in recorder.failed), None)
        if failed:
            print(f"{head} {failed}")
            continue
        (before, one), (after, other) = map(series, pair)
        print(f"{head} {seconds(before):>15} {seconds(after):>9}    {told(comparison.ratio(other, one))}")
    noise, itself = figures.judge_noise(recording), "unknown"
    if noise.twin_ratio is not None:
        itself = f"{noise.twin_ratio:.3f}"
    print(f"one cell against itself: {itself}; disturbed bursts: {noise.disturbed:,} of {noise.bursts:,}")


def told(found: Ratio) -> str:
    """Return a ratio with its interval and what it says of the first."""
    if found.low is None or found.high is None:
        return f"{found.centre:.2f}"
    said = {Verdict.TIE: f"within {TIE_MARGIN:.0%}", Verdict.UNDECIDED: "open"}
    judged = comparison.verdict(found)
    return f"{found.centre:.2f} ({found.low:.2f} to {found.high:.2f}) {said.get(judged, judged)}"


def main(root: Path, names: list[str]) -> None:
    """Compare each network that is named, or all that have artifacts with uint8 input."""
    store, mnist = ArtifactStore(root), dataset.load()
    have = dict.fromkeys(one.architecture for one, _ in store.select(variants=[Variant.UINT8]))
    if not have:
        sys.exit(f"error: {root}: holds none with uint8 input; run: mnist-deploy export --input uint8")
    for name in names or have:
        compare(store, mnist, name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "artifacts"), sys.argv[2:])
