"""Measurements in the JSON format of pytest-benchmark, for its own `compare` and for tools that follow benchmarks.

Each measurement is one benchmark. Its statistics are over all calls, from the raw samples (`iterations` is 1, a round
is a call), by the formulas of pytest-benchmark 5's class `Stats`. So `mean` and `min` are those of our tables, but
`median` is over calls, where our times are over bursts: those stand in `extra_info`, with their intervals. The calls
themselves are left out, as pytest-benchmark leaves them out of what it saves.
"""

import json
from typing import Any

import numpy as np

from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.benchmark.sampler import Times
from mnist_deploy.environment import Environment
from mnist_deploy.errors import ArtifactError
from mnist_deploy.kinds import CELL, slug
from mnist_deploy.reports.report import Report, samples
from mnist_deploy.results import Measurement, Results

# Whose format this is; readers of the file look at it before they rely on a field.
FORMAT_VERSION = "5.0.0"


def document(report: Report) -> str:
    """Return the whole file.

    Raises:
        ArtifactError: the raw samples are not there, or not those of these measurements.
    """
    results = report.gathered.results
    recording = samples(report.gathered)
    content = {
        "machine_info": _machine(results.environment),
        # A results file does not say of which commit it is. This is how pytest-benchmark says so.
        "commit_info": {
            "id": "unknown", "time": None, "author_time": None, "dirty": False, "project": "mnist-deploy",
            "branch": "(unknown)",
        },
        "benchmarks": [_benchmark(one, _calls(recording, one, report), results) for one in results.measurements],
        "datetime": results.created_at.isoformat(),
        "version": FORMAT_VERSION,
    }  # fmt: skip
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def statistics(calls: Times) -> dict[str, Any]:
    """Return pytest-benchmark's figures of calls in int64 nanoseconds (N,), in seconds; N is at least 1."""
    data = np.sort(calls) / 1e9
    count, total = len(data), int(calls.sum()) / 1e9
    mean, deviation = total / count, float(data.std(ddof=1)) if count > 1 else 0.0
    q1, q3 = _quartiles(data)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    far = _outside(data, mean - deviation, mean + deviation)
    fence = _outside(data, low, high)
    return {
        "min": float(data[0]),
        "max": float(data[-1]),
        "mean": mean,
        "stddev": deviation,
        "rounds": count,
        "median": float(np.median(data)),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": fence,
        "stddev_outliers": far,
        "outliers": f"{far};{fence}",
        "ld15iqr": float(data[np.searchsorted(data, low, side="left")]),
        "hd15iqr": float(data[np.searchsorted(data, high, side="right") - 1]),
        "ops": count / total if total else 0.0,
        "total": total,
        "iterations": 1,
    }


def _quartiles(data: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """Return the quartiles of sorted data: medians of the halves, or by the method for odd counts in `Stats`."""
    count = len(data)
    quarter, rest = divmod(count, 4)
    if count == 1:
        return float(data[0]), float(data[0])
    if rest == 1:
        return (
            float(0.25 * data[quarter - 1] + 0.75 * data[quarter]),
            float(0.75 * data[3 * quarter] + 0.25 * data[3 * quarter + 1]),
        )
    if rest == 3:
        return (
            float(0.75 * data[quarter] + 0.25 * data[quarter + 1]),
            float(0.25 * data[3 * quarter + 1] + 0.75 * data[3 * quarter + 2]),
        )
    return float(np.median(data[: count // 2])), float(np.median(data[count // 2 :]))


def _outside(data: np.ndarray[Any, np.dtype[np.float64]], low: float, high: float) -> int:
    return int(np.sum((data < low) | (data > high)))


def _calls(recording: Recording, one: Measurement, report: Report) -> Times:
    """Return all calls of a measurement."""
    cell = CellKey(**{name: getattr(one, name) for name in (*CELL, "batch_size", "threads")})
    if cell not in recording.passes:
        raise ArtifactError(
            f"{report.gathered.samples}: holds no samples of {_parameters(one)}; give the file that was written "
            f"with {report.gathered.sources[0]}"
        )
    return recording.calls(cell)


def _benchmark(one: Measurement, calls: Times, results: Results) -> dict[str, Any]:
    name = f"{one.timed}[{_parameters(one)}]"
    parameters = (*CELL, "threads", "batch_size")
    return {
        # pytest-benchmark's `compare` makes one table of a group: what may be set against each other.
        "group": f"{one.architecture}, batch {one.batch_size}, threads {one.threads}",
        "name": name,
        "fullname": f"mnist-deploy::{name}",
        "params": {parameter: getattr(one, parameter) for parameter in parameters},
        "param": _parameters(one),
        "extra_info": {
            **{parameter: getattr(one, parameter) for parameter in parameters},
            "quiet_p50_s": one.latency_quiet_s,
            "quiet_p50_low_s": one.latency_quiet_low_s,
            "quiet_p50_high_s": one.latency_quiet_high_s,
            "p50_s": one.latency_p50_s,
            "p50_low_s": one.latency_p50_low_s,
            "p50_high_s": one.latency_p50_high_s,
            "passes": one.passes,
            "quick": results.quick,
            "noisy": results.noise.noisy if results.noise else None,
            "runtime_version": one.runtime_version,
            "executed_on": one.proof.executed_on,
            "artifact_sha256": one.artifact_sha256,
            "model_sha256": one.model_sha256,
        },
        "options": {"timer": "perf_counter_ns", "disable_gc": False, "warmup": True},
        "stats": statistics(calls),
    }


def _parameters(one: Measurement) -> str:
    where = f"{one.runtime}-{one.device}-batch{one.batch_size}-threads{one.threads}"
    return f"{one.architecture}-{slug(one)}-{where}"


def _machine(here: Environment) -> dict[str, Any]:
    """Return the machine of the results, not this one, under pytest-benchmark's names; unknown is None."""
    return {
        "node": None,
        "processor": here.cpu,
        "machine": None,
        "python_version": here.python,
        "python_implementation_version": here.python,
        "system": here.platform,
        "cpu": {"brand_raw": here.cpu, "count": here.logical_cores, "flags": here.cpu_features},
        "mnist_deploy": here.model_dump(mode="json"),
    }
