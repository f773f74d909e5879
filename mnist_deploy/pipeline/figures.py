"""From a recording to the measurements that are published: figures, and comparisons within each table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_deploy import environment
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import Artifact, Precision, Variant
from mnist_deploy.benchmark import comparison, noise, statistics
from mnist_deploy.benchmark.comparison import TIE_MARGIN, Series, Verdict
from mnist_deploy.benchmark.messages import Loaded
from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.benchmark.roofline import Roof
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL
from mnist_deploy.kinds import kind
from mnist_deploy.results import Comparison, Measurement, Noise
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.versions import version_of

WEIGHT_BYTES = {Precision.FLOAT32: 4, Precision.FLOAT16: 2, Precision.DYNAMIC: 1, Precision.INT8: 1}


@dataclass(frozen=True)
class Facts:
    """What is known of a cell besides its times."""

    artifact: Artifact
    loaded: Loaded


@dataclass(frozen=True)
class Baseline:
    """What speed-ups are told against: a runtime, with one precision of its artifacts, in the standard variant."""

    runtime: str
    precision: Precision = Precision.FLOAT32

    @property
    def label(self) -> str:
        """The baseline as the option names it."""
        return self.runtime if self.precision is Precision.FLOAT32 else f"{self.runtime}:{self.precision}"

    @classmethod
    def labelled(cls, label: str) -> "Baseline":
        """Return the baseline of a `label`.

        Raises:
            ValueError: it is no label.
        """
        runtime, _, precision = label.partition(":")
        return cls(runtime, Precision(precision or Precision.FLOAT32))

    def is_(self, one: Measurement) -> bool:
        """Tell whether a measurement is of the baseline."""
        return (one.runtime, one.precision, one.variant) == (self.runtime, self.precision, Variant.STANDARD)


def measurements(
    recording: Recording,
    facts: dict[CellKey, Facts],
    roofs: Sequence[Roof],
    *,
    timed: str,
    keys: Sequence[CellKey] | None = None,
) -> list[Measurement]:
    """Return one measurement a cell, the twin's left out; of all cells, or of `keys`."""
    by_threads = {roof.threads: roof for roof in roofs}
    return [
        _measurement(recording, key, facts[key], by_threads.get(key.threads), timed)
        for key in (recording.passes if keys is None else keys)
        if not key.twin
    ]


def _measurement(recording: Recording, key: CellKey, facts: Facts, roof: Roof | None, timed: str) -> Measurement:
    summary = statistics.summarize(recording.cell_times(key), key.batch_size)
    engine = [one.engine_s for record in recording.passes[key] for one in record.bursts if one.engine_s is not None]
    return Measurement(
        architecture=key.architecture,
        format=key.format,
        precision=key.precision,
        variant=key.variant,
        runtime=key.runtime,
        device=key.device,
        threads=key.threads,
        batch_size=key.batch_size,
        latency_quiet_s=summary.quiet.value,
        latency_quiet_low_s=summary.quiet.low,
        latency_quiet_high_s=summary.quiet.high,
        latency_p50_s=summary.p50.value,
        latency_p50_low_s=summary.p50.low,
        latency_p50_high_s=summary.p50.high,
        latency_p99_s=summary.p99.value,
        latency_p99_half_width=summary.p99.half_width,
        latency_mean_s=summary.mean.value,
        latency_mean_half_width=summary.mean.half_width,
        latency_min_s=summary.min_s,
        throughput_images_per_s=summary.throughput.value,
        throughput_half_width=summary.throughput.half_width,
        timed=timed,
        call=facts.loaded.call,
        engine_s=float(np.median(engine)) if engine else None,
        size_bytes=facts.artifact.size_bytes,
        memory_bytes=summary.memory_bytes,
        load_s=summary.load_s,
        first_call_s=summary.first_call_s,
        calls=summary.calls,
        passes=len(recording.passes[key]),
        pass_quiet_s=list(summary.quiet.pass_values),
        contended=noise.in_the_way(_others_cpus(recording, key), key.threads, environment.usable_cores()),
        roof_share=_roof_share(key, summary.quiet.value, roof) if timed == "call" else None,
        device_memory_bytes=facts.loaded.device_memory_bytes,
        proof=facts.loaded.proof,
        runtime_version=version_of(*RUNTIMES[key.runtime].distributions),
        model_sha256=facts.artifact.provenance.source_sha256,
        artifact_sha256=facts.artifact.sha256,
    )


def _roof_share(key: CellKey, seconds: float, roof: Roof | None) -> float | None:
    if roof is None or key.device != "cpu" or RUNTIMES[key.runtime].diagnostic:
        return None
    network = ARCHITECTURES[key.architecture]
    moved = network.bytes_moved(key.batch_size, WEIGHT_BYTES[Precision(key.precision)])
    return roof.share(network.needed_flops * key.batch_size, moved, seconds)


