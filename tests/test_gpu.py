"""Why a runtime cannot use a GPU, and the command that mends it. No GPU is needed."""

import tomllib
from pathlib import Path

import pytest

from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.runtimes import base as runtimes_base

ON_GPU = [name for name, runtime in RUNTIMES.items() if "gpu" in runtime.devices]


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for /dev."""
    monkeypatch.setattr(runtimes_base, "DEVICE_NODES", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["nvidia0", "nvidia3", "dxg"])
def test_a_gpu_is_seen_by_its_device_node(nodes: Path, name: str) -> None:
    (nodes / "nvidiactl").touch()  # the driver alone makes no GPU
    assert not runtimes_base.nvidia_gpu_present()
    (nodes / name).touch()
    assert runtimes_base.nvidia_gpu_present()


@pytest.mark.parametrize("name", ON_GPU)
def test_without_a_gpu_the_library_is_not_asked(nodes: Path, name: str) -> None:
    found = RUNTIMES[name].availability("gpu")
    if found.version is not None:
        assert not found.ok and found.reason == "no NVIDIA GPU on this machine" and "machine" in (found.remedy or "")
    assert RUNTIMES[name].presence("gpu") == found


@pytest.mark.parametrize("name", ON_GPU)
def test_a_gpu_that_the_installed_library_cannot_use(nodes: Path, name: str) -> None:
    (nodes / "nvidia0").touch()
    found = RUNTIMES[name].availability("gpu")
    if found.ok:
        pytest.skip("the installed library really has a GPU")
    assert found.reason and "no NVIDIA GPU" not in found.reason
    assert "pip install" in (found.remedy or "")
    if "cpu" in RUNTIMES[name].devices:
        assert RUNTIMES[name].presence("cpu").ok == RUNTIMES[name].presence("gpu").ok, "the GPU alone is not in the way"


def test_a_build_without_cuda_is_told_from_one_that_lacks_the_libraries(nodes: Path) -> None:
    import onnxruntime
    import tensorflow as tf

    (nodes / "nvidia0").touch()
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        found = RUNTIMES["onnxruntime"].availability("gpu")
        assert found.reason == "an NVIDIA GPU is here, but the installed ONNX Runtime is built without CUDA"
        # Both packages bring the same module: the new one would lie beside the old one's files.
        wanted = 'pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]<1.27"'
        assert found.remedy == wanted
    if not tf.config.list_physical_devices("GPU"):
        found = RUNTIMES["tensorflow"].availability("gpu")
        assert found.remedy == 'pip install "tensorflow[and-cuda]"'
        why = "finds no driver or CUDA libraries" if tf.test.is_built_with_cuda() else "is built without CUDA"
        assert found.reason is not None and found.reason.endswith(why)


def test_remedies_ask_for_what_the_extra_brings() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["gpu"]
    for wanted in {RUNTIMES[name].gpu_distribution for name in ON_GPU}:
        assert any(requirement.startswith(wanted) for requirement in extra), wanted
