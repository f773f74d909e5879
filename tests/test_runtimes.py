"""The contract of every runtime, over every artifact that it reads."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from mnist_deploy import parity
from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.errors import UnavailableError
from mnist_deploy.exporters import ARTIFACT_KINDS
from mnist_deploy.runtimes import DEVICES, RUNTIMES
from tests.conftest import NETWORKS, TinyRun

PAIRS = [
    pytest.param(network, runtime, format, precision, id=f"{network}-{runtime}-{format}-{precision}")
    for network in NETWORKS
    for runtime, cls in RUNTIMES.items()
    for format, precision in ARTIFACT_KINDS
    if format in cls.formats
]


@cache
def images(run: TinyRun) -> FloatArray:
    return scaled(run.dataset.test_images[:301])


def find(run: TinyRun, network: str, format: str, precision: Precision) -> Artifact:
    found = run.store.find(network, format, precision)
    assert found is not None
    return found


@pytest.mark.parametrize(("network", "runtime", "format", "precision"), PAIRS)
def test_answers_do_not_depend_on_the_batch_size_and_agree_with_keras(
    tiny_run: TinyRun, network: str, runtime: str, format: str, precision: Precision
) -> None:
    artifact = find(tiny_run, network, format, precision)
    reference = tiny_run.store.reference(network)
    assert reference is not None
    limits = parity.LIMITS[precision]
    answers = {}
    for batch, count in ((1, 20), (64, 301), (256, 301)):
        with RUNTIMES[runtime](artifact, device="cpu", threads=None, batch_size=batch) as loaded:
            scores = loaded.infer(images(tiny_run)[:count])
        assert scores.shape == (count, 10) and scores.dtype == np.float32
        # int8 scores are multiples of 1/256, so a row's sum is off by up to ten halves of that.
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=10 / 512 if precision is Precision.INT8 else 1e-3)
        answers[batch] = scores
        agreement = parity.compare(scores, reference.scores[:count], tiny_run.dataset.test_labels[:count])
        # 301 images are too few for the limits' shares; what is asked is that nothing is broken.
        assert agreement.top1_agreement > 0.97
        assert limits.max_abs_error is None or agreement.max_abs_error <= limits.max_abs_error
    # Dynamic quantisation of ONNX takes its range over the whole batch, so there the batch has a say.
    allowed = 0.05 if (format, precision) == ("onnx", Precision.DYNAMIC) else 1 / 256 + 1e-5
    np.testing.assert_allclose(answers[1], answers[64][:20], atol=allowed)
    np.testing.assert_allclose(answers[64], answers[256], atol=allowed)


@pytest.mark.parametrize(("network", "runtime", "format", "precision"), PAIRS)
def test_run_takes_host_arrays_and_returns_fresh_ones(
    tiny_run: TinyRun, network: str, runtime: str, format: str, precision: Precision
) -> None:
    artifact = find(tiny_run, network, format, precision)
    with RUNTIMES[runtime](artifact, device="cpu", threads=None, batch_size=8) as loaded:
        first_input, second_input = (loaded.encode(images(tiny_run)[start : start + 8]) for start in (0, 8))
        assert isinstance(first_input, np.ndarray)
        int8_io = format == "tflite" and precision is Precision.INT8
        assert first_input.dtype == (np.int8 if int8_io else np.float32)
        first = loaded.run(first_input)
        kept = np.array(first)
        second = loaded.run(second_input)
        assert isinstance(first, np.ndarray) and first.shape == (8, 10)
        np.testing.assert_array_equal(first, kept, err_msg="a later call must not write into an earlier result")
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(loaded.run(first_input), kept, err_msg="the same input gives the same output")
        assert "CPU" in loaded.executed_on().upper() and loaded.call_path()
        labels = loaded.classify(tiny_run.dataset.test_images[:8])
        np.testing.assert_array_equal(labels, loaded.decode(kept).argmax(axis=1))
        assert labels.dtype == np.int64


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_record_is_complete_and_available_here(runtime: str) -> None:
    cls = RUNTIMES[runtime]
    assert cls.name == runtime and cls.title and set(cls.devices) <= set(DEVICES) and "cpu" in cls.devices
    here = cls.availability("cpu")
    assert here.ok and here.version, "the test environment installs every CPU runtime"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_unavailable_device_says_why(runtime: str) -> None:
    gpu = RUNTIMES[runtime].availability("gpu")
    if not gpu.ok:
        assert gpu.reason
        assert gpu.remedy or "gpu" not in RUNTIMES[runtime].devices, "only what no one can mend has no remedy"


def test_threads_of_tensorflow_cannot_change_under_way(tiny_run: TinyRun) -> None:
    artifact = find(tiny_run, NETWORKS[0], "saved_model", Precision.FLOAT32)
    runtime = RUNTIMES["tensorflow"]
    runtime(artifact, device="cpu", threads=None, batch_size=1).infer(images(tiny_run)[:1])
    with pytest.raises(UnavailableError, match="fresh process"):
        runtime(artifact, device="cpu", threads=7, batch_size=1)


@pytest.mark.parametrize(
    ("runtime", "format"), [("litert", "tflite"), ("onnxruntime", "onnx"), ("tensorflow", "saved_model")]
)
def test_what_fell_back_to_the_cpu_does_not_pass_for_a_gpu(tiny_run: TinyRun, runtime: str, format: str) -> None:
    artifact = find(tiny_run, NETWORKS[0], format, Precision.FLOAT32)
    with RUNTIMES[runtime](artifact, device="cpu", threads=None, batch_size=1) as loaded:
        assert "CPU" in loaded.proof().executed_on.upper()
        loaded.device = "gpu"  # as if it had been asked for, and the library had said nothing
        with pytest.raises(UnavailableError, match="asked for the GPU, but it ran on CPU"):
            loaded.proof()


def test_openvino_computes_float32_in_float32(tiny_run: TinyRun) -> None:
    """On a CPU with bf16 its default would be off by 1e-2; this fails if the hint is lost."""
    artifact = find(tiny_run, NETWORKS[1], "onnx", Precision.FLOAT32)
    reference = tiny_run.store.reference(NETWORKS[1])
    assert reference is not None
    with RUNTIMES["openvino"](artifact, device="cpu", threads=1, batch_size=301) as loaded:
        np.testing.assert_allclose(loaded.infer(images(tiny_run)), reference.scores[:301], atol=1e-5)


def test_openvino_sends_no_telemetry(tiny_run: TinyRun) -> None:
    """Its import would fork a process that calls home; here it has neither module nor child."""
    artifact = find(tiny_run, NETWORKS[0], "onnx", Precision.FLOAT32)
    program = (
        "import psutil, sys; from mnist_deploy.artifacts import Artifact;"
        "from mnist_deploy.runtimes import RUNTIMES;"
        "RUNTIMES['openvino'](Artifact.model_validate_json(sys.argv[1]), device='cpu', threads=1, batch_size=1);"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry.')], psutil.Process().children())"
    )
    command = [sys.executable, "-c", program, artifact.model_dump_json()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[] []\n"


def test_encoding_for_int8_rounds_and_clips(tiny_run: TinyRun) -> None:
    artifact = find(tiny_run, NETWORKS[0], "tflite", Precision.INT8)
    with RUNTIMES["litert"](artifact, device="cpu", threads=1, batch_size=1) as loaded:
        levels = np.linspace(-0.5, 1.5, 784, dtype=np.float32).reshape(1, 28, 28, 1)
        encoded = loaded.encode(levels).ravel().astype(int)
    assert encoded[0] == -128 and encoded[-1] == 127
    # MNIST's range is 0 to 1, so the converter chooses 1/255 and -128.
    expected = np.clip(np.rint(levels.ravel() * 255) - 128, -128, 127)
    assert np.abs(encoded - expected).max() <= 1
