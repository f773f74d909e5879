"""OpenVINO's own format, and in what arithmetic OpenVINO runs it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_deploy import files
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision, State
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.exporters.source import Source
from mnist_deploy.pipeline.exporting import Calibration
from mnist_deploy.quiet import quiet
from mnist_deploy.runtimes import RUNTIMES, Proof
from tests.conftest import NETWORKS, TinyRun, mnist_deploy

EXPORTER = EXPORTERS["openvino"]


def artifact(run: TinyRun, network: str, format: str, precision: Precision) -> Artifact:
    found = run.store.find(network, format, precision)
    assert found is not None
    return found


def images(run: TinyRun) -> FloatArray:
    return scaled(run.dataset.test_images[:256])


def scores(one: Artifact, runtime: str, images: FloatArray) -> tuple[FloatArray, Proof]:
    with RUNTIMES[runtime](one, device="cpu", threads=1, batch_size=len(images)) as loaded:
        return loaded.infer(images), loaded.proof()


def keras_model(run: TinyRun, network: str) -> Any:
    import keras

    return keras.saving.load_model(run.store.model_path(network), compile=False)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", EXPORTER.precisions)
def test_graph(tiny_run: TinyRun, network: str, precision: Precision) -> None:
    RUNTIMES["openvino"].preload()
    import openvino

    folder = artifact(tiny_run, network, "openvino", precision).path
    assert folder.name == f"{precision}.openvino"
    assert sorted(file.name for file in folder.iterdir()) == ["model.bin", "model.xml"]
    model = openvino.Core().read_model(str(folder / "model.xml"))
    (image,), (probabilities,) = model.inputs, model.outputs
    assert (image.get_names(), probabilities.get_names()) == ({"image"}, {"probabilities"})
    assert [str(one.get_partial_shape()) for one in (image, probabilities)] == ["[?,28,28,1]", "[?,10]"]
    assert {one.get_element_type().get_type_name() for one in (image, probabilities)} == {"f32"}
    nodes = model.get_ordered_ops()
    constants = [node.output(0) for node in nodes if node.get_type_name() == "Constant"]
    # Ranges of a FakeQuantize and scales are small; weights and biases are not.
    kinds = {one.get_element_type().get_type_name() for one in constants if np.prod(one.shape) > 64}
    int8 = precision is Precision.INT8
    expected = {Precision.FLOAT32: {"f32"}, Precision.FLOAT16: {"f16"}, Precision.INT8: {"i8"}}
    # What is left in float32 of an int8 model are biases: mlp-tanh-128 has 128 of them.
    assert kinds - ({"f32"} if int8 else set()) == expected[precision]
    assert any(node.get_type_name() == "FakeQuantize" for node in nodes) == int8
    if int8:
        weights = [one for one in constants if len(one.shape) > 1 and np.prod(one.shape) > 128]
        assert {one.get_element_type().get_type_name() for one in weights} == {"i8"}


@pytest.mark.parametrize("network", NETWORKS)
def test_fewer_bits_make_smaller_folders(tiny_run: TinyRun, network: str) -> None:
    sizes = [artifact(tiny_run, network, "openvino", one).size_bytes for one in EXPORTER.precisions]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] / sizes[2] > 2.5


@pytest.mark.parametrize("precision", EXPORTER.precisions)
def test_the_same_model_gives_the_same_bytes(tiny_run: TinyRun, tmp_path: Path, precision: Precision) -> None:
    """Also in another process, after other exports: the names of nodes are no count of what was made before."""
    model, calibration = keras_model(tiny_run, NETWORKS[1]), Calibration().images(tiny_run.dataset)
    exported = [tmp_path / name for name in ("first", "second")]
    for path in exported:
        with quiet():
            EXPORTER().export(Source(model, calibration, facts=tiny_run.facts(NETWORKS[1])), precision, path)
    before = artifact(tiny_run, NETWORKS[1], "openvino", precision).sha256
    assert [files.sha256(path) for path in exported] == [before, before]


def test_calibration_images_decide_the_ranges(tiny_run: TinyRun, tmp_path: Path) -> None:
    model, calibration = keras_model(tiny_run, NETWORKS[1]), Calibration(seed=1).images(tiny_run.dataset)
    with quiet():
        source = Source(model, calibration, facts=tiny_run.facts(NETWORKS[1]))
        EXPORTER().export(source, Precision.INT8, tmp_path / "other")
    assert files.sha256(tmp_path / "other") != artifact(tiny_run, NETWORKS[1], "openvino", Precision.INT8).sha256


def test_a_damaged_folder_is_seen_and_replaced(root: Path, tiny_run: TinyRun) -> None:
    store = ArtifactStore(root)
    one = store.find(NETWORKS[0], "openvino", Precision.FLOAT16)
    assert one is not None and store.state(one) is State.CURRENT
    (one.path / "model.bin").write_bytes(b"")
    assert store.state(one) is State.CORRUPT
    ended = mnist_deploy(
        "export", NETWORKS[0], "--format", "openvino", "--artifacts", root, "--data", tiny_run.data
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert store.state(one) is State.CURRENT, "the same bytes again"


def test_an_export_sends_no_telemetry(tiny_run: TinyRun, tmp_path: Path) -> None:
    """Importing OpenVINO or NNCF would fork a process that calls home; here is neither module, child nor socket."""
    program = (
        "import sys; from pathlib import Path; import keras, numpy, psutil;"
        "from mnist_deploy.artifacts import Precision; from mnist_deploy.exporters import EXPORTERS;"
        "from mnist_deploy.exporters.source import Source; from mnist_deploy.quiet import quiet;"
        "images = numpy.random.default_rng(0).random((8, 28, 28, 1), numpy.float32);"
        "model = keras.saving.load_model(sys.argv[1], compile=False);\n"
        "with quiet(): EXPORTERS['openvino']().export(Source(model, images), Precision.INT8, Path(sys.argv[2]))\n"
        "here = psutil.Process();"
        "sent = [name for name in sys.modules if name.startswith('openvino_telemetry.')];"
        "print(sent, here.children(recursive=True), here.net_connections(), 'nncf' in sys.modules)"
    )
    model = tiny_run.store.model_path(NETWORKS[0])
    command = [sys.executable, "-c", program, str(model), str(tmp_path / "int8.openvino")]
    clean = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean)
    assert done.stdout == "[] [] [] True\n"


@pytest.mark.parametrize("network", NETWORKS)
def test_float16_weights_are_computed_with_in_float32(tiny_run: TinyRun, network: str) -> None:
    """Keras with its weights rounded to float16 computes in float32: OpenVINO agrees to float32's last bits."""
    model = keras_model(tiny_run, network)
    exact = np.asarray(model(images(tiny_run)))
    model.set_weights([weight.astype(np.float16).astype(np.float32) for weight in model.get_weights()])
    rounded = np.asarray(model(images(tiny_run)))
    found, proof = scores(artifact(tiny_run, network, "openvino", Precision.FLOAT16), "openvino", images(tiny_run))
    assert proof.arithmetic == "float32"
    assert np.abs(rounded - exact).max() > 1e-5, "the rounding shows"
    np.testing.assert_allclose(found, rounded, atol=3e-6)


