"""Everything that a run measured, burst by burst, and its file: from it anyone can recompute every figure.

The file is a compressed .npz without pickles:

cells     JSON text: a list of {architecture, format, precision, runtime, device, batch_size, threads, twin};
          'twin' marks the one cell that is measured a second time (A/A); where those of two folders were
          measured in turn, 'side' (base or head) says whose artifact it is; 'variant', which one it is, if it is not
          the standard one
times     all calls' nanoseconds, burst after burst
burst_*   one entry a burst: cell (index into cells), pass, sweep (bursts of one network and use with the same pass and
          sweep lie side by side), calls (how many of `times` are its own), probe_s (what the machine's probe took
          before its sweep), engine_s (NaN for unknown)
start_*   one entry for each cell in each pass: cell, pass, load_s, first_call_s, memory_bytes, others_cpus (how many
          processors other programs kept busy while the pass measured it)
"""

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy import files
from mnist_deploy.benchmark import noise, statistics
from mnist_deploy.benchmark.sampler import Times
from mnist_deploy.benchmark.statistics import CellTimes, Estimate
from mnist_deploy.kinds import Variant


@dataclass(frozen=True)
class BurstRecord:
    """One burst: its calls in nanoseconds, its sweep, and the probe of that; see the module."""

    times: Times
    sweep: int
    probe_s: float
    engine_s: float | None = None

    @cached_property
    def p50_ns(self) -> float:
        """The median call, computed once."""
        return float(np.median(self.times))


@dataclass(frozen=True)
class PassRecord:
    """One cell in one pass."""

    bursts: list[BurstRecord]
    load_s: float
    first_call_s: float
    memory_bytes: int
    others_cpus: float = 0.0


@dataclass(frozen=True)
class CellKey:
    """What identifies a cell in files."""

    architecture: str
    format: str
    precision: str
    runtime: str
    device: str
    batch_size: int
    threads: int
    twin: bool = False
    side: str | None = None
    variant: str = Variant.STANDARD.value

    def entry(self) -> dict[str, object]:
        """Return the key as it stands in a file: side and variant only where they say something."""
        silent = {"side": None, "variant": Variant.STANDARD.value}
        return {name: value for name, value in asdict(self).items() if name not in silent or value != silent[name]}


@dataclass
class Recording:
    """The passes of each cell; all cells have the same number. What is derived from them is so once: fill it first."""

    passes: dict[CellKey, list[PassRecord]] = field(default_factory=dict)

    def bursts(self) -> list[tuple[CellKey, BurstRecord]]:
        """Return all bursts with their cells."""
        return [(key, one) for key, records in self.passes.items() for record in records for one in record.bursts]

    @cached_property
    def quiet_probes(self) -> dict[int, float]:
        """What the probe took in this run's quiet moments, by the number of threads."""
        probes: dict[int, list[float]] = {}
        for key, one in self.bursts():
            probes.setdefault(key.threads, []).append(one.probe_s)
        return {threads: noise.quiet_probe(values) for threads, values in sorted(probes.items())}

    def cell_times(self, key: CellKey) -> CellTimes:
        """Return what the statistics are made of, for one cell."""
        records = self.passes[key]
        return CellTimes(
            bursts=[[one.times for one in record.bursts] for record in records],
            load_s=[record.load_s for record in records],
            first_call_s=[record.first_call_s for record in records],
            memory_bytes=[record.memory_bytes for record in records],
        )

    def quiet(self, key: CellKey) -> Estimate:
        """Return a cell's time in quiet moments, as `statistics.summarize` does."""
        medians = [np.array([one.p50_ns for one in record.bursts]) / 1e9 for record in self.passes[key]]
        return statistics.estimate(medians, statistics.quiet)

    def calls(self, key: CellKey) -> Times:
        """Return all calls of a cell, int64 nanoseconds (calls,)."""
        return np.concatenate([one.times for record in self.passes[key] for one in record.bursts])

    def disturbances(self) -> tuple[int, int]:
        """Return how many bursts there are, and before how many the probe was slower than in quiet moments."""
        bursts, quiet = self.bursts(), self.quiet_probes
        slow = [one.probe_s > noise.PROBE_TOLERANCE * quiet[key.threads] for key, one in bursts]
        return len(bursts), sum(slow)

    def save(self, path: Path, *, compressed: bool = True) -> None:
        """Write the file, whole or not at all; compressing makes it a third as large, and takes seconds."""
        numbers = {key: number for number, key in enumerate(self.passes)}
        rows: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        times: list[Times] = []
        for key, records in self.passes.items():
            for number, record in enumerate(records):
                start = (numbers[key], number, *(getattr(record, name) for name in _MEASURED))
                for name, value in zip(_START, start, strict=True):
                    rows[name].append(value)
                for one in record.bursts:
                    place = (numbers[key], number, one.sweep, len(one.times), one.probe_s)
                    for name, value in zip(_BURST, (*place, one.engine_s), strict=True):
                        rows[name].append(np.nan if value is None else value)
                    times.append(one.times)
        flat = np.concatenate(times) if times else np.array([], dtype=np.int64)
        small = flat.max(initial=0) < 2**32
        arrays = {name: np.array(values) for name, values in rows.items()}
        with files.replacing(path) as temporary, temporary.open("wb") as stream:
            write = np.savez_compressed if compressed else np.savez
            write(
                stream,
                allow_pickle=False,
                cells=np.array(json.dumps([key.entry() for key in self.passes])),
                times=flat.astype(np.uint32) if small else flat,
                **arrays,
            )


_MEASURED = ("load_s", "first_call_s", "memory_bytes", "others_cpus")
_START = ("start_cell", "start_pass", *(f"start_{name}" for name in _MEASURED))
_BURST = ("burst_cell", "burst_pass", "burst_sweep", "burst_calls", "burst_probe_s", "burst_engine_s")
_COLUMNS = (*_START, *_BURST)


def load(path: Path) -> Recording:
    """Read a file that `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    keys = [CellKey(**entry) for entry in json.loads(str(arrays["cells"]))]
    found = Recording({key: [] for key in keys})
    for cell, _, load_s, first_call_s, memory_bytes, others_cpus in zip(
        *(arrays[name] for name in _START), strict=True
    ):
        start = float(load_s), float(first_call_s), int(memory_bytes), float(others_cpus)
        found.passes[keys[int(cell)]].append(PassRecord([], *start))
    ends = np.cumsum(arrays["burst_calls"].astype(np.int64))
    for number, end in enumerate(ends):
        row = {name: arrays[name][number] for name in _BURST}
        times = arrays["times"][end - int(row["burst_calls"]) : end].astype(np.int64)
        one = BurstRecord(
            times,
            int(row["burst_sweep"]),
            float(row["burst_probe_s"]),
            _known(row["burst_engine_s"]),
        )
        found.passes[keys[int(row["burst_cell"])]][int(row["burst_pass"])].bursts.append(one)
    return found


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
