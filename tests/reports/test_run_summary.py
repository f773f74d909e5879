"""What a run says at its end: what worked, what to use, what failed and what to do, in words that need no color."""

import io
from pathlib import Path

import pytest

from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.parity import ProcessorRow
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.pipeline.recommending import Advice
from mnist_deploy.reports.layout import ReportConsole
from mnist_deploy.reports.run_summary import MOST, run_summary
from mnist_deploy.results import Results, Skip, SkipKind
from tests.records import RACE, RECORDS, race, rival

FILE = Path("/somewhere/artifacts/mlp-tanh-128/int8.tflite")


def shown(results: Results, width: int = 500) -> dict[str, list[str]]:
    """The lines below each heading, in order."""
    found = Gathered(results, [Path("latest.json")], None)
    advice = Advice(recommend(results, Wishes()), found, FILE) if results.measurements else None
    stream = io.StringIO()
    ReportConsole(file=stream, width=width, highlight=False, markup=False).print(
        run_summary(results, advice), crop=False
    )
    sections: dict[str, list[str]] = {}
    for line in stream.getvalue().splitlines():
        if line.startswith("  "):
            sections[list(sections)[-1]].append(line.strip())
        else:
            sections[line.strip()] = []
    return sections


def test_what_worked_stands_before_what_failed_and_what_to_do_comes_last() -> None:
    sections = shown(RACE)
    assert list(sections) == ["What worked", "What to use", "What failed", "What to do"]
    assert sections["What worked"] == [
        "8 of 8 artifacts exported",
        "6 of 8 pairs of artifact and runtime verified: they answer as the trained network does",
        "8 of 8 pairs measured",
    ]
    use = sections["What to use"]
    assert f"file {FILE}" in use and any(line.startswith("mnist-deploy package ") for line in use)
    (failed,) = sections["What failed"]
    assert failed.startswith("mlp-relu-128 tflite int8 in litert: ")
    assert (
        "mnist-deploy diagnose mlp-relu-128 --format tflite --precision int8 --runtime litert" in sections["What to do"]
    )


def test_where_all_is_well_nothing_is_said_of_failures() -> None:
    well = race(rival("mlp-tanh-128", "tflite", "int8", "litert", 2.9e-6))
    assert list(shown(well)) == ["What worked", "What to use"]
    assert next(iter(shown(well.model_copy(update={"quick": True})))) == "[quick] What worked"


def test_why_an_artifact_failed_is_said_in_plain_words() -> None:
    row = RECORDS.parity[2]
    flipped = shown(RECORDS)["What failed"][0]
    assert flipped == (
        "mlp-relu-128 tflite int8 in litert: another digit than the trained network for 23 of 10,000 test images, "
        "95.13% right in place of 95.25%; more than its gate (int8) allows"
    )
    same = row.model_copy(update={"flips": [], "failures": ["max abs error 0.2 > 0.0001"]})
    not_finite = row.model_copy(update={"max_abs_error": None, "flips": []})
    for changed, words in ((same, "the same digits"), (not_finite, "no numbers (NaN or infinite)")):
        assert words in shown(RECORDS.model_copy(update={"parity": [changed]}))["What failed"][0]


def test_one_line_an_artifact_with_all_runtimes_that_it_failed_in() -> None:
    row = RECORDS.parity[2]
    others = [row.model_copy(update={"runtime": name}) for name in ("litert-builtin", "iree")]
    sections = shown(RECORDS.model_copy(update={"parity": [row, *others], "skips": []}))
    assert len(sections["What failed"]) == 1
    assert "tflite int8 in litert, litert-builtin, iree: " in sections["What failed"][0]
    assert sum(line.startswith("mnist-deploy diagnose ") for line in sections["What to do"]) == 1


def test_what_could_not_be_exported_run_or_read_is_named_with_its_remedy() -> None:
    sections = shown(RECORDS)
    assert "mlp-relu-256 tflite int8: not exported, since stale" in sections["What failed"]
    assert "mlp-relu-256 onnx int8 in openvino: not run, since RuntimeError: [x] broke" in sections["What failed"]
    assert "mlp-relu-256 tflite int8: mnist-deploy export mlp-relu-256" in sections["What to do"]
    assert not any("GPU" in line for line in sections["What failed"]), "what this machine has not got did not fail"


def test_another_answer_on_another_processor_is_a_failure() -> None:
    row = ProcessorRow(
        architecture="mlp-tanh-128", format="tflite", precision="int8", runtime="litert", processor="Haswell",
        emulator="qemu", compared_with="a CPU", images=300, test_images=10_000, changed=40, max_abs_difference=0.4,
        flips=50, flips_here=10, runtime_version="1.0", model_sha256="1" * 64, artifact_sha256="0" * 64, passed=False,
        failures=["40 of 300"],
    )  # fmt: skip
    sections = shown(RACE.model_copy(update={"processors": [row]}))
    assert any("another digit on another processor (Haswell, emulated) for 40 of 300" in line
               for line in sections["What failed"])  # fmt: skip


def test_a_format_whose_layers_no_runtime_shows_is_made_anew() -> None:
    row = RECORDS.parity[2].model_copy(update={"format": "mnn", "precision": "float32", "runtime": "mnn"})
    todo = shown(RECORDS.model_copy(update={"parity": [row], "skips": []}))["What to do"]
    assert "mnist-deploy export mlp-relu-128 --format mnn --precision float32 --force" in todo


def test_many_failures_are_counted_and_not_listed() -> None:
    rows = [RECORDS.parity[2].model_copy(update={"architecture": f"network-{number}"}) for number in range(3 * MOST)]
    sections = shown(RECORDS.model_copy(update={"parity": rows, "skips": []}))
    assert len(sections["What failed"]) == MOST
    assert sections["What failed"][-1] == f"and {2 * MOST + 1} more: see the tables above"


def test_nothing_to_use_is_said() -> None:
    failed = race(rival("mlp-relu-128", "tflite", "int8", "litert", 2.8e-6, passed=False))
    assert shown(failed)["What to use"][0].startswith("Nothing: None of 1 candidate")
    skip = Skip(kind=SkipKind.FAILED, runtime="litert", reason="it broke")
    assert shown(race(skips=[skip]))["What to use"] == ["Nothing: nothing was measured."]


@pytest.mark.parametrize("width", [40, 100])
def test_commands_are_never_broken(width: int) -> None:
    whole = shown(RACE)
    lines = [line for section in shown(RACE, width).values() for line in section]
    assert all(line in lines for section in whole.values() for line in section if line.startswith("mnist-deploy "))
