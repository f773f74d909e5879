"""A bench that Ctrl-C ends keeps what it has, says so, and goes on."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_deploy import cli, documents, results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import recording, schedule
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.benchmark.statistics import summarize
from mnist_deploy.pipeline import running
from mnist_deploy.pipeline.benching import bench
from mnist_deploy.pipeline.restoring import library_differences
from mnist_deploy.pipeline.selection import Selection
from mnist_deploy.progress import Board, Silent
from mnist_deploy.results import Results, SkipKind
from tests.conftest import NETWORKS, TinyRun, mnist_deploy, written
from tests.records import ENVIRONMENT
from tests.test_cli import ended, one_line
from tests.test_terminal import on_terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
MLP = NETWORKS[0]
ASKED = ["bench", MLP, "--format", "tflite", "--precision", "int8", "--precision", "float32", "--runtime", "litert",
         "--baseline", "litert", "--time-limit", "none"]  # fmt: skip


@dataclass(frozen=True)
class Interrupted:
    root: Path
    path: Path
    err: str

    @property
    def found(self) -> Results:
        return results.load(self.path)

    @property
    def samples(self) -> recording.Recording:
        return recording.load(self.path.parent / str(self.found.samples))


def newest(root: Path) -> Path:
    return max((root / "results").glob("2*.json"))


@pytest.fixture(scope="module")
def interrupted(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """A bench in a pipe that was interrupted when its second pass had just begun."""
    root = Path(shutil.copytree(tiny_run.root, tmp_path_factory.mktemp("interrupted") / "artifacts"))
    command = [sys.executable, "-m", "mnist_deploy", *ASKED, "--data", str(tiny_run.data), "--artifacts", str(root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "pass 1 of 5 done" in line:
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait() == 130
    return Interrupted(root, newest(root), rest)


@pytest.fixture
def again(interrupted: Interrupted, tmp_path: Path) -> Interrupted:
    """A copy of it, to change as a test likes."""
    root = Path(shutil.copytree(interrupted.root, tmp_path / "artifacts"))
    return Interrupted(root, newest(root), interrupted.err)


def test_what_was_killed_goes_on_with_its_whole_passes(root: Path, tiny_data: Path) -> None:
    asked = ["bench", MLP, "--precision", "int8", "--runtime", "litert", "--threads", "1", "--time-limit", "none"]
    command = [sys.executable, "-m", "mnist_deploy", *asked, "--data", str(tiny_data), "--artifacts", str(root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "pass 1 of 5 done" not in process.stderr.readline():
        assert process.poll() is None
    process.kill()
    process.communicate()
    left = Interrupted(root, newest(root), "")
    before, had = left.found, left.samples
    assert not before.complete and before.passes_done == 1 and len(before.measurements) == 2
    done = mnist_deploy("bench", "--resume", "--data", tiny_data, "--artifacts", root)
    assert done.code == 0 and f"going on with {left.path} after 1 of 5 passes" in done.err, done.err
    after, has = left.found, left.samples
    assert after.complete and after.passes_done == 5
    for key, (first,) in had.passes.items():
        assert len(has.passes[key]) == 5
        for one, same in zip(first.bursts, has.passes[key][0].bursts, strict=True):
            np.testing.assert_array_equal(one.times, same.times)


def assert_figures_follow(found: Results, samples: recording.Recording) -> None:
    keys = {(key.precision, key.batch_size): key for key in samples.passes if not key.twin}
    assert len(keys) == len(found.measurements)
    for one in found.measurements:
        key = keys[one.precision, one.batch_size]
        assert one.passes == len(samples.passes[key])
        assert one.pass_quiet_s == list(summarize(samples.cell_times(key), one.batch_size).quiet.pass_values)


def test_what_is_left_is_valid_and_the_line_says_how_to_go_on(interrupted: Interrupted, tiny_run: TinyRun) -> None:
    found = interrupted.found
    assert not found.complete and found.passes_done == 1 and len(found.measurements) == 4
    assert_figures_follow(found, interrupted.samples)
    line = one_line(interrupted.err)
    assert f"interrupted; {interrupted.path} holds 1 of 5 passes" in line
    assert f"mnist-deploy report {interrupted.path}" in line
    assert f"mnist-deploy bench --resume --artifacts {interrupted.root}" in line
    latest = "results/latest.json"
    assert (interrupted.root / latest).read_bytes() == (tiny_run.root / latest).read_bytes()
    assert not list(interrupted.root.rglob(".writing-*"))


def test_it_goes_on_with_the_passes_that_it_has(again: Interrupted, tiny_data: Path) -> None:
    before, had = again.found, again.samples
    done = mnist_deploy("bench", "--resume", "--data", tiny_data, "--artifacts", again.root)
    assert done.code == 0, done.err
    assert f"going on with {again.path} after 1 of 5 passes" in done.err and "resumed" in done.out
    after, has = again.found, again.samples
    assert after.complete and after.passes_done == 5 and after.baseline == "litert" and len(after.resumed_at) == 1
    assert (after.plan, after.asked, after.created_at) == (before.plan, before.asked, before.created_at)
    assert list(has.passes) == list(had.passes)
    for key, passes in had.passes.items():
        assert len(has.passes[key]) == 5 and len(passes) == 1
        for one, same in zip(passes[0].bursts, has.passes[key][0].bursts, strict=True):
            np.testing.assert_array_equal(one.times, same.times)
            assert (one.sweep, one.probe_s) == (same.sweep, same.probe_s)
    assert_figures_follow(after, has)
    assert json.loads((again.root / "results" / "latest.json").read_text()) == json.loads(again.path.read_text())
    nothing = mnist_deploy("bench", "--resume", "--data", tiny_data, "--artifacts", again.root)
    assert nothing.code == 2 and "holds no interrupted bench" in one_line(nothing.err)


def interrupting(words: str, times: int) -> Callable[[str, int], None]:
    """Return what interrupts a command once it has written `words` so many times."""
    sent: list[int] = []

    def watch(shown: str, pid: int) -> None:
        if shown.count(words) >= times and not sent:
            os.kill(pid, signal.SIGINT)
            sent.append(pid)

    return watch


def test_inside_the_first_pass_finished_processes_are_kept(root: Path, tiny_data: Path) -> None:
    # Five cells, one of them twice the same, have ten steps in each of five passes. Those of one number of threads have
    # six of them or four, so at the seventh the cells of one number are measured, and those of the other loaded.
    code, shown = on_terminal(
        *ASKED, "--data", tiny_data, "--artifacts", root, columns=100, watch=interrupting("7/50", 1)
    )
    assert code == 130
    found = results.load(newest(root))
    assert not found.complete and found.passes_done == 0
    cells, asked = len(found.measurements), 4
    assert 0 < cells < asked
    skipped = [skip for skip in found.skips if skip.kind is SkipKind.INTERRUPTED]
    assert len(skipped) == asked - cells and "interrupted before it was measured" in skipped[0].reason
    assert_figures_follow(found, recording.load(root / "results" / str(found.samples)))
    assert f"holds {cells} of {asked} cells of the first pass" in " ".join(shown.split())
    done = mnist_deploy("bench", "--resume", "--data", tiny_data, "--artifacts", root)
    after = results.load(newest(root))
    assert done.code == 0 and after.complete and after.passes_done == 5 and len(after.measurements) == asked
    assert not [skip for skip in after.skips if skip.kind is SkipKind.INTERRUPTED]


def test_inside_a_later_pass_the_unfinished_one_is_left_out(root: Path, tiny_data: Path) -> None:
    code, shown = on_terminal(
        *ASKED, "--data", tiny_data, "--artifacts", root, columns=100, watch=interrupting("after pass 1 of 5", 1)
    )
    found = results.load(newest(root))
    assert code == 130 and found.passes_done == 1 and not found.complete
    assert_figures_follow(found, recording.load(root / "results" / str(found.samples)))
    assert shown.rstrip().count("\x1b[?25l") == shown.count("\x1b[?25h") > 0, "the cursor is there again"


def test_before_anything_is_measured_nothing_is_written(root: Path, tiny_data: Path) -> None:
    before = written(root)
    code, shown = on_terminal(*ASKED, "--data", tiny_data, "--artifacts", root, watch=interrupting("bench", 1))
    assert code == 130 and "interrupted; run the same command again" in shown
    assert written(root) == before


REFUSED: dict[str, tuple[Callable[[dict], None], str]] = {
    "processor": (lambda found: found["environment"].update(cpu="Another"), "environment.cpu: Another against "),
    "library": (
        lambda found: found["environment"]["libraries"].update({"ai-edge-litert": "0.1"}),
        "environment.libraries.ai-edge-litert: 0.1 against ",
    ),
    "what a library requires": (
        lambda found: found["environment"]["distributions"].update({"protobuf": "0.1"}),
        "environment.distributions.protobuf: 0.1 against ",
    ),
    "python": (lambda found: found["environment"].update(python="3.9.0"), "environment.python: 3.9.0 against "),
    "data": (lambda found: found.update(data_sha256="4" * 64), "data_sha256: 444444444444 against "),
    "artifact": (
        lambda found: found["measurements"][0].update(artifact_sha256="5" * 64),
        f"artifact_sha256 of {MLP} tflite ",
    ),
    "cells": (
        lambda found: found["asked"].update(precisions=["int8"]),
        f"{MLP} tflite float32 in litert is no longer to be measured here",
    ),
    "more cells": (
        lambda found: found["asked"].update(precisions=None),
        "was not to be measured then",
    ),
    "killed": (lambda found: found.update(samples=None), "its samples were not saved"),
    "samples": (lambda found: found.update(samples="nowhere.npz"), "nowhere.npz: not readable"),
    "samples elsewhere": (lambda found: found.update(samples="../../any.npz"), "samples: String should match"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_changed_is_named_and_nothing_is_written(
    case: str, again: Interrupted, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    change, words = REFUSED[case]
    content = json.loads(again.path.read_text())
    change(content)
    again.path.write_text(documents.sealed(json.dumps(content)))
    before = written(again.root)
    code, out, err = ended(capfd, "bench", "--resume", "--data", tiny_data, "--artifacts", again.root)
    assert code == 2 and out == "" and words in one_line(err)
    assert re.search("begin (anew|one): mnist-deploy bench", err)
    assert written(again.root) == before


def test_what_only_came_or_went_took_no_part_in_both_halves() -> None:
    then, now = (
        ENVIRONMENT.model_copy(update={"distributions": {"protobuf": "7.0", name: "1.0"}}) for name in ("gone", "new")
    )
    assert list(library_differences(then, now)) == []
    newer = now.model_copy(update={"distributions": {"protobuf": "7.1"}})
    assert list(library_differences(then, newer)) == ["environment.distributions.protobuf: 7.0 against 7.1"]


def test_a_cell_that_failed_then_is_not_tried_again(again: Interrupted, tiny_data: Path) -> None:
    """As a failure in the first pass leaves it: a skip, and no samples."""
    content, samples = json.loads(again.path.read_text()), again.samples
    gone = next(key for key in samples.passes if key.precision == "float32" and key.batch_size > 1)
    cells = [(row["precision"], row["batch_size"]) for row in content["measurements"]]
    del content["measurements"][cells.index(("float32", gone.batch_size))]
    names = ("architecture", "format", "precision", "runtime", "device")
    skip = {
        "kind": "failed",
        "reason": "it broke",
        "remedy": "run again with --debug",
        **{name: getattr(gone, name) for name in names},
    }
    content["skips"].append(skip)
    del samples.passes[gone]
    samples.save(again.root / "results" / content["samples"])
    again.path.write_text(documents.sealed(json.dumps(content)))
    code = cli.run(["bench", "--resume", "--data", str(tiny_data), "--artifacts", str(again.root)])
    after = again.found
    assert code == 1 and after.complete and len(after.measurements) == 3
    assert [one.reason for one in after.skips if one.kind is SkipKind.FAILED] == ["it broke"]


def test_the_table_is_told_only_while_no_worker_lives(store: ArtifactStore, tiny_run: TinyRun) -> None:
    boards: list[Board] = []
    workers: list[psutil.Process] = []

    class Look(Silent):
        def show(self, board: Board) -> None:
            boards.append(board)
            # The children are hosts, which sleep in a read; a worker is a host's child.
            workers.extend(one for host in psutil.Process().children() for one in host.children())

    found = running.new_results("bench", tiny_run.dataset, quick=False)
    asked = Selection(architectures=[MLP], formats=["tflite", "onnx"], precisions=["int8"])
    bench(store, tiny_run.dataset, asked, schedule.uses(None, None, 2), found, Look(), Plan(passes=2))
    assert workers == []
    assert [one.passes_done for one in boards] == [1, 2]
    assert found.noise is not None and boards[-1].disturbed == found.noise.disturbed
    final = sorted(one.latency_quiet_s for one in found.measurements)
    assert sorted(one.quiet_s for one in boards[-1].standings) == pytest.approx(final)
