"""Everything that a run measured, slice by slice, and its file: from it anyone can recompute every figure.

The file is a compressed .npz without pickles:

cells     JSON text: a list of {architecture, format, precision, runtime, device, batch_size, threads, twin};
          'twin' marks the one cell that is measured a second time (A/A); where those of two folders were
          measured in turn, 'side' (base or head) says whose artifact it is; 'variant', which one it is, if it is not
          the standard one
times     all calls' nanoseconds, slice after slice
slice_*   one entry a slice: cell (index into cells), pass, round, attempt, calls (how many of `times` are its own), and
          its witnesses: wall_s, cpu_s, involuntary, waits, steal_s, pressure_s, probe_s, delay_s, engine_s; NaN for
          unknown; older files have no delay_s
start_*   one entry for each cell in each pass: cell, pass, load_s, first_call_s, memory_bytes
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy import files
from mnist_deploy.benchmark import noise
from mnist_deploy.benchmark.noise import Reason, SliceNoise
from mnist_deploy.benchmark.sampler import Times
from mnist_deploy.benchmark.statistics import PassTimes
from mnist_deploy.kinds import Variant


@dataclass(frozen=True)
class SliceRecord:
    """One slice: its calls in nanoseconds, its place in the schedule, and its witnesses."""

    times: Times
    turn: int
    attempt: int
    noise: SliceNoise
    engine_s: float | None = None

    @cached_property
    def p50_ns(self) -> float:
        """The median call, found once: a live table asks for it after every process."""
        return float(np.median(self.times))


@dataclass(frozen=True)
class PassRecord:
    """One cell in one pass."""

    slices: list[SliceRecord]
    load_s: float
    first_call_s: float
    memory_bytes: int


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

    def place(self) -> "CellKey":
        """Return what it shares with those that are measured side by side with it; see `schedule.beside`."""
        return replace(self, twin=False, side=None, variant=Variant.STANDARD.value)

    def entry(self) -> dict[str, object]:
        """Return the key as it stands in a file: side and variant only where they say something."""
        silent = {"side": None, "variant": Variant.STANDARD.value}
        return {name: value for name, value in asdict(self).items() if name not in silent or value != silent[name]}


@dataclass
class Recording:
    """The passes of each cell; all cells have the same number. What is derived from them is so once: fill it first."""

    passes: dict[CellKey, list[PassRecord]] = field(default_factory=dict)

    def slices(self) -> list[tuple[CellKey, SliceRecord]]:
        """Return all slices with their cells."""
        return [(key, one) for key, records in self.passes.items() for record in records for one in record.slices]

    @cached_property
    def quiet_probe_s(self) -> float | None:
        """What the probe took in this run's quiet moments; None before anything is measured."""
        probes = [one.noise.probe_s for _, one in self.slices()]
        return noise.quiet_probe(probes) if probes else None

    def reasons(self) -> Callable[[CellKey, SliceRecord], list[Reason]]:
        """Return what tells why a slice of this run is not to be trusted."""
        quiet = self.quiet_probe_s or 0.0
        return lambda key, one: noise.reasons(one.noise, quiet, threads=key.threads)

    def pass_times(self, key: CellKey) -> list[PassTimes]:
        """Return what the statistics are made of, for one cell.

        Where two sides are measured in turn, only the rounds that were clean for all that stand side by side are clean:
        what is compared is then of the same moments.
        """
        reasons, spoiled = self.reasons(), self.spoiled_beside(key)
        return [
            PassTimes(
                slices=[one.times for one in record.slices],
                clean=[not reasons(key, one) and (number, one.turn) not in spoiled for one in record.slices],
                load_s=record.load_s,
                first_call_s=record.first_call_s,
                memory_bytes=record.memory_bytes,
            )
            for number, record in enumerate(self.passes[key])
        ]

    def spoiled_beside(self, key: CellKey) -> set[tuple[int, int]]:
        """Return the passes and rounds in which a cell that stands beside `key` was disturbed."""
        if key.side is None:
            return set()
        reasons, place = self.reasons(), key.place()
        return {
            (number, one.turn)
            for other, records in self.passes.items()
            if other.place() == place
            for number, record in enumerate(records)
            for one in record.slices
            if reasons(other, one)
        }

    def tally(self) -> tuple[int, int, int, dict[str, int]]:
        """Return how many slices were planned, retried and left without a clean attempt, and each reason's count."""
        reasons, counts = self.reasons(), Counter[str]()
        planned = retried = left = 0
        for key, records in self.passes.items():
            for record in records:
                attempts: dict[int, list[bool]] = {}
                for one in record.slices:
                    found = reasons(key, one)
                    counts.update(found)
                    attempts.setdefault(one.turn, []).append(not found)
                planned += len(attempts)
                retried += len(record.slices) - len(attempts)
                left += sum(not any(tries) for tries in attempts.values())
        return planned, retried, left, dict(counts)

    def save(self, path: Path, *, compressed: bool = True) -> None:
        """Write the file, whole or not at all; compressing makes it a third as large, and takes seconds."""
        numbers = {key: number for number, key in enumerate(self.passes)}
        rows: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        times: list[Times] = []
        for key, records in self.passes.items():
            for number, record in enumerate(records):
                start = (numbers[key], number, record.load_s, record.first_call_s, record.memory_bytes)
                for name, value in zip(_START, start, strict=True):
                    rows[name].append(value)
                for one in record.slices:
                    place = (numbers[key], number, one.turn, one.attempt, len(one.times))
                    seen = [getattr(one.noise, name) for name in SliceNoise.model_fields]
                    for name, value in zip(_SLICE, (*place, *seen, one.engine_s), strict=True):
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


_START = ("start_cell", "start_pass", "start_load_s", "start_first_call_s", "start_memory_bytes")
_SLICE = (
    "slice_cell", "slice_pass", "slice_round", "slice_attempt", "slice_calls",
    *(f"slice_{name}" for name in SliceNoise.model_fields), "slice_engine_s",
)  # fmt: skip
_COLUMNS = (*_START, *_SLICE)


def load(path: Path) -> Recording:
    """Read a file that `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    keys = [CellKey(**entry) for entry in json.loads(str(arrays["cells"]))]
    found = Recording({key: [] for key in keys})
    for cell, _, load_s, first_call_s, memory_bytes in zip(*(arrays[name] for name in _START), strict=True):
        found.passes[keys[int(cell)]].append(PassRecord([], float(load_s), float(first_call_s), int(memory_bytes)))
    ends = np.cumsum(arrays["slice_calls"].astype(np.int64))
    arrays.setdefault("slice_delay_s", np.full(len(ends), np.nan))
    for number, end in enumerate(ends):
        row = {name: arrays[name][number] for name in _SLICE}
        seen = {name: _known(row[f"slice_{name}"]) for name in SliceNoise.model_fields}
        times = arrays["times"][end - int(row["slice_calls"]) : end].astype(np.int64)
        one = SliceRecord(
            times,
            int(row["slice_round"]),
            int(row["slice_attempt"]),
            SliceNoise.model_validate(seen),
            _known(row["slice_engine_s"]),
        )
        found.passes[keys[int(row["slice_cell"])]][int(row["slice_pass"])].slices.append(one)
    return found


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