@pytest.mark.parametrize("format", RUNTIMES["openvino"].formats)
def test_its_default_is_bf16_where_the_cpu_has_it(tiny_run: TinyRun, format: str) -> None:
    RUNTIMES["openvino"].preload()
    import openvino

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bf16, by OpenVINO's own list of its capabilities")
    one = artifact(tiny_run, NETWORKS[1], format, Precision.FLOAT32)
    hinted, exact = scores(one, "openvino", images(tiny_run))
    default, coarse = scores(one, "openvino-default", images(tiny_run))
    assert (exact.arithmetic, coarse.arithmetic) == ("float32", "bfloat16")
    assert set(exact.placement) == {"CPU f32"} and coarse.placement["CPU bf16"] >= 4
    assert np.abs(hinted - default).max() > 1e-4
    np.testing.assert_allclose(hinted, default, atol=0.1)


@pytest.mark.parametrize("network", NETWORKS)
def test_int8_runs_in_int8(tiny_run: TinyRun, network: str) -> None:
    found, proof = scores(artifact(tiny_run, network, "openvino", Precision.INT8), "openvino", images(tiny_run))
    assert proof.executed_on == "CPU" and proof.placement["CPU i8"] >= 2
    assert proof.arithmetic is None, "every product is one of integers"
    labels = tiny_run.dataset.test_labels[:256]
    plain, _ = scores(artifact(tiny_run, network, "openvino", Precision.FLOAT32), "openvino", images(tiny_run))
    assert np.mean(found.argmax(1) == labels) > np.mean(plain.argmax(1) == labels) - 0.02
    assert not np.array_equal(found, plain)


def test_the_default_runtime_is_there_on_request_only() -> None:
    cls = RUNTIMES["openvino-default"]
    assert cls.on_request and not RUNTIMES["openvino"].on_request
    assert cls.availability("cpu").ok


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_an_interruption_is_survived_after_models_are_closed(tiny_run: TinyRun) -> None:
    """A Core for each model left Python's signal handler without a stack: this ended in SIGSEGV."""
    artifact = tiny_run.store.find(NETWORKS[0], "openvino", Precision.FLOAT32)
    assert artifact is not None
    program = """if True:
        import faulthandler, gc, os, signal, sys
        faulthandler.enable()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs this in the background has it ignored
        from mnist_deploy.artifacts import Artifact
        from mnist_deploy.runtimes import RUNTIMES
        artifact = Artifact.model_validate_json(sys.argv[1])
        make = lambda: RUNTIMES["openvino"](artifact, device="cpu", threads=1, batch_size=1)
        first, second = make(), make()
        del first
        gc.collect()
        del second
        gc.collect()
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            print("interrupted")
    """
    done = subprocess.run([sys.executable, "-c", program, artifact.model_dump_json()], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
