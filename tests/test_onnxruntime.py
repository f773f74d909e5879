"""ONNX Runtime's execution providers: who runs a graph is chosen, proven, and never silently another."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.runtimes.onnxruntime import CPU, OnnxRuntimeRuntime
from tests.conftest import NETWORKS, TinyRun

VARIANTS = ["onnxruntime-bound", "onnxruntime-openvino", "onnxruntime-tensorrt"]
PRECISIONS = [Precision.FLOAT32, Precision.DYNAMIC, Precision.INT8]


def artifact(run: TinyRun, precision: Precision = Precision.FLOAT32, network: str = NETWORKS[1]) -> Artifact:
    found = run.store.find(network, "onnx", precision)
    assert found is not None
    return found


def images(run: TinyRun, count: int = 8) -> FloatArray:
    return scaled(run.dataset.test_images[:count])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_placement_counts_the_nodes_of_the_graph_after_basic_optimisation(
    tiny_run: TinyRun, tmp_path: Path, network: str, precision: Precision
) -> None:
    import onnx
    import onnxruntime

    one = artifact(tiny_run, precision, network)
    with RUNTIMES["onnxruntime"](one, device="cpu", threads=1, batch_size=1) as loaded:
        loaded.infer(images(tiny_run))
        proof = loaded.proof()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "basic.onnx")
    onnxruntime.InferenceSession(str(one.path), options, providers=[CPU])
    assert proof.executed_on == CPU
    assert proof.placement == {CPU: len(onnx.load(tmp_path / "basic.onnx").graph.node)}


def test_a_silent_fallback_to_the_cpu_is_an_error_when_loading(tiny_run: TinyRun) -> None:
    """The Azure provider is in the stock package and takes no node of a network: ONNX Runtime would use the CPU."""
    import onnxruntime

    class Azure(OnnxRuntimeRuntime):
        providers: ClassVar[Mapping[str, str]] = {"cpu": "AzureExecutionProvider"}

    if not Azure.offers("cpu"):
        pytest.skip("this build of ONNX Runtime has no Azure provider")
    one = artifact(tiny_run)
    left_alone = onnxruntime.InferenceSession(str(one.path), providers=["AzureExecutionProvider"])
    assert left_alone.run(None, {"image": images(tiny_run)})[0].shape == (8, 10), "it falls back without a word"
    with pytest.raises(Exception, match="fallback to CPU EP has been explicitly disabled"):
        Azure(one, device="cpu", threads=1, batch_size=1)


@pytest.mark.parametrize(("runtime", "device"), [("onnxruntime", "gpu"), ("onnxruntime-openvino", "cpu")])
def test_a_missing_provider_is_named(tiny_run: TinyRun, runtime: str, device: str) -> None:
    cls = RUNTIMES[runtime]
    assert issubclass(cls, OnnxRuntimeRuntime)
    if cls.offers(device):
        pytest.skip(f"this ONNX Runtime has {cls.providers[device]}")
    assert not cls.availability(device).ok
    with pytest.raises(UnavailableError, match=f"no {cls.providers[device]}; .*pip"):
        cls(artifact(tiny_run), device=device, threads=1, batch_size=1)


@pytest.mark.parametrize("runtime", VARIANTS)
def test_a_variant_is_there_on_request_and_says_what_it_lacks(runtime: str) -> None:
    cls = RUNTIMES[runtime]
    assert cls.on_request and len(cls.devices) == 1
    (device,) = cls.devices
    here = cls.availability(device)
    assert here.ok or (here.reason and "pip" in (here.remedy or ""))
    (other,) = {"cpu", "gpu"} - {device}
    assert f"measured on {device} only" in (cls.availability(other).reason or "")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("batch_size", [1, 8])
def test_bound_tensors_stay_on_the_device(tiny_run: TinyRun, precision: Precision, batch_size: int) -> None:
    """On the CPU's memory here, which takes the same calls as the GPU's."""
    one, data = artifact(tiny_run, precision), images(tiny_run, 16)
    with RUNTIMES["onnxruntime"](one, device="cpu", threads=1, batch_size=batch_size) as plain:
        expected = plain.infer(data)
    with RUNTIMES["onnxruntime-bound"](one, device="cpu", threads=1, batch_size=batch_size) as loaded:
        np.testing.assert_allclose(loaded.infer(data), expected, atol=1e-6)
        first, second = (loaded.encode(data[start : start + batch_size]) for start in (0, batch_size))
        assert [type(loaded.run(tensor)).__name__ for tensor in (first, first)] == ["OrtValue", "OrtValue"]
        kept = loaded.decode(loaded.run(first))
        other = loaded.decode(loaded.run(second))
        assert not np.array_equal(kept, other), "another tensor is bound, and what was decoded is a copy"
        np.testing.assert_array_equal(loaded.decode(loaded.run(first)), kept)
        assert "transfer excluded" in loaded.call_path()
        assert loaded.proof().placement == plain.placement()


def test_tensorrt_gets_int8_only_for_what_is_quantised(tiny_run: TinyRun) -> None:
    cls = RUNTIMES["onnxruntime-tensorrt"]
    assert issubclass(cls, OnnxRuntimeRuntime)
    for precision, options in ((Precision.FLOAT32, {}), (Precision.INT8, {"trt_int8_enable": "1"})):
        runtime = cls.__new__(cls)
        runtime.artifact, runtime.device = artifact(tiny_run, precision), "gpu"
        (first, given), (second, cuda) = runtime.session_providers()
        assert (first, given, second) == ("TensorrtExecutionProvider", options, "CUDAExecutionProvider")
        assert cuda["use_tf32"] == "0"


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.INT8])
def test_openvino_provider_takes_the_whole_graph(tiny_run: TinyRun, precision: Precision) -> None:
    cls = RUNTIMES["onnxruntime-openvino"]
    if not cls.availability("cpu").ok:
        pytest.skip("needs the package onnxruntime-openvino in the place of onnxruntime")
    one, data = artifact(tiny_run, precision), images(tiny_run, 256)
    with RUNTIMES["onnxruntime"](one, device="cpu", threads=1, batch_size=64) as plain:
        expected = plain.infer(data)
    with cls(one, device="cpu", threads=1, batch_size=64) as loaded:
        found, proof = loaded.infer(data), loaded.proof()
    assert proof.executed_on == "OpenVINOExecutionProvider"
    assert proof.placement == {"OpenVINOExecutionProvider": plain.placement()[CPU]}
    # bf16 would be off by 1e-2 in float32; an int8 score is a multiple of 1/256.
    np.testing.assert_allclose(found, expected, atol=1e-5 if precision is Precision.FLOAT32 else 5 / 256)
