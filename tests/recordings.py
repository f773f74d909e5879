"""Raw samples that go with fixed records. None of these calls was made."""

import numpy as np

from mnist_deploy.benchmark.noise import SliceNoise
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording, SliceRecord
from mnist_deploy.results import Measurement, Results

QUIET_PROBE_S = 30e-6


def slice_noise(*, clean: bool = True) -> SliceNoise:
    """The witnesses of a slice; of one that is not clean the probe took twice its quiet time."""
    return SliceNoise(
        wall_s=0.1, cpu_s=0.1, involuntary=0, waits=0, steal_s=0.0, pressure_s=0.0,
        probe_s=QUIET_PROBE_S * (1 if clean else 2),
    )  # fmt: skip


def cell(one: Measurement) -> CellKey:
    return CellKey(
        one.architecture, one.format, one.precision, one.runtime, one.device, one.batch_size, one.threads,
        variant=one.variant,
    )  # fmt: skip


def recording(results: Results, calls: int = 40) -> Recording:
    """Two slices in each pass of each measurement, around its p50; the second of a trusted pass is disturbed."""
    random = np.random.default_rng(0)
    found = Recording()
    for one in results.measurements:
        passes = []
        for p50_s, trusted in zip(one.pass_p50_s, one.pass_trusted, strict=True):
            slices = [
                SliceRecord(
                    (p50_s * 1e9 * factor * random.lognormal(0, 0.05, calls)).astype(np.int64), turn, 0,
                    slice_noise(clean=trusted and turn == 0),
                )
                for turn, factor in enumerate((1.0, 1.5))
            ]  # fmt: skip
            passes.append(PassRecord(slices, one.load_s, one.first_call_s, one.memory_bytes))
        found.passes[cell(one)] = passes
    return found
