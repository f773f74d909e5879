"""The contract of every runtime, over every artifact that it reads."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import parity
from mnist_deploy.artifacts import Artifact, Precision, Variant
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.errors import UnavailableError
from mnist_deploy.exporters import ARTIFACT_KINDS, EXPORTERS
from mnist_deploy.runtimes import DEVICES, RUNTIMES, Runtime
from tests.conftest import NETWORKS, PLAIN_FORMATS, TinyRun
from tests.contract import BATCHES, Observed, observed

OTHERS = (Variant.UINT8, Variant.PLAIN)


def readable(runtime: type[Runtime], format: str, precision: Precision, variant: Variant) -> bool:
    one = Artifact.model_construct(architecture=NETWORKS[0], format=format, precision=precision, variant=variant)
    return runtime.reads(one)


def exported(network: str, format: str, variant: Variant) -> bool:
    """Tell whether the fixtures hold it: of variants other than the standard one, those of the network with all ops."""
    if variant is Variant.STANDARD:
        return True
    return network == NETWORKS[1] and format in (EXPORTERS if variant.optimized else PLAIN_FORMATS)


PAIRS = [
    pytest.param(network, name, format, precision, variant, id=f"{network}-{name}-{format}-{precision}-{variant}")
    for network in NETWORKS
    for name, runtime in RUNTIMES.items()
    if not runtime.diagnostic and "cpu" in runtime.devices
    for format, precision in ARTIFACT_KINDS
    for variant in (Variant.STANDARD, *OTHERS)
    if exported(network, format, variant) and readable(runtime, format, precision, variant)
]


@cache
def images(run: TinyRun) -> FloatArray:
    return scaled(run.dataset.test_images[:301])


def find(run: TinyRun, network: str, format: str, precision: Precision) -> Artifact:
    found = run.store.find(network, format, precision)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def pixels(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contract") / "pixels.npy"
    np.save(path, tiny_run.dataset.test_images[:301])
    return path


@pytest.fixture
def seen(
    request: pytest.FixtureRequest, pixels: Path, network: str, runtime: str, format: str, precision: Precision,
    variant: Variant,
) -> Observed:  # fmt: skip
    available = RUNTIMES[runtime].availability("cpu")
    if not available.ok:
        pytest.skip(f"{runtime}: {available.reason}")
    if variant is Variant.STANDARD:
        every = observed(request.getfixturevalue("tiny_run").root, runtime, pixels)
    else:
        every = observed(request.getfixturevalue("variants_run"), runtime, pixels, OTHERS)
    found = every[network, format, precision.value, variant.value]
    assert found.error is None, found.error
    return found


@pytest.mark.parametrize(("network", "runtime", "format", "precision", "variant"), PAIRS)
def test_answers_do_not_depend_on_the_batch_size_and_agree_with_keras(
    tiny_run: TinyRun, seen: Observed, network: str, runtime: str, format: str, precision: Precision, variant: Variant
) -> None:
    reference = tiny_run.store.reference(network)
    assert reference is not None
    gate = parity.applied(precision, seen.proof.arithmetic)
    exact = gate in {Precision.FLOAT32, Precision.FLOAT16}
    for batch, count in BATCHES.items():
        scores = seen.arrays[f"scores.{batch}"]
        assert scores.shape == (count, 10) and scores.dtype == np.float32
        # int8 scores are multiples of 1/256, so a row's sum is off by up to ten halves of that.
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-3 if exact else 10 / 512)
        agreement = parity.compare(scores, reference.scores[:count], tiny_run.dataset.test_labels[:count])
        # 301 images are too few for the gates' shares; what is asked is that nothing is broken.
        assert agreement.top1_agreement > (0.97 if count > 100 else 0.9)
        limit = parity.GATES[gate].max_abs_error
        assert agreement.max_abs_error is not None and (limit is None or agreement.max_abs_error <= limit)
    # Dynamic quantisation of ONNX takes its range over the whole batch, so there the batch has a say; and in bfloat16
    # additions in another order show.
    allowed = 0.05 if (format, precision) == ("onnx", Precision.DYNAMIC) or gate == "bfloat16" else 1 / 256 + 1e-5
    large = seen.arrays["scores.256"]
    for batch in (1, 7):
        np.testing.assert_allclose(seen.arrays[f"scores.{batch}"], large[: BATCHES[batch]], atol=allowed)


@pytest.mark.parametrize(("network", "runtime", "format", "precision", "variant"), PAIRS)
def test_run_takes_host_arrays_and_returns_fresh_ones(
    tiny_run: TinyRun, seen: Observed, network: str, runtime: str, format: str, precision: Precision, variant: Variant
) -> None:
    int8_io = format == "tflite" and precision is Precision.INT8
    taken = "uint8" if variant.uint8 else "int8" if int8_io else "float32"
    assert seen.facts["input"] == ["ndarray", taken] and seen.facts["output"] == "ndarray"
    np.testing.assert_array_equal(seen.arrays["encoded"], seen.arrays["encoded pixels"])
    if variant.uint8:
        np.testing.assert_array_equal(seen.arrays["encoded"][..., 0], tiny_run.dataset.test_images[:8])
    arrays = seen.arrays
    assert arrays["first"].shape == (8, 10) and not np.array_equal(arrays["first"], arrays["second"])
    np.testing.assert_array_equal(arrays["first later"], arrays["first"], err_msg="a later call must not overwrite it")
    np.testing.assert_array_equal(arrays["again"], arrays["first"], err_msg="the same input gives the same output")
    np.testing.assert_array_equal(arrays["labels"], arrays["decoded"].argmax(axis=1))
    assert arrays["labels"].dtype == np.int64
    assert "CPU" in seen.proof.executed_on.upper() and seen.facts["call"]
    assert all(count > 0 for count in seen.proof.placement.values())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_record_is_complete_and_available_here(runtime: str) -> None:
    cls = RUNTIMES[runtime]
    assert cls.name == runtime and cls.title and set(cls.devices) <= set(DEVICES)
    here = cls.availability("cpu")
    # ONNX Runtime with OpenVINO's provider is a wheel that stands in the place of the plain one.
    if "cpu" in cls.devices and runtime != "onnxruntime-openvino":
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
