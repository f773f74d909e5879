"""Raw samples that go with fixed records. None of these calls was made."""

import numpy as np

from mnist_deploy.benchmark.recording import BurstRecord, CellKey, PassRecord, Recording
from mnist_deploy.results import Measurement, Results

QUIET_PROBE_S = 30e-6


def cell(one: Measurement) -> CellKey:
    return CellKey(
        one.architecture, one.format, one.precision, one.runtime, one.device, one.batch_size, one.threads,
        variant=one.variant,
    )  # fmt: skip


def recording(results: Results, calls: int = 40) -> Recording:
    """Two bursts in each pass of each measurement: one of its quiet time, and one that was disturbed."""
    random = np.random.default_rng(0)
    found = Recording()
    for one in results.measurements:
        passes = []
        for quiet_s in one.pass_quiet_s:
            bursts = [
                BurstRecord(
                    (quiet_s * 1e9 * factor * random.lognormal(0, 0.05, calls)).astype(np.int64), sweep,
                    QUIET_PROBE_S * (2 if sweep else 1),
                )
                for sweep, factor in enumerate((1.0, 1.5))
            ]  # fmt: skip
            passes.append(PassRecord(bursts, one.load_s, one.first_call_s, one.memory_bytes))
        found.passes[cell(one)] = passes
    return found