def judge_noise(recording: Recording) -> Noise:
    """Say how loud the machine was, and whether there can be verdicts."""
    bursts, disturbed = recording.disturbances()
    others = {key.threads: _others_cpus(recording, key) for key in recording.passes}
    cores = environment.usable_cores()
    contended = any(noise.in_the_way(cpus, threads, cores) for threads, cpus in others.items())
    twin = next((key for key in recording.passes if key.twin), None)
    first = next((key for key in recording.passes if twin and not key.twin and _same(key, twin)), None)
    apart = None
    if twin is not None and first is not None:
        apart = comparison.ratio(_series(recording, twin), _series(recording, first))
    passes = min((len(records) for records in recording.passes.values()), default=0)
    why = None
    if passes < MIN_PASSES_FOR_INTERVAL:
        why = f"verdicts need {MIN_PASSES_FOR_INTERVAL} passes, and there are {passes}"
    elif apart is None:
        why = "no cell was measured twice, so nothing tells how far one differs from itself"
    elif comparison.verdict(apart) in {Verdict.FASTER, Verdict.SLOWER} and abs(apart.centre - 1) > TIE_MARGIN:
        why = f"a cell measured twice differs from itself by {abs(apart.centre - 1):.1%}, more than {TIE_MARGIN:.0%}"
    return Noise(
        bursts=bursts,
        disturbed=disturbed,
        others_cpus=others,
        quiet_probe_s=recording.quiet_probes,
        twin=None if twin is None else f"{twin.architecture} {kind(twin)} in {twin.runtime}",
        twin_ratio=apart.centre if apart else None,
        twin_low=apart.low if apart else None,
        twin_high=apart.high if apart else None,
        noisy=contended or disturbed > noise.NOISY_SHARE * bursts,
        no_verdicts=why,
    )


def compare(rows: Sequence[Measurement], found: Noise, baseline: Baseline, alpha: float) -> list[Measurement]:
    """Return the rows with speed-ups against the baseline and, if there may be verdicts, ranks and winners."""
    groups: dict[tuple[str, int, int], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.architecture, row.batch_size, row.threads), []).append(row)
    judged = {
        id(row): row.model_copy(update=update)
        for group in groups.values()
        for row, update in zip(group, _judged(group, found, baseline, alpha), strict=True)
    }
    return [judged[id(row)] for row in rows]


def undecided(rows: Sequence[Measurement]) -> bool:
    """Tell whether a further look could decide something: whether a row is undecided against the best of its table."""
    return any(row.against_best is not None and row.against_best.verdict is Verdict.UNDECIDED for row in rows)


def _judged(group: list[Measurement], found: Noise, baseline: Baseline, alpha: float) -> list[dict[str, object]]:
    series = [row.series for row in group]
    updates: list[dict[str, object]] = [{} for _ in group]
    base = next((number for number, row in enumerate(group) if baseline.is_(row)), None)
    if base is not None:
        for number, one in enumerate(series):
            if number != base:
                updates[number]["speed_up"] = _comparison(comparison.ratio(series[base], one, 0.05), inverse=True)
    if found.no_verdicts is None:
        ranks = comparison.ranks(series, alpha)
        winner = comparison.sole_winner(series, alpha)
        best = min(range(len(group)), key=lambda number: group[number].latency_quiet_s)
        itself = abs(found.twin_ratio - 1) if found.twin_ratio is not None else 0.0
        resolved = comparison.resolution(series, alpha)
        for number, one in enumerate(series):
            updates[number] |= {"rank": ranks[number] if ranks else None, "sole_winner": number == winner}
            updates[number]["resolution"] = None if resolved is None else max(resolved, itself)
            if number != best:
                updates[number]["against_best"] = _comparison(comparison.ratio(one, series[best], alpha))
    return updates


def _comparison(found: comparison.Ratio, *, inverse: bool = False) -> Comparison:
    """Return a ratio as a record; `inverse` says that the verdict is on the second of the two."""
    verdict = comparison.verdict(found)
    if inverse:
        verdict = {Verdict.SLOWER: Verdict.FASTER, Verdict.FASTER: Verdict.SLOWER}.get(verdict, verdict)
    return Comparison(ratio=found.centre, low=found.low, high=found.high, verdict=verdict)


def _series(recording: Recording, key: CellKey) -> Series:
    quiet = recording.quiet(key)
    return Series(quiet.value, quiet.pass_values)


def _others_cpus(recording: Recording, key: CellKey) -> float:
    return float(np.median([record.others_cpus for record in recording.passes[key]]))


def _same(key: CellKey, twin: CellKey) -> bool:
    return all(getattr(key, name) == getattr(twin, name) for name in CellKey.__dataclass_fields__ if name != "twin")
