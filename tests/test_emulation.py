"""Answers on emulated processors, by real libraries under QEMU."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_deploy import emulation
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision
from mnist_deploy.dataset import Dataset, scaled
from mnist_deploy.errors import UnavailableError, UsageError
from tests.conftest import NETWORKS, Ended, TinyRun, mnist_deploy
from tests.test_cli import one_line
from tests.test_diagnose import find, renew

MLP, CNN = NETWORKS
emulates = pytest.mark.skipif(emulation.missing() is not None, reason=emulation.missing() or "")
QUANTIZED = ("--precision", "int8", "--precision", "dynamic")


def verify(root: Path, run: TinyRun, *arguments: str) -> tuple[Ended, list[dict[str, Any]], list[dict[str, Any]]]:
    ended = mnist_deploy("verify", *arguments, "--json", "--artifacts", root, "--data", run.data)
    results = json.loads(ended.out) if ended.out else {"processors": [], "skips": []}
    return ended, results["processors"], results["skips"]


def saturating(artifact: Artifact, float32: Path, data: Dataset) -> None:
    """Put signed 8-bit weights in place of an int8 ONNX artifact: they saturate with AVX2 and without VNNI."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    images: Iterator[np.ndarray] = iter(scaled(data.train_images[:100])[:, None])

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            image = next(images, None)
            return None if image is None else {"image": image}

    quantize_static(
        onnx.load(float32), artifact.path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip


# ---- what is right


@emulates
def test_answers_are_the_same_on_processors_with_and_without_avx2(tiny_run: TinyRun, root: Path) -> None:
    ended, rows, skips = verify(root, tiny_run, MLP, *QUANTIZED, "--emulate", "haswell", "--emulate", "NEHALEM",
                                "--emulate-time", "none")  # fmt: skip
    assert ended.code == 0, ended.err
    places = {(row["runtime"], row["precision"], row["processor"]) for row in rows}
    assert places == {
        *((runtime, precision, processor) for runtime in ("litert", "onnxruntime") for precision in ("dynamic", "int8")
          for processor in emulation.PROCESSORS),
        *(("openvino", "int8", processor) for processor in emulation.PROCESSORS),
        *(("onnxruntime", precision, "exact kernels") for precision in ("dynamic", "int8")),
    }  # fmt: skip
    assert all(row["passed"] and row["images"] == row["test_images"] == 2000 for row in rows)
    assert all((row["emulator"] or "").startswith("QEMU") is (row["processor"] != "exact kernels") for row in rows)
    assert not [skip for skip in skips if "emulated" in skip["reason"]], skips
    checked = find(ArtifactStore(root), MLP, "onnx", Precision.INT8).checked
    assert {check.place for check in checked} == {
        ("onnxruntime", "exact kernels"), ("onnxruntime", "Haswell"), ("onnxruntime", "Nehalem"),
    }  # fmt: skip


@emulates
def test_export_checks_what_it_makes_once_and_the_card_says_it(tiny_run: TinyRun, root: Path, tmp_path: Path) -> None:
    command = ("export", MLP, "--format", "tflite", "--artifacts", root, "--data", tiny_run.data)
    first = mnist_deploy(*command, "--force", MNIST_DEPLOY_EMULATE="")
    assert first.code == 0 and "other processors" in first.err, first.err
    assert "Haswell, emulated" in first.out and "Nehalem, emulated" in first.out
    second = mnist_deploy(*command, MNIST_DEPLOY_EMULATE="")
    assert second.code == 0 and "other processors" not in second.err
    assert "Haswell, emulated" in second.out, "what the manifest knows is shown, too"
    assert "ok, kept" in second.out and "ok, kept" not in first.out, "and marked as of an earlier command"
    none = mnist_deploy(*command, "--force", "--emulate", "none")
    assert none.code == 0 and "emulated" not in none.out + none.err
    assert not find(ArtifactStore(root), MLP, "tflite", Precision.INT8).checked, "another file was not checked"
    named = mnist_deploy(*command, "--emulate", "haswell")
    assert named.code == 0 and "Nehalem" not in named.out
    packed = mnist_deploy("package", MLP, "--format", "tflite", "--precision", "int8", "--runtime", "litert",
                          "--output", tmp_path / "deployed", "--artifacts", root)  # fmt: skip
    assert packed.code == 0, packed.err
    card = (tmp_path / "deployed" / "README.md").read_text(encoding="utf-8")
    assert "| Haswell, emulated by QEMU" in card and "of 2,000 | 0 |" in card
    record = json.loads((tmp_path / "deployed" / "deployment.json").read_text(encoding="utf-8"))
    assert [check["processor"] for check in record["checked"]] == ["Haswell"]


# ---- what is found


@emulates
def test_a_file_that_saturates_is_caught_on_any_machine(tiny_run: TinyRun, root: Path) -> None:
    store = ArtifactStore(root)
    artifact = find(store, MLP, "onnx", Precision.INT8)
    saturating(artifact, find(store, MLP, "onnx").path, tiny_run.dataset)
    renew(store, artifact)
    ended, rows, _ = verify(root, tiny_run, MLP, "--format", "onnx", "--precision", "int8", "--runtime", "onnxruntime",
                            "--emulate", "Haswell", "--emulate", "Nehalem")  # fmt: skip
    failed = {row["processor"] for row in rows if not row["passed"]}
    # With VNNI a Haswell answers otherwise; without, a processor that has no AVX2 does, and so do exact kernels.
    assert failed in ({"Haswell"}, {"Nehalem", "exact kernels"}), rows
    assert all("another class" in row["failures"][0] for row in rows if not row["passed"])
    # Where it saturates here too, its own gate may fail before.
    assert ended.code == 1
    assert any(words in one_line(ended.err) for words in ("checks on other processors failed", "fail their gate"))


@emulates
def test_a_library_that_does_not_run_there_is_left_out_with_the_reason(tiny_run: TinyRun, root: Path) -> None:
    ended, rows, skips = verify(root, tiny_run, MLP, "--runtime", "keras-call", "--emulate", "Nehalem")
    assert ended.code == 0 and not rows, ended.err
    (skip,) = [skip for skip in skips if "Nehalem" in skip["reason"]]
    assert "SIGILL" in skip["reason"] and skip["kind"] == "unavailable" and skip["runtime"] == "keras-call"
    assert "qemu-x86_64: warning" not in skip["reason"]


@emulates
def test_the_time_limit_holds_and_what_it_left_out_is_named(tiny_run: TinyRun, root: Path) -> None:
    began = time.monotonic()
    what = (CNN, *QUANTIZED, "--runtime", "litert", "--runtime", "onnxruntime")
    native = verify(root, tiny_run, *what)
    native_s, began = time.monotonic() - began, time.monotonic()
    ended, rows, skips = verify(root, tiny_run, *what, "--emulate", "Haswell", "--emulate-time", "2s")
    assert native[0].code == ended.code == 0, ended.err
    # The same again, the scores here once more, and 2 s; a library is imported, or ended, beyond that.
    assert time.monotonic() - began < 3 * native_s + 30
    late = [skip["reason"] for skip in skips if "Haswell" in skip["reason"]]
    assert all(row["images"] < 2000 for row in rows if row["processor"] == "Haswell") and all(
        "time" in reason or "longer than" in reason for reason in late
    )


# ---- bad use


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("verify", "--emulate", "pentium9"), "unknown processor 'pentium9'", marks=emulates),
        pytest.param(("export", "--emulate", "haswel"), "did you mean Haswell", marks=emulates),
        pytest.param(("run", "--emulate", "none", "--emulate", "haswell"), "unknown processor 'none'", marks=emulates),
        (("verify", "--emulate-time", "5m"), "--emulate-time: has no effect without --emulate"),
        pytest.param(("verify", "--emulate", "haswell", "--emulate-time", "0"), "--emulate-time 0", marks=emulates),
    ],
)
def test_what_cannot_be_emulated_is_refused_in_one_line(
    tiny_run: TinyRun, arguments: tuple[str, ...], words: str
) -> None:
    ended = mnist_deploy(*arguments, "--artifacts", tiny_run.root, "--data", tiny_run.data)
    assert ended.code == 2 and words in one_line(ended.err)


