"""Every profiler over every artifact that its runtime reads, on real artifacts."""

import numpy as np
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.dataset import scaled
from mnist_deploy.exporters import ARTIFACT_KINDS
from mnist_deploy.profiling.profilers import PROFILERS
from mnist_deploy.profiling.profilers.base import interquartile_mean_s
from mnist_deploy.profiling.records import Kind
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun

MLP, CNN = NETWORKS
CALLS = 30
PAIRS = [
    pytest.param(network, runtime, format, precision, id=f"{network}-{runtime}-{format}-{precision}")
    for network in NETWORKS
    for runtime in PROFILERS
    for format, precision in ARTIFACT_KINDS
    if format in RUNTIMES[runtime].formats
]


def find(run: TinyRun, network: str, format: str, precision: Precision) -> Artifact:
    found = run.store.find(network, format, precision)
    assert found is not None
    return found


@pytest.mark.parametrize(("network", "runtime", "format", "precision"), PAIRS)
def test_operators_of_the_very_computation_that_the_runtime_does(
    tiny_run: TinyRun, network: str, runtime: str, format: str, precision: Precision
) -> None:
    artifact, batch = find(tiny_run, network, format, precision), 64
    with (
        RUNTIMES[runtime](artifact, device="cpu", threads=1, batch_size=batch) as ordinary,
        PROFILERS[runtime](artifact, threads=1, batch_size=batch) as profiler,
    ):
        tensor = ordinary.encode(scaled(tiny_run.dataset.test_images[:batch]))
        for _ in range(CALLS + 1):
            output = profiler.run(tensor)
        np.testing.assert_array_equal(output, ordinary.run(tensor), err_msg="profiled is another computation")
        reading = profiler.read(1, CALLS)
    spent = [one.seconds for one in reading.operators]
    assert min(spent) >= 0 and sum(spent) > 0
    assert sum(second / sum(spent) for second in spent) == pytest.approx(1)
    assert all(one.op and one.kernel and one.times == 1 for one in reading.operators)
    assert len({one.name for one in reading.operators}) == len(reading.operators)
    kinds = {one.kind for one in reading.operators}
    assert Kind.DENSE in kinds and (Kind.CONVOLUTION in kinds) == (network == CNN)
    if precision in {Precision.FLOAT32, Precision.FLOAT16}:
        assert reading.unfused_qdq == 0 and Kind.CONVERSION not in kinds


def test_quantise_and_dequantise_nodes_that_no_fusion_takes_are_counted(tiny_run: TinyRun) -> None:
    """The networks take float32, so one is left; the last int8 layer gives float32 by itself."""
    counts = {}
    for network in NETWORKS:
        with PROFILERS["onnxruntime"](
            find(tiny_run, network, "onnx", Precision.INT8), threads=1, batch_size=1
        ) as profiler:
            profiler.run(np.zeros((1, 28, 28, 1), np.float32))
            reading = profiler.read(0, 1)
        counts[network] = reading.unfused_qdq
        assert reading.unfused_qdq == sum("uantizeLinear" in one.op for one in reading.operators)
    assert counts[CNN] == 1 and counts[MLP] == 1


def test_int8_in_litert_takes_and_gives_int8_and_converts_nothing(tiny_run: TinyRun) -> None:
    with PROFILERS["litert"](find(tiny_run, CNN, "tflite", Precision.INT8), threads=1, batch_size=1) as profiler:
        profiler.run(np.zeros((1, 28, 28, 1), np.int8))
        reading = profiler.read(0, 1)
    assert reading.unfused_qdq == 0
    assert any("QC8" in one.kernel for one in reading.operators), "XNNPACK names its int8 kernels so"


def test_a_lone_disturbed_call_moves_no_mean() -> None:
    assert interquartile_mean_s([2, 3] * 50 + [10_000]) == pytest.approx(2.5e-6, rel=0.05)
