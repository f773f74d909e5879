"""A report from the fixed records, with samples and pictures that fit them. None of these figures was measured."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.benchmark.recording import BurstRecord, CellKey, PassRecord, Recording
from mnist_deploy.dataset import Dataset
from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.kinds import CELL
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.reports.report import Report
from mnist_deploy.results import Measurement, Results
from tests.records import RECORDS, race, rival


def dataset(images: int = 101) -> Dataset:
    """Random images: a few to train with, and enough to test with for all that flipped in the records."""
    order = np.random.default_rng(0)
    pictures, labels = order.integers(0, 256, (images, 28, 28), np.uint8), np.arange(images, dtype=np.uint8) % 10
    return Dataset(pictures[:4], labels[:4], pictures, labels)


def key(row: Measurement, **changes: object) -> CellKey:
    names = (*CELL, "batch_size", "threads")
    return replace(CellKey(**{name: getattr(row, name) for name in names}), **changes)


def recording(rows: list[Measurement]) -> Recording:
    """Three passes of one burst each, with as many calls as each row says, spread about its p50."""
    order = np.random.default_rng(0)

    def taken(row: Measurement) -> PassRecord:
        times = (row.latency_p50_s * 1e9 * order.lognormal(0, 0.05, row.calls // 3)).astype(np.int64)
        return PassRecord([BurstRecord(times, 0, 3e-5)], row.load_s, row.first_call_s, row.memory_bytes)

    return Recording({key(row): [taken(row) for _ in range(3)] for row in rows})


@dataclass(frozen=True)
class Made:
    """A report, and the data that its pictures come from."""

    report: Report
    data: Dataset


def made(folder: Path, change: Callable[[Results], Results] = lambda results: results) -> Made:
    """Return the report of the fixed records, changed, with its samples below `folder`."""
    data = dataset()
    results = change(RECORDS.model_copy(update={"data_sha256": data.sha256}))
    samples = folder / "fixed.samples.npz"
    recording(results.measurements).save(samples)
    found = recommend(results, Wishes()) if results.measurements else None
    return Made(Report(Gathered(results, [folder / "fixed.json"], samples), found, data), data)


# As a whole run measures them.
KINDS = (
    ("keras", "float32", "keras-predict", 30e-3), ("keras", "float32", "keras-call", 1e-3),
    ("saved_model", "float32", "tensorflow", 1e-4), ("onnx", "float32", "onnxruntime", 7e-6),
    ("onnx", "dynamic", "onnxruntime", 6e-6), ("onnx", "int8", "onnxruntime", 5e-6),
    ("onnx", "float32", "onnxruntime-openvino", 9e-6),
    ("openvino", "float32", "openvino", 14e-6), ("openvino", "float16", "openvino", 15e-6),
    ("openvino", "int8", "openvino", 12e-6), ("tflite", "float32", "litert", 4e-6),
    ("tflite", "float16", "litert", 4.1e-6), ("tflite", "dynamic", "litert", 2e-6),
    ("tflite", "int8", "litert", 1.8e-6),
)  # fmt: skip


def whole_run() -> Results:
    """Results of six networks in every format, precision and runtime and in two uses; none of it was measured."""
    uses: tuple[dict[str, int], ...] = ({}, {"batch_size": 256, "threads": 2})
    rivals = [
        rival(
            name, *kind, p50 * (place + 1) * (1 if not use else 30), accuracy=0.95 + 0.008 * place,
            size_bytes=100_000 * (place + 1), rank=1, **use,
        )
        for place, name in enumerate(ARCHITECTURES)
        for *kind, p50 in KINDS
        for use in uses
    ]  # fmt: skip
    return race(*rivals, training=RECORDS.training, skips=RECORDS.skips)