def test_without_the_emulator_it_is_named_with_what_brings_it(tiny_run: TinyRun, root: Path, tmp_path: Path) -> None:
    without = {"PATH": str(tmp_path)}
    ended = mnist_deploy("verify", "--emulate", "Haswell", "--artifacts", root, "--data", tiny_run.data, **without)
    assert ended.code == 2
    assert one_line(ended.err).startswith("error: --emulate: ")
    exported = mnist_deploy("export", MLP, "--format", "onnx", "--precision", "int8", "--artifacts", root, "--data",
                            tiny_run.data, MNIST_DEPLOY_EMULATE="", **without)  # fmt: skip
    assert exported.code == 0 and "answers on other processors were" in " ".join(exported.out.split())
    assert "exact kernels" in exported.out, "they need no emulator"
    if os.uname().machine == "x86_64":
        assert "apt-get install qemu-user" in ended.err and "apt-get install qemu-user" in " ".join(
            exported.out.split()
        )


@emulates
def test_processors_are_named_as_the_emulator_names_them() -> None:
    assert emulation.resolve(["HASWELL", "nehalem", "Haswell"]) == ["Haswell", "Nehalem"]
    with pytest.raises(UsageError, match=r"known: .*Haswell"):
        emulation.resolve(["zen9"])
    assert set(emulation.PROCESSORS) <= set(emulation.processors())


def test_what_pins_kernels_to_the_real_processor_is_dropped() -> None:
    assert emulation.environment({"OPENBLAS_CORETYPE": "Haswell", "HOME": "/root"}) == {"HOME": "/root"}


def test_an_emulator_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    emulation._program.cache_clear()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError, match="qemu-user"):
        emulation.command("Haswell")
    emulation._program.cache_clear()
