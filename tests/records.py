"""Fixed records, from which tables and pages are drawn for comparison. None of these figures was measured."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mnist_deploy.artifacts import ModelRequirements, Precision, Provenance, State
from mnist_deploy.benchmark.comparison import Verdict
from mnist_deploy.benchmark.roofline import Roof
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.deployment import Deployment
from mnist_deploy.environment import Environment
from mnist_deploy.parity import ParityRow
from mnist_deploy.parity.statistics import wilson
from mnist_deploy.pipeline.readiness import Diagnosis, ExporterState, Places, RuntimeState, Standing
from mnist_deploy.results import (
    Check,
    Comparison,
    Measurement,
    Noise,
    Results,
    RuntimeRow,
    Skip,
    SkipKind,
    TrainingRow,
)
from mnist_deploy.runtimes import Proof
from mnist_deploy.training import Settings, TrainingRecord

ENVIRONMENT = Environment(
    mnist_deploy="0.0.0", python="3.11.0", platform="Linux", cpu="A CPU", physical_cores=2, logical_cores=2,
    usable_cores=2, cgroup_cpus=None, virtual_machine=None, memory_bytes=8 * 10**9, cgroup_memory_bytes=None,
    accelerators=[], libraries={"numpy": "2.0.0"}, cpu_features=["avx2", "avx512_vnni"], affinity_cores=2,
)  # fmt: skip


def measurement(
    architecture: str, format: str, precision: str, runtime: str, p50: float, **changes: object
) -> Measurement:
    batch = int(str(changes.get("batch_size", 1)))
    plain: dict[str, object] = {
        "device": "cpu", "threads": 1, "batch_size": 1, "latency_quiet_s": p50, "latency_quiet_low_s": p50 * 0.98,
        "latency_quiet_high_s": p50 * 1.03, "latency_p50_s": p50 * 1.05, "latency_p50_low_s": p50,
        "latency_p50_high_s": p50 * 1.1, "latency_p99_s": p50 * 1.5, "latency_p99_half_width": 0.3,
        "latency_mean_s": p50 * 1.1, "latency_mean_half_width": 0.04, "latency_min_s": p50 * 0.9,
        "throughput_images_per_s": batch / p50 / 1.1, "throughput_half_width": 0.04, "size_bytes": 406_000,
        "timed": "call", "call": "set_tensor, invoke, get_tensor", "engine_s": None, "memory_bytes": 10_400_000,
        "contended": False, "roof_share": 0.62, "load_s": 0.0004,
        "first_call_s": p50 * 9, "calls": 6000, "passes": 3, "pass_quiet_s": [p50] * 3,
        "proof": {"executed_on": "CPU"}, "runtime_version": "1.0", "model_sha256": "1" * 64,
        "artifact_sha256": "0" * 64,
    }  # fmt: skip
    who = {"architecture": architecture, "format": format, "precision": precision, "runtime": runtime}
    return Measurement.model_validate(plain | who | changes)


def compared(ratio: float, verdict: Verdict) -> Comparison:
    return Comparison(ratio=ratio, low=ratio * 0.98, high=ratio * 1.03, verdict=verdict)


QUIET = Noise(
    bursts=31_200, disturbed=1800, others_cpus={1: 0.04, 2: 0.03}, quiet_probe_s={1: 0.000_030, 2: 0.000_034},
    twin="mlp-relu-128 tflite int8 in litert", twin_ratio=1.004, twin_low=0.99, twin_high=1.02, noisy=False,
    no_verdicts=None,
)  # fmt: skip
NOISY = QUIET.model_copy(
    update={"disturbed": 9000, "noisy": True, "twin_ratio": 0.83,
            "no_verdicts": "a cell measured twice differs from itself by 17.0%, more than 10%"}
)  # fmt: skip
CHECKS = [
    Check(name="floor", value=0.031, limit="at most 0.10", passed=True, detail="a call of nothing takes 95 ns"),
    Check(name="A/A", value=1.05, limit="within 3% of 1", passed=False, detail="measured twice"),
]


def parity_row(format: str, precision: str, runtime: str, **changes: object) -> ParityRow:
    plain: dict[str, object] = {
        "architecture": "mlp-relu-128", "format": format, "precision": precision, "runtime": runtime, "device": "cpu",
        "images": 10_000, "accuracy": 0.9525, "accuracy_low": 0.9482, "accuracy_high": 0.9565,
        "reference_accuracy": 0.9525, "accuracy_change": 0.0, "accuracy_change_low": -0.0002,
        "accuracy_change_high": 0.0002, "accuracy_kept_low": 0.9998, "mcnemar_p": 1.0, "top1_agreement": 1.0,
        "flips": [], "max_abs_error": 1.2e-6, "mean_abs_error": 3e-8, "mean_kl": 3.4e-14,
        "single_images": 1000, "single_changes": 0, "proof": {"executed_on": "CPU"}, "gate": precision,
        "passed": True, "failures": [],
        "model_sha256": "1" * 64, "artifact_sha256": "0" * 64,
    }  # fmt: skip
    return ParityRow.model_validate(plain | changes)


# 16 lost, 4 gained, 3 wrong both times but differently.
FLIPS = [
    *({"image": image, "label": 7, "reference": 7, "answer": 1} for image in range(16)),
    *({"image": image, "label": 4, "reference": 9, "answer": 4} for image in range(20, 24)),
    *({"image": image, "label": 8, "reference": 3, "answer": 5} for image in (95, 99, 100)),
]
BIG = {"batch_size": 256, "threads": 2, "latency_p99_half_width": None, "calls": 60}
RECORDS = Results(
    command="run",
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    complete=True,
    environment=ENVIRONMENT,
    data_sha256="3" * 64,
    plan=Plan(),
    clock_floor_s=67e-9,
    passes_done=3,
    time_limited=True,
    baseline="keras-predict",
    noise=QUIET,
    roofs=[Roof(threads=1, peak_flops_per_s=104e9, bandwidth_bytes_per_s={1000: 110e9, 10**9: 20e9})],
    runtimes=[
        RuntimeRow(runtime="keras-predict", version="2.21.0", installed_bytes=2_140_000_000),
        RuntimeRow(runtime="litert", version="2.3.0", installed_bytes=138_000_000),
        RuntimeRow(runtime="onnxruntime", version=None, installed_bytes=None),
    ],
    samples="20260102T030405.000000Z.samples.npz",
    training=[
        TrainingRow(
            architecture="mlp-relu-128", epochs=10, seed=0, duration_s=11.2, test_loss=0.1647, test_accuracy=0.9525,
            reported_loss=0.1602, reported_accuracy=0.9552, caveat=None, kept=False,
            history={"loss": [0.6, 0.3, 0.2], "accuracy": [0.83, 0.92, 0.94]}, model_sha256="1" * 64,
        ),
        TrainingRow(
            architecture="mlp-tanh-128", epochs=20, seed=0, duration_s=22.4, test_loss=0.0865, test_accuracy=0.9764,
            reported_loss=0.0836, reported_accuracy=0.0990, caveat="a slip", kept=True,
            history={"loss": [0.4, 0.1], "accuracy": [0.9, 0.97]}, model_sha256="2" * 64,
        ),
    ],
    parity=[
        parity_row("keras", "float32", "keras-predict", max_abs_error=0.0),
        parity_row("tflite", "float32", "litert"),
        parity_row(
            "tflite", "int8", "litert", accuracy=0.9513, accuracy_change=-0.0012, top1_agreement=0.9977,
            max_abs_error=0.041, mcnemar_p=0.0042, mean_kl=1.4e-2, flips=FLIPS,
            passed=False, failures=["keeps 99.874% of the accuracy < 99.900%", "a second reason"],
        ),
        parity_row("onnx", "float32", "onnxruntime", device="gpu"),
    ],
    measurements=[
        measurement("mlp-relu-128", "keras", "float32", "keras-predict", 44e-3, rank=4,
                    call="model.predict", against_best=compared(13_333, Verdict.SLOWER)),
        measurement("mlp-relu-128", "tflite", "int8", "litert", 3.3e-6, size_bytes=106_900, rank=1,
                    speed_up=compared(13_333, Verdict.FASTER)),
        measurement("mlp-relu-128", "onnx", "float32", "onnxruntime", 10e-6, rank=3, engine_s=8e-6,
                    call="InferenceSession.run", against_best=compared(3, Verdict.SLOWER),
                    proof={"executed_on": "CPUExecutionProvider", "placement": {"CPUExecutionProvider": 9}},
                    speed_up=compared(4400, Verdict.FASTER)),
        measurement("mlp-relu-128", "tflite", "float32", "litert", 3.37e-6, rank=1,
                    against_best=compared(1.02, Verdict.TIE), speed_up=compared(13_056, Verdict.FASTER)),
        measurement("mlp-relu-128", "tflite", "int8", "litert", 150e-6, size_bytes=106_900, **BIG),
        measurement("mlp-relu-128", "onnx", "float32", "onnxruntime", 90e-6, sole_winner=True, rank=1, roof_share=None,
                    **BIG | {"device": "gpu"}),
        measurement("cnn-relu-16-32", "saved_model", "float32", "tensorflow", 350e-6),
        measurement("cnn-relu-16-32", "onnx", "float32", "onnxruntime", 30e-6,
                    proof={"executed_on": "CPUExecutionProvider", "placement": {"CPUExecutionProvider": 37}}),
        measurement("cnn-relu-16-32", "onnx", "float32", "openvino-default", 25e-6,
                    proof={"executed_on": "CPU", "placement": {"CPU f32": 5, "CPU bf16": 4}, "arithmetic": "bfloat16"}),
    ],
    skips=[
        Skip(kind=SkipKind.UNAVAILABLE, runtime="keras-call", device="gpu", reason="no GPU",
             remedy='pip install ".[gpu]"'),
        Skip(kind=SkipKind.UNAVAILABLE, runtime="tensorflow", device="gpu", reason="no GPU",
             remedy='pip install ".[gpu]"'),
        Skip(kind=SkipKind.STALE, architecture="mlp-relu-256", format="tflite", precision="int8", reason="stale",
             remedy="mnist-deploy export mlp-relu-256"),
        Skip(kind=SkipKind.FAILED, architecture="mlp-relu-256", format="onnx", precision="int8", runtime="openvino",
             device="cpu", reason="RuntimeError: [x] broke", remedy="run again with --debug"),
    ],
)  # fmt: skip


def runtime_state(runtime: str, device: str, standing: Standing, **changes: object) -> RuntimeState:
    plain: dict[str, object] = {"on_request": False, "version": "1.2.3", "installed_bytes": 138_000_000}
    return RuntimeState.model_validate({"runtime": runtime, "device": device, "standing": standing} | plain | changes)


NO_GPU = {"reason": "no NVIDIA GPU on this machine", "remedy": 'use a machine with one, and pip install ".[gpu]" there'}
BROKEN = {
    "reason": "import onnxruntime: ImportError: libonnxruntime.so.1: cannot open shared object file: No such file",
    "remedy": "pip install --force-reinstall onnxruntime",
}
DIAGNOSIS = Diagnosis(
    environment=ENVIRONMENT.model_copy(
        update={"cgroup_cpus": 1.5, "cgroup_memory_bytes": 2 * 10**9, "virtual_machine": "A maker"}
    ),
    gpu_node=False,
    runtimes=[
        runtime_state("keras-predict", "cpu", Standing.IMPORTS, installed_bytes=2_140_000_000,
                      reason="no keras artifact here to run", remedy="mnist-deploy run --quick"),
        runtime_state("keras-predict", "gpu", Standing.NOT_READY, installed_bytes=2_140_000_000, **NO_GPU),
        runtime_state("litert", "cpu", Standing.RUNS, artifact="mlp-relu-128 tflite float32",
                      proof=Proof(executed_on="CPU", arithmetic="float32")),
        runtime_state("onnxruntime", "cpu", Standing.NOT_READY, **BROKEN),
        runtime_state("onnxruntime", "gpu", Standing.NOT_READY, **NO_GPU),
        runtime_state("openvino-default", "cpu", Standing.NOT_READY, version=None, installed_bytes=None,
                      on_request=True, reason="openvino is not installed", remedy="pip install openvino"),
    ],
    exporters=[
        ExporterState(format="keras", precision=Precision.FLOAT32, ready=True),
        ExporterState(format="onnx", precision=Precision.FLOAT32, ready=True),
        ExporterState(format="onnx", precision=Precision.INT8, ready=False, **BROKEN),
    ],
    places=Places(
        artifacts=Path("/somewhere/artifacts"), states={State.CURRENT: 9, State.CORRUPT: 1}, problem=None,
        cache=Path("/somewhere/cache"), cache_bytes=559,
    ),
)  # fmt: skip


def rival(
    name: str,
    format: str,
    precision: str,
    runtime: str,
    p50: float,
    *,
    accuracy: float = 0.98,
    passed: bool | None = True,
    drift: Sequence[float] = (-0.002, 0.001, 0.0, -0.001, 0.002),
    **changes: object,
) -> tuple[Measurement, ParityRow | None]:
    """A measurement with five passes and the row of parity of the same artifact; `passed` None means not verified."""
    sha256 = hashlib.sha256(f"{name} {format} {precision}".encode()).hexdigest()
    passes = [p50 * (1 + step) for step in drift]
    row = measurement(
        name, format, precision, runtime, p50, artifact_sha256=sha256,
        **{"pass_quiet_s": passes, "passes": len(passes)} | changes,
    )  # fmt: skip
    if passed is None:
        return row, None
    low, high = wilson(round(accuracy * 10_000), 10_000)
    return row, parity_row(
        format, precision, runtime, architecture=name, device=row.device, accuracy=accuracy, accuracy_low=low,
        accuracy_high=high, artifact_sha256=sha256, passed=passed,
        failures=[] if passed else ["top-1 agreement 0.9800 < 0.99"],
    )  # fmt: skip


def race(*rivals: tuple[Measurement, ParityRow | None], **changes: object) -> Results:
    """Results of one quiet run that measured and verified the rivals, and trained nothing."""
    plain: dict[str, object] = {
        "measurements": [row for row, _ in rivals],
        # One row of parity serves an artifact in every use.
        "parity": list({(row.artifact_sha256, row.runtime, row.device): row for _, row in rivals if row}.values()),
        "training": [],
        "skips": [],
    }
    return RECORDS.model_copy(update=plain | changes)


SMALL, LARGE = {"size_bytes": 66_000, "memory_bytes": 14_800_000}, {"size_bytes": 413_000, "memory_bytes": 69_000_000}
RACE = race(
    rival("mlp-relu-128", "tflite", "int8", "litert", 2.8e-6, accuracy=0.9516, passed=False, size_bytes=108_600),
    rival("mlp-tanh-128", "tflite", "int8", "litert", 2.9e-6, accuracy=0.9770, size_bytes=108_700),
    rival("mlp-tanh-128", "tflite", "dynamic", "litert", 2.92e-6, accuracy=0.9768, size_bytes=106_900),
    rival("mlp-tanh-128", "tflite", "float32", "litert", 6.1e-6, accuracy=0.9764, size_bytes=410_000),
    rival("mlp-tanh-128", "onnx", "dynamic", "onnxruntime", 8.1e-6, accuracy=0.9764, memory_bytes=34_000_000),
    rival("cnn-relu-16-32", "tflite", "dynamic", "litert", 13e-6, accuracy=0.9903, **SMALL),
    rival("cnn-relu-16-32", "openvino", "float32", "openvino", 40e-6, accuracy=0.9902, **LARGE),
    rival("cnn-relu-16-32", "onnx", "int8", "iree", 50e-6, passed=None),
    rival("mlp-tanh-128", "tflite", "int8", "litert", 99e-6, accuracy=0.9770, **BIG),
    rival("cnn-relu-16-32", "tflite", "dynamic", "litert", 1.56e-3, accuracy=0.9903, **BIG | SMALL),
)  # fmt: skip

DEPLOYMENT = Deployment(
    mnist_deploy="0.0.0", created_at=RECORDS.created_at, architecture="mlp-relu-128", format="tflite",
    command="mnist-deploy package mlp-relu-128 --format tflite --precision int8 --runtime litert --threads 1",
    layers="Flatten(), Dense(units=128, activation='relu'), Dense(units=10, activation='softmax')",
    parameters=101_770, flops=203_402, precision="int8", input_type="int8", runtime="litert", device="cpu", threads=1,
    model="model.tflite", size_bytes=106_900, artifact_sha256="0" * 64, python="3.11",
    provenance=Provenance(
        source_sha256="1" * 64, versions={"tensorflow": "2.21.0"}, created_at=RECORDS.created_at, calibration_size=500
    ),
    model_requirements=ModelRequirements(
        operators={"FULLY_CONNECTED": 4, "RESHAPE": 1, "SOFTMAX": 2}, oldest_runtimes={"tflite-runtime": "2.14.0"}
    ),
    requirements={"ai-edge-litert": "2.3.0", "numpy": "2.0.0", "pillow": "12.0.0"}, installed_bytes=138_000_000,
    training=TrainingRecord(
        settings=Settings(
            architecture="mlp-relu-128", layers="()", optimizer="sgd", loss="categorical_crossentropy", batch_size=32,
            epochs=10, seed=0, data_sha256="3" * 64,
        ),
        history={}, test_loss=0.1647, test_accuracy=0.9525, duration_s=11.2, versions={"keras": "3.15.1"},
        created_at=RECORDS.created_at, model_sha256="1" * 64,
    ),
    on_mnist=True, parity=RECORDS.parity[2], measured_at=RECORDS.created_at, environment=ENVIRONMENT,
    measurements=[RECORDS.measurements[1], RECORDS.measurements[4]],
    cautions=["It failed its parity gate int8: keeps 99.874% of the accuracy < 99.900%; a second reason."],
    files={"model.tflite": "0" * 64, "predict.py": "4" * 64},
)  # fmt: skip
