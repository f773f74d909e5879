"""The command `profile` as users meet it."""

import json
from pathlib import Path

import pytest

from mnist_deploy import cli
from tests.conftest import NETWORKS, Ended, TinyRun, mnist_deploy

MLP, CNN = NETWORKS


@pytest.fixture(scope="module")
def profiled(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    folder = tmp_path_factory.mktemp("cwd")
    arguments = ["profile", CNN, "--data", tiny_run.data, "--artifacts", tiny_run.root, "--json"]
    return mnist_deploy(*arguments, cwd=folder), folder


def test_default_is_float32_and_int8_in_every_runtime_with_a_profiler(profiled: tuple[Ended, Path]) -> None:
    ended, _ = profiled
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    cells = {(one["runtime"], one["format"], one["precision"]) for one in found["profiles"]}
    precisions = ("float32", "int8")
    assert cells >= {("litert", "tflite", precision) for precision in precisions}
    assert cells >= {(name, "onnx", precision) for name in ("onnxruntime", "openvino") for precision in precisions}
    assert {(one["batch_size"], one["threads"]) for one in found["profiles"]} == {(1, 1)}
    for one in found["profiles"]:
        assert 0 < one["beside_s"] < 1 and 0 < one["wall_s"] < 1 and one["calls"] > 0 and one["covers"]
        assert one["operators"]
    twins = [one for one in found["twins"] if one["precision"] == "int8"]
    assert len(twins) == len(found["profiles"]) - len(twins), "every int8 cell has a float32 twin"
    assert all(one["processes"] == 3 and len(one["ratios"]) == 21 for one in found["twins"])
    assert len(found["findings"]) == len(twins) and all("int8" in told for told in found["findings"].values())


def test_nothing_is_written_where_the_user_is_and_no_library_chatters(profiled: tuple[Ended, Path]) -> None:
    ended, folder = profiled
    assert not list(folder.iterdir())
    assert all(line.startswith("profile ") for line in ended.err.splitlines()), ended.err


def test_tables_and_options(tiny_run: TinyRun, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--runtime", "onnxruntime", "--precision", "int8", "--batch-size", "16", "--threads", "1"]
    code = cli.run(["profile", MLP, *options, "--data", str(tiny_run.data), "--artifacts", str(tiny_run.root)])
    out = capfd.readouterr().out
    assert code == 0
    assert f"{MLP} onnx int8 in onnxruntime, batch 16, 1 thread" in out and "QGemm" in out
    assert "Quantise and dequantise nodes left unfused: 1." in out
    assert "Finding" not in out, "there is no float32 twin to compare with"


def test_all_precisions_are_held_against_float32(tiny_run: TinyRun, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--runtime", "litert", "--precision", "all", "--json"]
    code = cli.run(["profile", MLP, *options, "--data", str(tiny_run.data), "--artifacts", str(tiny_run.root)])
    found = json.loads(capfd.readouterr().out)
    assert code == 0
    assert [one["precision"] for one in found["profiles"]] == ["float32", "float16", "dynamic", "int8"]
    assert [one["precision"] for one in found["twins"]] == ["float16", "dynamic", "int8"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runtime", "keras-call"], "--runtime keras-call: it cannot tell the time of each operator; those that can"),
        (["--runtime", "litert", "--format", "onnx"], "litert: reads none of the formats selected (onnx)"),
        (["--precision", "int9"], "did you mean int8?"),
        (["--batch-size", "0"], "--batch-size"),
    ],
)
def test_bad_use_is_one_line(
    tiny_run: TinyRun, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code = cli.run(["profile", *arguments, "--artifacts", str(tiny_run.root)])
    captured = capfd.readouterr()
    assert code == 2 and captured.out == ""
    assert words in captured.err and len(captured.err.splitlines()) == 1
